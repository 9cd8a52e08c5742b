#include "api/settings.h"

#include <arpa/inet.h>

#include <algorithm>
#include <memory>

#include "api/status_of.h"
#include "base/text.h"
#include "http/h1/chars.h"
#include "http/message.h"
#include "teleport/link_choice.h"
#include "tls/certificate_store.h"

namespace httpteleport::api {

namespace {

constexpr size_t kThreadsMax = 1024;
constexpr size_t kHeadBytesMax = size_t{16} * 1024 * 1024;

Status invalid(const char* message) {
  return {StatusCode::kInvalidArgument, message};
}

// What is added to the time must not overflow.
constexpr Duration kDurationMax = std::chrono::hours(24 * 365 * 10);

bool are_usable(std::initializer_list<Duration> durations) {
  for (const Duration duration : durations) {
    if (duration <= Duration::zero() || duration > kDurationMax) return false;
  }
  return true;
}

bool is_delay(Duration delay) {
  return delay >= Duration::zero() && delay <= kDurationMax;
}

bool is_ip(const std::string& host) {
  in6_addr place{};
  return inet_pton(AF_INET, host.c_str(), &place) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &place) == 1;
}

std::optional<teleport::LinkOptions> choice_of(Protocol protocol, teleport::CodingChoice coding,
                                               Compression compression) {
  using Kind = teleport::CodingChoice::Kind;
  using teleport::ProtocolChoice;
  switch (compression) {
    case Compression::kFlate:
      coding.kind = Kind::kFlate;
      break;
    case Compression::kNone:
      coding.kind = Kind::kNone;
      break;
    case Compression::kSnappy:
      coding.kind = Kind::kSnappy;
      break;
    case Compression::kZstd:
      coding.kind = Kind::kZstd;
      break;
    case Compression::kAuto:
      break;
  }
  ProtocolChoice version = ProtocolChoice::kAuto;
  if (protocol == Protocol::kV0) version = ProtocolChoice::kV0;
  if (protocol == Protocol::kV2) version = ProtocolChoice::kV2;
  return teleport::choose_link(version, coding);
}

template <class Options>
std::optional<teleport::LinkOptions> choice_of(const Options& options) {
  return choice_of(options.protocol,
                   {.flate_level = options.flate_level, .zstd_level = options.zstd_level},
                   options.compression);
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return http::h1::is_char(c, http::h1::kTokenChar);
  });
}

template <class Options>
Status check_link(const Options& options) {
  if (options.flate_level < 1 || options.flate_level > 9)
    return invalid("flate_level is not between 1 and 9");
  if (options.zstd_level < 1 || options.zstd_level > teleport::kZstdLevelMax)
    return invalid("zstd_level is not between 1 and 19");
  if (!choice_of(options)) return invalid("compression: the version of protocol does not have it");
  for (const std::string& name : options.secret_headers) {
    if (!is_token(name)) return invalid("secret_headers: not the name of a header");
  }
  return {};
}

teleport::v2::TableSizes tables_of(LinkMemory memory) {
  switch (memory) {
    case LinkMemory::kSmall:
      return teleport::v2::kSmallTables;
    case LinkMemory::kLarge:
      return teleport::v2::kLargeTables;
    case LinkMemory::kNormal:
      break;
  }
  return teleport::v2::kNormalTables;
}

// Checked before.
template <class Options>
void take_any_link(const Options& from, teleport::LinkOptions& to) {
  if (const auto chosen = choice_of(from)) to = *chosen;
  to.v2.hello.tables = tables_of(from.link_memory);
  to.v2.secret_fields.clear();
  for (const std::string& name : from.secret_headers)
    to.v2.secret_fields.push_back(lower_case(name));
}

Status check(const ClientOptions& options) {
  if (const Status status = check_link(options); !status.ok()) return status;
  if (!is_delay(options.max_batch_delay))
    return invalid("max_batch_delay is negative or over ten years");
  if (options.max_pending < 1 || options.max_pending > kClientPendingMax)
    return invalid("max_pending is not between 1 and 4,000,000");
  if (options.connections < 1 || options.connections > kThreadsMax)
    return invalid("connections is not between 1 and 1024");
  if (options.threads < 1 || options.threads > options.connections)
    return invalid("threads is not between 1 and connections");
  if (options.max_request_head_bytes > kHeadBytesMax ||
      options.max_response_head_bytes > kHeadBytesMax)
    return invalid("max_request_head_bytes or max_response_head_bytes is over 16 MiB");
  if (!are_usable({options.connect_timeout, options.idle_timeout, options.read_timeout,
                   options.write_timeout}))
    return invalid(
        "connect_timeout, idle_timeout, read_timeout and write_timeout must be above zero, and ten "
        "years at most");
  return {};
}

Status read_tls(const ClientTlsOptions& from, tls::ClientOptions& to) {
  to.server_name = from.server_name;
  if (!from.insecure) {
    auto trusted =
        from.ca_file.empty() ? tls::TrustStore::system() : tls::TrustStore::load(from.ca_file);
    if (!trusted)
      return {StatusCode::kInvalidArgument, "tls.ca_file cannot be used", false,
              trusted.error().sys_errno};
    to.trusted = *trusted;
  }
  if (from.certificate_file.empty() != from.key_file.empty())
    return invalid("tls.certificate_file and tls.key_file go together");
  if (from.certificate_file.empty()) return {};
  auto certificate = tls::Certificate::load(from.certificate_file, from.key_file);
  if (!certificate)
    return {StatusCode::kInvalidArgument, certificate.error().detail, false,
            certificate.error().sys_errno};
  to.certificate = *certificate;
  return {};
}

