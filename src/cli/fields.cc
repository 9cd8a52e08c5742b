#include "cli/fields.h"

#include <algorithm>
#include <array>

namespace httpteleport::cli {

namespace {

using enum FieldKind;
constexpr auto kGiven = config::FlagInfo::kNoDefault;

// One table of several.
template <size_t... kSizes>
constexpr auto join(const std::array<FieldInfo, kSizes>&... parts) {
  std::array<FieldInfo, (kSizes + ...)> all{};
  auto next = all.begin();
  ((next = std::copy(parts.begin(), parts.end(), next)), ...);
  return all;
}

// Of services, and for all services.
constexpr auto kDefaults = std::to_array<FieldInfo>({
    {{"balance", "NAME",
      "how backends are chosen: RR, LC, least-loaded, p2c, ewma or "
      "hash:FIELD",
      kGiven},
     kText,
     "balance"},
    {{"check-interval", "TIME", "interval of health checks", kGiven},
     kMilliseconds,
     "check_interval"},
    {{"fall", "NUMBER", "failed checks in a row that take a backend out", kGiven}, kNumber, "fall"},
    {{"rise", "NUMBER", "good checks in a row that bring it back", kGiven}, kNumber, "rise"},
    {{"client-timeout", "TIME", "longest silence of a client; 0: no limit", kGiven},
     kMilliseconds,
     "client_timeout"},
    {{"server-timeout", "TIME", "longest silence of a backend; 0: no limit", kGiven},
     kMilliseconds,
     "server_timeout"},
    {{"dial-timeout", "TIME", "longest wait for a connection to a backend", kGiven},
     kMilliseconds,
     "connect_timeout"},
});

// Of services and of backends.
constexpr auto kLimits = std::to_array<FieldInfo>({
    {{"connections", "NUMBER", "most connections at a time, of HTTP requests; 0: no limit", kGiven},
     kNumber,
     "limits.connections"},
    {{"connections-per-second", "NUMBER", "most new connections a second; 0: no limit", kGiven},
     kNumber,
     "limits.connections_per_second"},
    {{"requests-per-second", "NUMBER", "most HTTP requests a second; 0: no limit", kGiven},
     kNumber,
     "limits.requests_per_second"},
    {{"burst", "NUMBER", "how many may come at once within these rates", kGiven},
     kNumber,
     "limits.burst"},
});

constexpr auto kGlobalFields =
    join(kDefaults,
         std::to_array<FieldInfo>({
             {{"https-redirect", "", "plain HTTP is redirected to HTTPS, in every service", kGiven},
              kSwitch,
              "https-redirect"},
         }));

constexpr auto kServiceFields = join(
    std::to_array<FieldInfo>({
        {{"address", "ADDRESS", "address to listen on", kGiven}, kText, "address"},
        {{"network", "NAME",
          "kind of that address: tcp, tcp4, tcp6, udp, udp4, udp6, unix, http, "
          "https, teleport or teleports",
          kGiven},
         kText,
         "network"},
    }),
    kDefaults,
    std::to_array<FieldInfo>({
        {{"https-redirect", "", "plain HTTP is redirected to HTTPS", kGiven},
         kSwitch,
         "https-redirect"},
        {{"vhost", "HOST", "virtual host; may be repeated; an empty one alone: none", kGiven},
         kTexts,
         "virtual_hosts"},
        {{"error-page", "PAGE",
          "page for HTTP errors and their statuses, as "
          "'http://example.com/|500,503'; may be repeated; an empty one alone: "
          "none",
          kGiven},
         kErrorPages,
         "error_pages"},
        {{"maintenance-mode", "", "every request gets 503, as with the command maintenance",
          kGiven},
         kSwitch,
         "maintenance_mode"},
        {{"check-type", "NAME", "tcp, http, https, tls, exchange or none", kGiven},
         kText,
         "check.type"},
        {{"check-path", "PATH", "target of HTTP checks", kGiven}, kText, "check.path"},
        {{"check-host", "HOST", "host that checks name", kGiven}, kText, "check.host"},
        {{"check-status", "STATUSES", "good statuses of HTTP checks, as 200,204", kGiven},
         kStatuses,
         "check.status"},
        {{"check-send", "TEXT", "what exchange checks send", kGiven}, kText, "check.send"},
        {{"check-expect", "TEXT", "what the answer to a check must contain", kGiven},
         kText,
         "check.expect"},
        {{"check-timeout", "TIME", "longest wait for a check", kGiven},
         kMilliseconds,
         "check.timeout"},
    }),
    kLimits,
    std::to_array<FieldInfo>({
        {{"client-connections", "NUMBER", "as -connections, of each client address", kGiven},
         kNumber,
         "client_limits.connections"},
        {{"client-connections-per-second", "NUMBER",
          "as -connections-per-second, of each client "
          "address",
          kGiven},
         kNumber,
         "client_limits.connections_per_second"},
        {{"client-requests-per-second", "NUMBER", "as -requests-per-second, of each client address",
          kGiven},
         kNumber,
         "client_limits.requests_per_second"},
        {{"client-burst", "NUMBER", "as -burst, of each client address", kGiven},
         kNumber,
         "client_limits.burst"},
        {{"slow-start", "TIME", "time that a backend that has come back takes to its full share",
          kGiven},
         kMilliseconds,
         "slow_start"},
        {{"idle-timeout", "TIME", "end of a UDP session without datagrams", kGiven},
         kMilliseconds,
         "idle_timeout"},
        {{"sessions-max", "NUMBER", "most UDP sessions", kGiven}, kNumber, "sessions_max"},
        {{"proxy-protocol", "VERSION", "PROXY header that backends get: v1, v2 or empty", kGiven},
         kText,
         "proxy_protocol"},
        {{"accept-proxy-protocol", "VERSION",
          "PROXY header that clients send: v1, v2, any or empty", kGiven},
         kText,
         "accept_proxy_protocol"},
        {{"proxy-protocol-from", "ADDRESS",
          "who may send one: an address or a CIDR; may be repeated", kGiven},
         kTexts,
         "proxy_protocol_from"},
        {{"backend-header", "", "answers name their backend in X-Backend", kGiven},
         kSwitch,
         "backend_header"},
        {{"link-protocol", "VERSION", "of teleport links: auto, v2 or v0", kGiven},
         kText,
         "link_protocol"},
        {{"link-traffic", "NAME", "over links to its own addresses: http, tcp, udp", kGiven},
         kText,
         "link_traffic"},
        {{"compression", "NAME", "of teleport links: auto, none, zstd; of v0 flate, snappy",
          kGiven},
         kText,
         "compression"},
        {{"link-plain-bodies", "", "bodies are not compressed toward teleport backends", kGiven},
         kSwitch,
         "link_plain_bodies"},
        {{"tls-ca-file", "FILE", "authorities of https and teleports backends", kGiven},
         kText,
         "tls_ca_file"},
        {{"tls-server-name", "HOST", "name in the certificates of these backends", kGiven},
         kText,
         "tls_server_name"},
        {{"tls-skip-verify", "", "their certificates are not checked", kGiven},
         kSwitch,
         "tls_skip_verify"},
    }));

constexpr auto kBackendFields = join(
    std::to_array<FieldInfo>({
        {{"address", "ADDRESS", "where the backend is", kGiven}, kText, "address"},
        {{"network", "NAME",
          "kind of that address: tcp, tcp4, tcp6, unix, udp, udp4, udp6, http, "
          "https, teleport or teleports",
          kGiven},
         kText,
         "network"},
        {{"check-address", "ADDRESS", "where its health is checked; empty: not at all", kGiven},
         kText,
         "check_address"},
        {{"weight", "NUMBER", "its share, 0 to 256; 0: nothing new", kGiven}, kNumber, "weight"},
    }),
    kLimits);

}  // namespace

std::span<const FieldInfo> fields_of(FieldSet set) {
  switch (set) {
    case FieldSet::kGlobals:
      return kGlobalFields;
    case FieldSet::kService:
      return kServiceFields;
    case FieldSet::kBackend:
      return kBackendFields;
    case FieldSet::kNone:
      break;
  }
  return {};
}

void FieldValues::add_to(config::GoFlags& flags, FieldSet set) {
  for (const FieldInfo& info : fields_of(set)) {
    FieldValue& value = values_.emplace_back(FieldValue{.info = &info});
    switch (info.kind) {
      case kText:
      case kStatuses:
        flags.add(info.flag, value.text);
        break;
      case kNumber:
        flags.add(info.flag, value.number);
        break;
      case kSwitch:
        flags.add(info.flag, value.on);
        break;
      case kMilliseconds:
        flags.add(info.flag, value.time);
        break;
      case kTexts:
      case kErrorPages:
        flags.add(info.flag, value.list);
        break;
    }
  }
}

std::vector<FieldValue> FieldValues::given(const config::GoFlags& flags) const {
  std::vector<FieldValue> given;
  for (const FieldValue& value : values_) {
    const config::GoFlags::Flag* flag = flags.find(value.info->flag.name);
    if (flag != nullptr && flag->origin.layer == config::Layer::kFlag) given.push_back(value);
  }
  return given;
}

bool parse_statuses(const std::string& text, std::vector<int64_t>& statuses) {
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    int64_t status = 0;
    if (!config::parse_int(text.substr(begin, end - begin), status)) return false;
    if (status < 100 || status > 599) return false;
    statuses.push_back(status);
    begin = end + 1;
  }
  return !statuses.empty();
}

bool parse_error_page(const std::string& text, std::string& url, std::vector<int64_t>& statuses) {
  const size_t bar = text.rfind('|');
  if (bar == std::string::npos || bar == 0) return false;
  url = text.substr(0, bar);
  return parse_statuses(text.substr(bar + 1), statuses);
}

}  // namespace httpteleport::cli
