#include "live/make_plan.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "config/checks.h"
#include "fetch/page.h"
#include "live/endpoint_address.h"
#include "relay/udp_socket.h"
#include "server/listen_sockets.h"
#include "service/listening.h"

namespace httpteleport::live {

namespace {

using service::BackendConfig;
using service::ListenerConfig;
using service::Problem;
using service::ServiceConfig;

// As the older program: an answer may take long, but not for ever.
constexpr Duration kResponseTimeout = std::chrono::minutes(10);
constexpr Duration kConnectTimeout = std::chrono::seconds(3);
constexpr Duration kQueueLookInterval = std::chrono::milliseconds(10);
constexpr size_t kHeadBytesMax = 64 * 1024;
constexpr std::string_view kBackendField = "X-Backend";

Duration ms_or(int64_t ms, Duration otherwise) {
  return ms > 0 ? Duration(std::chrono::milliseconds(ms)) : otherwise;
}

Problem problem_of(const ServiceConfig& config, const std::string& field, const std::string& value,
                   const std::string& why) {
  return {config.name, field + "=\"" + value + "\": " + why};
}

upstream::BalancerOptions balancer_of(const std::string& balance) {
  if (balance == "RR") return {.policy = upstream::Policy::kRoundRobin, .hash_field = {}};
  if (balance == "LC") return {.policy = upstream::Policy::kLeastLoaded, .hash_field = {}};
  return config::parse_balance(balance).value_or(upstream::BalancerOptions{});
}

upstream::EndpointKind kind_of(const std::string& network) {
  return {.protocol = network.starts_with("teleport") ? upstream::Protocol::kTeleport
                                                      : upstream::Protocol::kHttp1,
          .tls = network == "https" || network == "teleports"};
}

std::optional<net::ProxyVersion> proxy_version(const std::string& text) {
  if (text == "v1") return net::ProxyVersion::kV1;
  if (text == "v2") return net::ProxyVersion::kV2;
  return {};
}

// ---- Backends.

// Weight, address and state may be others: who counts is the backend of that name.
void keep_counters(const ServicePlan* known, size_t workers, upstream::EndpointOptions& endpoint) {
  if (known != nullptr) {
    for (const upstream::EndpointOptions& other : known->cluster.endpoints) {
      if (other.id != endpoint.id) continue;
      endpoint.counters = other.counters;
      endpoint.limits = other.limits;
      return;
    }
  }
  for (size_t i = 0; i < workers; ++i)
    endpoint.counters.push_back(std::make_shared<metrics::BackendMetrics>());
}

upstream::SharedLimits::Options limits_of(const service::Limits& limits) {
  int64_t per_second = limits.connections_per_second;
  if (limits.requests_per_second > 0 &&
      (per_second == 0 || limits.requests_per_second < per_second)) {
    per_second = limits.requests_per_second;
  }
  return {.active_max = limits.connections, .per_second = per_second, .burst = limits.burst};
}

std::optional<Problem> add_endpoint(const PlanContext& context, const ServiceConfig& config,
                                    const BackendConfig& backend, const ServicePlan* known,
                                    ServicePlan& plan) {
  const Result<Place> place = parse_place(backend.network, backend.address);
  if (!place) {
    return problem_of(config, "backends." + backend.name + ".address", backend.address,
                      place.error().detail);
  }
  if (!backend.check_address.empty()) {
    const Result<Place> check =
        parse_place(backend.network == "unix" ? "unix" : "tcp", backend.check_address);
    if (!check) {
      return problem_of(config, "backends." + backend.name + ".check_address",
                        backend.check_address, check.error().detail);
    }
  }
  upstream::EndpointOptions endpoint;
  endpoint.name = backend.address;
  endpoint.id = backend.name;
  endpoint.kind = kind_of(backend.network);
  endpoint.weight = static_cast<uint32_t>(backend.weight);
  endpoint.addresses = place->addresses;
  endpoint.lookup = place->name;
  keep_counters(known, context.workers, endpoint);
  if (backend.limits != service::Limits() && !endpoint.limits)
    endpoint.limits = std::make_shared<upstream::SharedLimits>();
  plan.cluster.endpoints.push_back(std::move(endpoint));
  return {};
}

std::optional<Problem> fill_tls(const ServiceConfig& config, const ServicePlan* known,
                                ServicePlan& plan) {
  const bool has_tls =
      std::any_of(config.backends.begin(), config.backends.end(),
                  [](const BackendConfig& backend) { return kind_of(backend.network).tls; });
  if (!has_tls) return {};
  // The files were read when they were named; read_tls_files() reads them again.
  if (known != nullptr && known->cluster.tls && known->config->tls_ca_file == config.tls_ca_file &&
      known->config->tls_server_name == config.tls_server_name &&
      known->config->tls_skip_verify == config.tls_skip_verify) {
    plan.cluster.tls = known->cluster.tls;
    return {};
  }
  tls::ClientOptions tls;
  tls.server_name = config.tls_server_name;
  if (!config.tls_skip_verify) {
    const auto cas = config.tls_ca_file.empty() ? tls::TrustStore::system()
                                                : tls::TrustStore::load(config.tls_ca_file);
    if (!cas) return problem_of(config, "tls_ca_file", config.tls_ca_file, in_words(cas.error()));
    tls.trusted = *cas;
  }
  plan.cluster.tls = std::move(tls);
  return {};
}

// Links that carry no HTTP speak v2: nothing else is in v0.
teleport::LinkOptions link_of(const ServiceConfig& config, bool carries_http) {
  return teleport::choose_link(carries_http ? std::string_view(config.link_protocol) : "v2",
                               config.compression);
}

bool takes_only_raw(const ServiceConfig& config) {
  const service::Arrivals arriving = service::arrivals(config);
  return (arriving.streams || arriving.datagrams) && !arriving.requests;
}

void fill_cluster_values(const ServiceConfig& config, ServicePlan& plan) {
  upstream::ClusterOptions& cluster = plan.cluster;
  cluster.balancer = balancer_of(config.balance);
  cluster.ejection.slow_start = std::chrono::milliseconds(config.slow_start);
  // Answers of 5xx are the application's matter here; connections that fail are not.
  cluster.ejection.failures_max = 0;
  cluster.ejection.ratio_percent_max = 0;
  cluster.http1.connect_timeout = cluster.teleport.connect_timeout =
      ms_or(config.connect_timeout, kConnectTimeout);
  cluster.http1.head_limits.head_bytes_max = kHeadBytesMax;
  cluster.http1.proxy_header = proxy_version(config.proxy_protocol);
  cluster.teleport.proxy_header = cluster.http1.proxy_header;
  static_cast<teleport::LinkOptions&>(cluster.teleport) = link_of(config, !takes_only_raw(config));
  // What a peer sends may be larger than what it is sure to take.
  cluster.teleport.response_head_bytes_max = kHeadBytesMax;
}

// ---- Values.

void fill_exchanges(const PlanContext& context, const ServiceConfig& config, ServicePlan& plan) {
  plan.exchanges = context.exchanges;
  plan.exchanges.response_timeout = ms_or(config.server_timeout, kResponseTimeout);
  plan.exchanges.response_idle_timeout = ms_or(config.server_timeout, kResponseTimeout);
  // Asked once: an answer that takes long, or is an error, is what the backend has to say.
  plan.exchanges.try_timeout = 2 * plan.exchanges.response_timeout;
  plan.exchanges.replaces_bad_answers = false;
  plan.exchanges.queue.look_interval = kQueueLookInterval;
  if (config.link_plain_bodies) plan.exchanges.plain_body_paths = {""};
  if (config.backend_header) plan.exchanges.endpoint_field = kBackendField;
  plan.https_redirect = context.https_redirect || config.https_redirect;
}

void fill_sessions(const PlanContext& context, const ServiceConfig& config, ServicePlan& plan) {
  plan.http1 = context.http1;
  if (config.client_timeout > 0) {
    const Duration timeout = std::chrono::milliseconds(config.client_timeout);
    plan.http1.keep_alive_timeout = plan.http1.body_idle_timeout = plan.http1.write_idle_timeout =
        timeout;
    plan.http1.head_timeout = std::min(plan.http1.head_timeout, timeout);
  }
  plan.link_traffic = service::link_traffic(config);
  static_cast<teleport::LinkOptions&>(plan.teleport) =
      link_of(config, plan.link_traffic == service::LinkTraffic::kHttp);
  plan.teleport.request_head_bytes_max = kHeadBytesMax;
  plan.tcp.connect_timeout = ms_or(config.connect_timeout, kConnectTimeout);
  plan.tcp.client_timeout = std::chrono::milliseconds(config.client_timeout);
  plan.tcp.server_timeout = std::chrono::milliseconds(config.server_timeout);
  plan.tcp.proxy_header = proxy_version(config.proxy_protocol);
  plan.udp.connect_timeout = plan.tcp.connect_timeout;
  plan.udp.idle_timeout = ms_or(config.idle_timeout, plan.udp.idle_timeout);
}

std::optional<Problem> fill_admission(const ServiceConfig& config, ServicePlan& plan) {
  const std::string& accepted = config.accept_proxy_protocol;
  plan.admission.proxy_versions = {.v1 = accepted == "v1" || accepted == "any",
                                   .v2 = accepted == "v2" || accepted == "any"};
  std::string list;
  for (const std::string& element : config.proxy_protocol_from)
    list += (list.empty() ? "" : ",") + element;
  std::string why;
  const auto senders = net::AddressSet::parse(list, why);
  if (!senders) return problem_of(config, "proxy_protocol_from", list, why);
  plan.admission.proxy_senders = *senders;
  return {};
}

std::optional<Problem> check_pages(const ServiceConfig& config) {
  for (const auto& [page, statuses] : config.error_pages) {
    const std::string why = fetch::problem_of_source(page);
    if (!why.empty()) return problem_of(config, "error_pages", page, why);
  }
  return {};
}

// ---- Listening.

std::optional<Problem> check_listener(const PlanContext& context, const ServiceConfig& config,
                                      const ListenerConfig& wanted) {
  const ListenKind kind = listen_kind(wanted.network);
  if ((kind == ListenKind::kHttps || kind == ListenKind::kTeleports) &&
      !context.has_certificates()) {
    return problem_of(config, "network", wanted.network,
                      "there is no certificate to listen with; put NAME.pem and NAME.key into the "
                      "folder of -certs");
  }
  return {};
}

// Of those in `open`; nullptr: there is none, or `plan` has it already.
std::shared_ptr<ListenSocket> find_socket(const OpenSockets& open, const ListenerConfig& wanted,
                                          const ServicePlan& plan) {
  for (const auto& socket : open) {
    if (socket->network != wanted.network || socket->text != wanted.address) continue;
    const OpenSockets& taken = plan.listening;
    if (std::find(taken.begin(), taken.end(), socket) == taken.end()) return socket;
  }
  return nullptr;
}

// The kernel's sockets of an address that is given up with this change: what is said there is
// another matter. Not of unix sockets, whose files go.
bool take_over_sockets(const OpenSockets& open, ListenSocket& listening) {
  const bool datagrams = listening.kind == ListenKind::kUdp;
  for (const auto& socket : open) {
    if (socket->address.is_unix() || !(socket->address == listening.address)) continue;
    if ((socket->kind == ListenKind::kUdp) != datagrams) continue;
    listening.sockets = socket->sockets;
    return true;
  }
  return false;
}

// Each listener of such an address has a port of its own.
bool is_any_port(const std::string& address) {
  return address.ends_with(":0");
}

// Who is given up with this change has that port, perhaps of all addresses, or of one.
bool has_our_port(const OpenSockets& open, const ListenSocket& listening) {
  return std::any_of(open.begin(), open.end(), [&](const auto& socket) {
    return !socket->address.is_unix() && socket->address.port() == listening.address.port() &&
           (socket->kind == ListenKind::kUdp) == (listening.kind == ListenKind::kUdp);
  });
}

Result<net::Socket> open_socket(const ListenSocket& listening, bool shared) {
  if (listening.kind == ListenKind::kUdp) return relay::open_udp(listening.address, shared);
  return net::listen_on(listening.address, {.reuse_port = shared});
}

Result<void> open_sockets(size_t workers, const OpenSockets& open, ListenSocket& listening) {
  const bool is_unix = listening.address.is_unix();
  // First alone, so that an address that another process has is not shared with it.
  if (!is_unix && !has_our_port(open, listening)) {
    const Result<net::Socket> alone = open_socket(listening, false);
    if (!alone) return alone.error();
    listening.address = net::local_address(alone->fd());
  }
  const size_t count = listening.kind == ListenKind::kUdp ? workers : 1;
  for (size_t i = 0; i < count; ++i) {
    Result<net::Socket> socket = open_socket(listening, !is_unix);
    if (!socket) return socket.error();
    listening.address = net::local_address(socket->fd());
    listening.sockets.push_back(std::make_shared<const net::Socket>(*std::move(socket)));
  }
  if (is_unix) listening.file = net::SocketFile(listening.address);
  return {};
}

std::optional<Problem> add_listener(const PlanContext& context, const ServiceConfig& config,
                                    const ListenerConfig& wanted, const ServicePlan* known,
                                    const OpenSockets& open, ServicePlan& plan) {
  if (auto problem = check_listener(context, config, wanted)) return problem;
  std::shared_ptr<ListenSocket> socket;
  if (known != nullptr) socket = find_socket(known->listening, wanted, plan);
  if (!socket && !is_any_port(wanted.address)) socket = find_socket(open, wanted, plan);
  if (socket) {
    plan.listening.push_back(std::move(socket));
    return {};
  }
  const Result<net::Address> address = listen_address(wanted.network, wanted.address);
  if (!address) return problem_of(config, "address", wanted.address, address.error().detail);
  auto listening = std::make_shared<ListenSocket>();
  listening->kind = listen_kind(wanted.network);
  listening->network = wanted.network;
  listening->text = wanted.address;
  listening->address = *address;
  if (take_over_sockets(open, *listening)) {
    plan.listening.push_back(std::move(listening));
    return {};
  }
  if (const Result<void> opened = open_sockets(context.workers, open, *listening); !opened) {
    const std::string name = "address=\"" + wanted.address + "\"";
    return Problem{config.name, server::describe_listen_error(name, *address, opened.error())};
  }
  plan.listening.push_back(std::move(listening));
  return {};
}

}  // namespace

std::optional<Problem> make_plan(const PlanContext& context,
                                 std::shared_ptr<const ServiceConfig> config,
                                 const ServicePlan* known, const OpenSockets& open,
                                 std::shared_ptr<ServicePlan>& result) {
  auto plan = std::make_shared<ServicePlan>();
  plan->config = std::move(config);
  const ServiceConfig& wanted = *plan->config;
  plan->cluster.endpoints.reserve(wanted.backends.size());
  for (const BackendConfig& backend : wanted.backends) {
    if (auto problem = add_endpoint(context, wanted, backend, known, *plan)) return problem;
  }
  fill_cluster_values(wanted, *plan);
  fill_exchanges(context, wanted, *plan);
  fill_sessions(context, wanted, *plan);
  if (wanted.sessions_max > 0) {
    plan->udp.sessions_max =
        (static_cast<size_t>(wanted.sessions_max) + context.workers - 1) / context.workers;
  }
  if (auto problem = fill_admission(wanted, *plan)) return problem;
  if (auto problem = check_pages(wanted)) return problem;
  if (auto problem = fill_tls(wanted, known, *plan)) return problem;
  for (const ListenerConfig& listener : service::listening(wanted)) {
    if (auto problem = add_listener(context, wanted, listener, known, open, *plan)) return problem;
  }
  plan->shared =
      known != nullptr ? known->shared : std::make_shared<SharedService>(context.workers);
  result = std::move(plan);
  return {};
}

std::optional<Problem> check_plan(const PlanContext& context, const ServiceConfig& config) {
  ServicePlan plan;
  for (const BackendConfig& backend : config.backends) {
    if (auto problem = add_endpoint(context, config, backend, nullptr, plan)) return problem;
  }
  if (auto problem = fill_admission(config, plan)) return problem;
  if (auto problem = check_pages(config)) return problem;
  if (auto problem = fill_tls(config, nullptr, plan)) return problem;
  for (const ListenerConfig& listener : service::listening(config)) {
    if (auto problem = check_listener(context, config, listener)) return problem;
  }
  return {};
}

std::optional<Problem> read_tls_files(ServicePlan& plan) {
  return fill_tls(*plan.config, nullptr, plan);
}

void put_limits_in_force(const ServicePlan& plan) {
  plan.shared->limits.set(plan.config->limits, plan.config->client_limits);
  for (size_t i = 0; i < plan.cluster.endpoints.size(); ++i) {
    upstream::SharedLimits* const limits = plan.cluster.endpoints[i].limits.get();
    if (limits != nullptr) limits->set(limits_of(plan.config->backends[i].limits));
  }
}

}  // namespace httpteleport::live