Status read_address(ClientSettings& settings) {
  const std::string& address = settings.options.address;
  if (const auto path = unix_path_of(address)) {
    const Result<net::Address> found = net::Address::unix_path(*path);
    if (!found) return invalid(found.error().detail);
    settings.addresses.push_back(*found);
    settings.default_host = settings.host = "localhost";
    return {};
  }
  const Result<net::HostPort> target = net::parse_host_port(address);
  settings.default_host = address;
  if (settings.options.dial) {
    if (address.empty()) settings.default_host = "localhost";
    settings.host = target ? target->host : settings.default_host;
    return {};
  }
  if (!target || target->port == 0)
    return invalid(target ? "address has no port to connect to" : target.error().detail);
  settings.host = target->host.empty() ? "127.0.0.1" : target->host;
  if (target->host.empty()) settings.default_host = settings.host + address;
  if (!target->host.empty() && !is_ip(target->host)) {
    settings.to_look_up = *target;
    return {};
  }
  Result<std::vector<net::Address>> found = net::resolve_connect(*target);
  if (!found) return invalid(found.error().detail);
  settings.addresses = *std::move(found);
  return {};
}

}  // namespace

StatusOr<ClientSettings> make_settings(const ClientOptions& options) {
  if (const Status status = check(options); !status.ok()) return status;
  ClientSettings settings{.options = options, .default_host = {}};
  if (const Status status = read_address(settings); !status.ok()) return status;
  if (options.tls.enabled) {
    if (const Status status = read_tls(options.tls, settings.tls); !status.ok()) return status;
  }
  return settings;
}

Status check(const ServerOptions& options) {
  if (const Status status = check_link(options); !status.ok()) return status;
  if (!is_delay(options.max_batch_delay))
    return invalid("max_batch_delay is negative or over ten years");
  if (options.workers < 1 || options.workers > kThreadsMax)
    return invalid("workers is not between 1 and 1024");
  if (options.concurrency < 1) return invalid("concurrency is zero");
  if (options.max_request_head_bytes > kHeadBytesMax ||
      options.max_response_head_bytes > kHeadBytesMax)
    return invalid("max_request_head_bytes or max_response_head_bytes is over 16 MiB");
  if (!are_usable({options.handshake_timeout, options.read_timeout, options.write_timeout}))
    return invalid(
        "handshake_timeout, read_timeout and write_timeout must be above zero, and ten years at "
        "most");
  return {};
}

StatusOr<tls::ServerOptions> make_tls_options(const ServerOptions& options) {
  tls::ServerOptions to;
  const ServerTlsOptions& from = options.tls;
  if (from.certificate_file.empty() != from.key_file.empty())
    return invalid("tls.certificate_file and tls.key_file go together");
  if (from.certificate_file.empty()) {
    if (from.client_ca_file.empty()) return to;
    return invalid("tls.client_ca_file needs tls.certificate_file");
  }
  auto certificate = tls::Certificate::load(from.certificate_file, from.key_file);
  if (!certificate)
    return Status(StatusCode::kInvalidArgument, certificate.error().detail, false,
                  certificate.error().sys_errno);
  to.ticket_keys = std::make_shared<tls::TicketKeys>(std::vector<std::string>{});
  to.certificates = std::make_shared<tls::CertificateStore>(std::vector{*std::move(certificate)});
  if (from.client_ca_file.empty()) return to;
  auto client_cas = tls::TrustStore::load(from.client_ca_file);
  if (!client_cas)
    return Status(StatusCode::kInvalidArgument, "tls.client_ca_file cannot be used", false,
                  client_cas.error().sys_errno);
  to.client_cas = *std::move(client_cas);
  return to;
}

void take_link(const ClientOptions& from, teleport::LinkOptions& to) {
  take_any_link(from, to);
}

void take_link(const ServerOptions& from, teleport::LinkOptions& to) {
  take_any_link(from, to);
}

std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  while (const auto name = http::next_list_element(list))
    names.emplace_back(*name);
  return names;
}

std::string joined_names(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names)
    list += (list.empty() ? "" : ",") + name;
  return list;
}

std::optional<std::string_view> unix_path_of(std::string_view address) {
  constexpr std::string_view kScheme = "unix:";
  if (address.starts_with(kScheme)) return address.substr(kScheme.size());
  if (address.starts_with('/') || address.starts_with('@')) return address;
  return std::nullopt;
}

void add_to(LinkStats& stats, const metrics::LinkMetrics& metrics) {
  stats.links_open += static_cast<uint64_t>(metrics.open.value());
  stats.raw_bytes_sent += metrics.raw_sent.value();
  stats.wire_bytes_sent += metrics.wire_sent.value();
  stats.raw_bytes_received += metrics.raw_received.value();
  stats.wire_bytes_received += metrics.wire_received.value();
  stats.batches_sent += metrics.batches_sent.value();
  stats.messages_sent += metrics.messages_sent.value();
  stats.messages_received += metrics.messages_received.value();
}

}  // namespace httpteleport::api
