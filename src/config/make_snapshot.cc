#include "config/make_snapshot.h"

#include <algorithm>
#include <thread>

#include "base/text.h"
#include "config/addresses.h"
#include "config/certificates.h"
#include "config/checks.h"

namespace httpteleport::config {

namespace {

size_t to_size(int64_t number) {
  return static_cast<size_t>(std::max<int64_t>(number, 0));
}

size_t share(int64_t number, size_t workers) {
  return (to_size(number) + workers - 1) / workers;
}

// Checked before; an empty set when it is not well formed.
net::AddressSet address_set(const std::string& list) {
  std::string why;
  return net::AddressSet::parse(list, why).value_or(net::AddressSet());
}

net::Address tcp_address(std::string_view flag, const std::string& text, Problems& problems) {
  const net::Address address = listen_address(flag, text, false, problems);
  if (address.is_unix()) problems.fail(flag, text, "host:port, :port or [ipv6]:port is accepted");
  return address;
}

void fill_autocert(const HttptpOptions& options, const Snapshot* running, Snapshot& snapshot,
                   Problems& problems) {
  if (!uses_autocert(options)) return;
  check_autocert_files(options, problems);
  if (running != nullptr && running->autocert) {
    snapshot.autocert_http_address = running->autocert_http_address;
    snapshot.autocert = running->autocert;
    return;
  }
  const bool has_address = !options.autocert_http_address.empty();
  if (has_address) {
    snapshot.autocert_http_address =
        tcp_address("autocertHTTPAddr", options.autocert_http_address, problems);
  }
  std::string why;
  acme::Options autocert;
  autocert.cache_dir = options.autocert_cache_dir;
  autocert.host_regexp = options.autocert_host_regexp;
  autocert.directory_url = options.autocert_url;
  autocert.ca_file = options.autocert_ca_file;
  autocert.email = options.autocert_email;
  autocert.http01_enabled = has_address;
  snapshot.autocert = acme::Manager::create(autocert, why);
  // The checks of the single flags have found what it finds, as a rule.
  if (!snapshot.autocert && problems.errors().empty())
    problems.fail("autocertURL", options.autocert_url, why);
}

void fill_listener(const HttptpOptions& options, const Snapshot* running, Snapshot& snapshot,
                   Problems& problems) {
  const EndType type = end_type_of(options.in_type);
  snapshot.listener = {
      .protocol = type.is_link ? ListenerProtocol::kTeleport : ListenerProtocol::kHttp1,
      .address = running != nullptr ? running->listener.address
                                    : listen_address("in", options.in, type.is_unix, problems),
      .shared_with_others = options.reuse_port,
      .unix_mode = parse_unix_mode(options.in_unix_mode).value_or(0),
      .allow = address_set(options.in_allow_ip),
      .proxy_versions = {.v1 = options.in_proxy_protocol == "v1" ||
                               options.in_proxy_protocol == "any",
                         .v2 = options.in_proxy_protocol == "v2" ||
                               options.in_proxy_protocol == "any"},
      .proxy_senders = address_set(options.in_proxy_protocol_from),
      .handshake_timeout = options.in_handshake_timeout};
}

// What a running proxy has made for itself stays in use: session tickets that clients hold, and
// certificates that are being obtained.
void fill_tls(const HttptpOptions& options, const Snapshot* running, Snapshot& snapshot,
              Problems& problems) {
  if (!end_type_of(options.in_type).has_tls) return;
  // What obtains them is started and ended with the process.
  if (running != nullptr && (running->autocert != nullptr) != uses_autocert(options))
    problems.fail("inTLSCert", "to obtain certificates, or to read them instead, takes a restart");
  fill_autocert(options, running, snapshot, problems);
  snapshot.tls = server_tls(options, snapshot.autocert, problems);
  if (snapshot.tls && running != nullptr && running->tls &&
      snapshot.tls->ticket_keys->has_secrets_of(*running->tls->ticket_keys)) {
    snapshot.tls->ticket_keys = running->tls->ticket_keys;
  }
}

void fill_http1_sessions(const HttptpOptions& options, Snapshot& snapshot) {
  proxy::Http1SessionOptions& sessions = snapshot.http1_sessions;
  sessions.handshake_timeout = options.in_handshake_timeout;
  sessions.head_limits.head_bytes_max = to_size(options.in_header_bytes_max);
  sessions.head_timeout = options.in_head_timeout;
  sessions.body_idle_timeout = options.in_body_idle_timeout;
  sessions.keep_alive_timeout = options.in_keep_alive_timeout;
  sessions.write_idle_timeout = options.in_write_idle_timeout;
}

teleport::v2::TableSizes tables_of(const HttptpOptions& options) {
  return teleport::parse_link_memory(options.link_memory).value_or(teleport::v2::kNormalTables);
}

std::vector<std::string> secret_fields(const HttptpOptions& options) {
  std::vector<std::string> names;
  for (const std::string& name : list_elements(options.link_secret_headers))
    names.push_back(lower_case(name));
  return names;
}

void fill_teleport_sessions(const HttptpOptions& options, Snapshot& snapshot) {
  proxy::TeleportSessionOptions& links = snapshot.teleport_sessions;
  static_cast<teleport::LinkOptions&>(links) = link_in(options);
  links.v2.hello.tables = tables_of(options);
  links.v2.hello.streams = static_cast<uint32_t>(options.concurrency);
  links.v2.secret_fields = secret_fields(options);
  links.batch_delay = options.in_delay;
  links.request_head_bytes_max = links.response_head_bytes_max =
      to_size(options.in_header_bytes_max);
  links.response_bytes_max = to_size(options.out_body_bytes_max);
  links.held_request_bytes_max = static_cast<uint64_t>(options.in_body_bytes_max);
  links.streams_max = to_size(options.concurrency);
  links.tls_required = !options.in_allow_plaintext;
  if (end_type_of(options.in_type).has_tls) links.handshake_timeout = options.in_handshake_timeout;
}

void fill_links_out(const HttptpOptions& options, size_t workers,
                    upstream::TeleportOptions& links) {
  static_cast<teleport::LinkOptions&>(links) = link_out(options);
  links.v2.hello.tables = tables_of(options);
  links.v2.secret_fields = secret_fields(options);
  links.batch_delay = options.out_delay;
  // Every worker needs one of its own: fewer than workers cannot be.
  links.links = share(options.out_connections, workers);
  links.request_head_bytes_max = to_size(options.out_header_bytes_max);
  links.response_head_bytes_max = to_size(options.out_header_bytes_max);
  links.response_bytes_max = to_size(options.out_body_bytes_max);
  links.pending_max = to_size(options.concurrency);
}

void fill_balancing(const HttptpOptions& options, size_t workers,
                    upstream::ClusterOptions& cluster) {
  cluster.balancer = parse_balance(options.out_balance).value_or(upstream::BalancerOptions{});
  cluster.check = {.path = options.out_check, .interval = options.out_check_interval};
  cluster.lookup_interval = options.out_resolve_interval;
  cluster.pending_max = static_cast<uint32_t>(share(options.out_requests_max, workers));
  upstream::Ejection::Options& ejection = cluster.ejection;
  ejection.failures_max = static_cast<uint32_t>(options.out_eject_failures);
  ejection.ratio_percent_max = static_cast<uint32_t>(options.out_eject_ratio_percent);
  ejection.share_percent_max = static_cast<uint32_t>(options.out_eject_share_percent);
  ejection.slow_start = options.out_slow_start;
}

void fill_cluster(const HttptpOptions& options, const Snapshot* running, Snapshot& snapshot,
                  Problems& problems) {
  const EndType type = end_type_of(options.out_type);
  upstream::ClusterOptions cluster;
  if (type.is_link) cluster.protocol = upstream::Protocol::kTeleport;
  std::span<const upstream::EndpointOptions> in_force;
  if (running != nullptr && !running->clusters.empty())
    in_force = running->clusters.front().endpoints;
  cluster.endpoints = out_endpoints(options.out, type.is_unix, in_force, problems);
  cluster.tls = client_tls(options, problems);
  // Half of the time, so that another endpoint can still answer.
  cluster.http1.connect_timeout = cluster.teleport.connect_timeout =
      std::min<Duration>(options.out_connect_timeout, options.out_timeout / 2);
  cluster.http1.head_limits.head_bytes_max = to_size(options.out_header_bytes_max);
  fill_links_out(options, snapshot.workers, cluster.teleport);
  if (options.out_proxy_protocol == "v1") cluster.http1.proxy_header = net::ProxyVersion::kV1;
  if (options.out_proxy_protocol == "v2") cluster.http1.proxy_header = net::ProxyVersion::kV2;
  cluster.teleport.proxy_header = cluster.http1.proxy_header;
  fill_balancing(options, snapshot.workers, cluster);
  snapshot.clusters.push_back(std::move(cluster));
  snapshot.routes.push_back({.cluster = 0});
}

void fill_exchanges(const HttptpOptions& options, Snapshot& snapshot) {
  proxy::ExchangeOptions& exchanges = snapshot.exchanges;
  exchanges.exchanges_max = share(options.concurrency, snapshot.workers);
  exchanges.request_body_bytes_max = static_cast<uint64_t>(options.in_body_bytes_max);
  exchanges.queue = {.length_max = share(options.queue_size, snapshot.workers),
                     .timeout = options.queue_timeout};
  exchanges.retries_max = to_size(options.out_retries);
  exchanges.retry_budget.percent = static_cast<uint32_t>(options.out_retry_budget_percent);
  exchanges.try_timeout = options.out_try_timeout;
  exchanges.total_timeout = options.out_total_timeout;
  exchanges.get_only = options.in_get_only;
  exchanges.plain_body_paths = list_elements(options.link_plain_bodies);
  exchanges.tunnel_idle_timeout = options.tunnel_idle_timeout;
  exchanges.response_timeout = options.out_timeout;
  exchanges.response_idle_timeout = options.out_idle_timeout;
  exchanges.forwarding = {.client_ip_field = options.client_ip_header,
                          .x_forwarded = options.x_forwarded,
                          .keeps_x_forwarded = false,
                          .via_name = options.via,
                          .request_id_field = options.request_id_header};
}

void fill_process(const HttptpOptions& options, const Snapshot* running, Snapshot& snapshot,
                  Problems& problems) {
  snapshot.workers = options.workers > 0 ? to_size(options.workers)
                                         : std::max(1u, std::thread::hardware_concurrency());
  snapshot.buffer_bytes_max = to_size(options.buffer_bytes_max);
  snapshot.drain_delay = options.drain_delay;
  snapshot.pid_file = options.pid_file;
  snapshot.shutdown_timeout = options.shutdown_timeout;
  if (running != nullptr) {
    snapshot.admin_address = running->admin_address;
  } else if (!options.expvar_address.empty()) {
    snapshot.admin_address = tcp_address("expvarAddr", options.expvar_address, problems);
  }
}

void fill_log(const HttptpOptions& options, Snapshot& snapshot) {
  snapshot.log = {.file = options.log_file,
                  .format = parse_log_format(options.log_format).value_or(LogFormat::kText),
                  .level = parse_log_level(options.log_level).value_or(LogLevel::kInfo)};
  snapshot.access_log.file = options.access_log;
  if (options.access_log_format == "json")
    snapshot.access_log.format = proxy::AccessLogFormat::kJson;
  snapshot.log_all_errors = options.log_all_errors;
}

std::string counted(size_t number, const std::string& noun, const std::string& plural) {
  return std::to_string(number) + " " + (number == 1 ? noun : plural);
}

}  // namespace

std::shared_ptr<const Snapshot> make_snapshot(const HttptpOptions& options, Problems& problems,
                                              const Snapshot* running) {
  check_options(options, problems);
  auto snapshot = std::make_shared<Snapshot>();
  fill_process(options, running, *snapshot, problems);
  fill_listener(options, running, *snapshot, problems);
  fill_tls(options, running, *snapshot, problems);
  fill_http1_sessions(options, *snapshot);
  fill_teleport_sessions(options, *snapshot);
  fill_cluster(options, running, *snapshot, problems);
  fill_exchanges(options, *snapshot);
  fill_log(options, *snapshot);
  if (!problems.errors().empty()) return nullptr;
  return snapshot;
}

std::string summary(const HttptpOptions& options, const Snapshot& snapshot) {
  const std::vector<upstream::EndpointOptions>& endpoints = snapshot.clusters.front().endpoints;
  size_t addresses = 0;
  for (const upstream::EndpointOptions& endpoint : endpoints)
    addresses += endpoint.addresses.size();
  return "ok: " + options.in_type + " at " + snapshot.listener.address.to_string() + ", " +
         counted(list_elements(options.in_tls_cert).size(), "certificate", "certificates") + "; " +
         options.out_type + " to " + counted(endpoints.size(), "endpoint", "endpoints") + " with " +
         counted(addresses, "address", "addresses");
}

}  // namespace httpteleport::config
