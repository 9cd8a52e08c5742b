#include <algorithm>

#include "service/json.h"
#include "service/json_members.h"
#include "service/merge.h"

namespace httpteleport::service {

namespace {

template <class T>
void member_unless(JsonWriter& json, std::string_view name, const T& value, const T& usual) {
  if (value != usual) json.member(name, value);
}

void texts(JsonWriter& json, const std::vector<std::string>& values) {
  json.begin_array();
  for (const std::string& value : values)
    json.value(value);
  json.end_array();
}

void numbers(JsonWriter& json, const std::vector<int64_t>& values) {
  json.begin_array();
  for (const int64_t value : values)
    json.value(value);
  json.end_array();
}

void limits_member(JsonWriter& json, std::string_view name, const Limits& limits) {
  const Limits usual;
  if (limits == usual) return;
  json.key(name);
  json.begin_object();
  member_unless(json, "connections", limits.connections, usual.connections);
  member_unless(json, "connections_per_second", limits.connections_per_second,
                usual.connections_per_second);
  member_unless(json, "requests_per_second", limits.requests_per_second, usual.requests_per_second);
  member_unless(json, "burst", limits.burst, usual.burst);
  json.end_object();
}

void check_member(JsonWriter& json, const Check& check) {
  const Check usual;
  if (check == usual) return;
  json.key("check");
  json.begin_object();
  member_unless(json, "type", check.type, usual.type);
  member_unless(json, "path", check.path, usual.path);
  member_unless(json, "host", check.host, usual.host);
  if (!check.status.empty()) {
    json.key("status");
    numbers(json, check.status);
  }
  member_unless(json, "send", check.send, usual.send);
  member_unless(json, "expect", check.expect, usual.expect);
  member_unless(json, "timeout", check.timeout, usual.timeout);
  json.end_object();
}

void error_pages_member(JsonWriter& json, const ServiceConfig& service) {
  if (service.error_pages.empty()) return;
  json.key("error_pages");
  json.begin_object();
  for (const auto& [page, statuses] : service.error_pages) {
    json.text_key(page);
    if (statuses.empty()) {
      json.null();
    } else {
      numbers(json, statuses);
    }
  }
  json.end_object();
}

void backend(JsonWriter& json, const BackendConfig& backend, std::string_view service_network) {
  const BackendConfig usual;
  json.begin_object();
  json.member("name", backend.name);
  json.member("address", backend.address);
  if (backend.network != default_backend_network(service_network))
    json.member("network", backend.network);
  json.member("check_address", backend.check_address);
  json.member("weight", backend.weight);
  member_unless(json, "state", backend.state, usual.state);
  limits_member(json, "limits", backend.limits);
  json.end_object();
}

void backends_member(JsonWriter& json, const ServiceConfig& service) {
  if (service.backends.empty()) return;
  std::vector<const BackendConfig*> sorted;
  sorted.reserve(service.backends.size());
  for (const BackendConfig& one : service.backends)
    sorted.push_back(&one);
  std::ranges::stable_sort(
      sorted, {}, [](const BackendConfig* one) -> const std::string& { return one->name; });
  json.key("backends");
  json.begin_array();
  for (const BackendConfig* one : sorted)
    backend(json, *one, service.network);
  json.end_array();
}

void listeners_member(JsonWriter& json, const ServiceConfig& service) {
  if (service.listeners.empty()) return;
  json.key("listeners");
  json.begin_array();
  for (const ListenerConfig& listener : service.listeners) {
    json.begin_object();
    json.member("address", listener.address);
    member_unless(json, "network", listener.network, ListenerConfig().network);
    json.end_object();
  }
  json.end_array();
}

void older_members(JsonWriter& json, const ServiceConfig& service) {
  json.member("name", service.name);
  json.member("address", service.address);
  member_unless(json, "network", service.network, std::string());
  member_unless(json, "balance", service.balance, std::string());
  json.member("check_interval", service.check_interval);
  json.member("fall", service.fall);
  json.member("rise", service.rise);
  json.member("client_timeout", service.client_timeout);
  json.member("server_timeout", service.server_timeout);
  json.member("connect_timeout", service.connect_timeout);
  json.member("https-redirect", service.https_redirect);
  if (!service.virtual_hosts.empty()) {
    json.key("virtual_hosts");
    texts(json, service.virtual_hosts);
  }
  error_pages_member(json, service);
  json.member("maintenance_mode", service.maintenance_mode);
  backends_member(json, service);
}

void newer_members(JsonWriter& json, const ServiceConfig& service) {
  const ServiceConfig usual;
  listeners_member(json, service);
  check_member(json, service.check);
  limits_member(json, "limits", service.limits);
  limits_member(json, "client_limits", service.client_limits);
  member_unless(json, "slow_start", service.slow_start, usual.slow_start);
  member_unless(json, "idle_timeout", service.idle_timeout, usual.idle_timeout);
  member_unless(json, "sessions_max", service.sessions_max, usual.sessions_max);
  member_unless(json, "proxy_protocol", service.proxy_protocol, usual.proxy_protocol);
  member_unless(json, "accept_proxy_protocol", service.accept_proxy_protocol,
                usual.accept_proxy_protocol);
  if (!service.proxy_protocol_from.empty()) {
    json.key("proxy_protocol_from");
    texts(json, service.proxy_protocol_from);
  }
  member_unless(json, "backend_header", service.backend_header, usual.backend_header);
  member_unless(json, "link_protocol", service.link_protocol, usual.link_protocol);
  member_unless(json, "link_traffic", service.link_traffic, usual.link_traffic);
  member_unless(json, "compression", service.compression, usual.compression);
  member_unless(json, "link_plain_bodies", service.link_plain_bodies, usual.link_plain_bodies);
  member_unless(json, "tls_ca_file", service.tls_ca_file, usual.tls_ca_file);
  member_unless(json, "tls_server_name", service.tls_server_name, usual.tls_server_name);
  member_unless(json, "tls_skip_verify", service.tls_skip_verify, usual.tls_skip_verify);
}

void stats_of(JsonWriter& json, const BackendStats& stats) {
  json.begin_object();
  json.member("name", stats.name);
  json.member("address", stats.address);
  json.member("check_address", stats.check_address);
  json.member("up", stats.up);
  json.member("weight", stats.weight);
  json.member("sent", stats.sent);
  json.member("received", stats.received);
  json.member("errors", stats.errors);
  json.member("connections", stats.connections);
  json.member("active", stats.active);
  json.member("http_active", stats.http_active);
  json.member("check_success", stats.check_success);
  json.member("check_fail", stats.check_fail);
  const BackendStats usual;
  member_unless(json, "status", stats.status, usual.status);
  member_unless(json, "up_since", stats.up_since, usual.up_since);
  member_unless(json, "last_error", stats.last_error, usual.last_error);
  member_unless(json, "http_requests", stats.http_requests, usual.http_requests);
  json.end_object();
}

// An empty list of the older program's is a null where its struct does not leave it out.
void stats_lists(JsonWriter& json, const ServiceWithStats& service) {
  json.key("virtual_hosts");
  if (service.config->virtual_hosts.empty()) {
    json.null();
  } else {
    texts(json, service.config->virtual_hosts);
  }
  json.key("backends");
  if (service.stats->backends.empty()) {
    json.null();
    return;
  }
  json.begin_array();
  for (const BackendStats& one : service.stats->backends)
    stats_of(json, one);
  json.end_array();
}

void stats_of(JsonWriter& json, const ServiceWithStats& service) {
  const ServiceConfig& config = *service.config;
  const ServiceStats& stats = *service.stats;
  json.begin_object();
  json.member("name", config.name);
  json.member("address", config.address);
  stats_lists(json, service);
  json.member("balance", config.balance);
  json.member("check_interval", config.check_interval);
  json.member("fall", config.fall);
  json.member("rise", config.rise);
  json.member("client_timeout", config.client_timeout);
  json.member("server_timeout", config.server_timeout);
  json.member("connect_timeout", config.connect_timeout);
  json.member("sent", stats.sent);
  json.member("received", stats.received);
  json.member("errors", stats.errors);
  json.member("connections", stats.connections);
  json.member("active", stats.active);
  json.member("http_active", stats.http_active);
  json.member("http_connections", stats.http_connections);
  json.member("http_errors", stats.http_errors);
  member_unless(json, "limited", stats.limited, int64_t{0});
  member_unless(json, "dropped", stats.dropped, int64_t{0});
  member_unless(json, "link_raw_sent", stats.link_raw_sent, int64_t{0});
  member_unless(json, "link_wire_sent", stats.link_wire_sent, int64_t{0});
  member_unless(json, "link_raw_received", stats.link_raw_received, int64_t{0});
  member_unless(json, "link_wire_received", stats.link_wire_received, int64_t{0});
  json.end_object();
}

}  // namespace

void append_global_members(JsonWriter& json, const Globals& globals) {
  member_unless(json, "balance", globals.balance, std::string());
  json.member("check_interval", globals.check_interval);
  json.member("fall", globals.fall);
  json.member("rise", globals.rise);
  json.member("client_timeout", globals.client_timeout);
  json.member("server_timeout", globals.server_timeout);
  json.member("connect_timeout", globals.connect_timeout);
  json.member("https-redirect", globals.https_redirect);
}

void append_json(std::string& out, const BackendConfig& config, JsonLayout layout,
                 std::string_view service_network) {
  JsonWriter json(out, layout);
  backend(json, config, service_network);
}

void append_json(std::string& out, const ServiceConfig& service, JsonLayout layout) {
  JsonWriter json(out, layout);
  json.begin_object();
  older_members(json, service);
  newer_members(json, service);
  json.end_object();
}

void append_json(std::string& out, const Config& config, JsonLayout layout) {
  JsonWriter json(out, layout);
  json.begin_object();
  append_global_members(json, config.globals);
  json.key("services");
  if (config.services.empty()) {
    json.null();
  } else {
    json.begin_array();
    for (const auto& [name, service] : config.services)
      append_json(json.begin_value(), *service, json.layout());
    json.end_array();
  }
  json.end_object();
}

void append_json(std::string& out, const BackendStats& stats, JsonLayout layout) {
  JsonWriter json(out, layout);
  stats_of(json, stats);
}

void append_json(std::string& out, const ServiceWithStats& service, JsonLayout layout) {
  JsonWriter json(out, layout);
  stats_of(json, service);
}

void append_json(std::string& out, const std::vector<ServiceWithStats>& services,
                 JsonLayout layout) {
  JsonWriter json(out, layout);
  json.begin_array();
  for (const ServiceWithStats& service : services)
    stats_of(json, service);
  json.end_array();
}

}  // namespace httpteleport::service
