#include "service/validate.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string_view>

#include "net/address_set.h"
#include "service/listening.h"
#include "service/value_forms.h"

namespace httpteleport::service {

namespace {

constexpr int64_t kCountMax = 1000;
constexpr int64_t kLimitMax = 1'000'000'000;
constexpr int64_t kSessionsMax = 10'000'000;
constexpr size_t kExchangeBytesMax = size_t{64} * 1024;
constexpr int kStatusMin = 400;
constexpr int kStatusMax = 599;

// Gathers lines, each with the place in front: "service web: backend b1: ".
class Problems {
 public:
  Problems(std::string where, std::vector<std::string>& lines)
      : where_(std::move(where)), lines_(lines) {}

  Problems inside(const std::string& where) { return {where_ + where + ": ", lines_}; }

  void add(const std::string& line) { lines_.push_back(where_ + line); }
  // `accepted` is empty if the value is.
  void text(std::string_view field, std::string_view value, const std::string& accepted) {
    if (!accepted.empty()) add(std::string(field) + "=" + quoted_value(value) + ": " + accepted);
  }
  void number(std::string_view field, int64_t value, int64_t least, int64_t most) {
    if (value >= least && value <= most) return;
    add(std::string(field) + "=" + std::to_string(value) + ": a number from " +
        std::to_string(least) + " to " + std::to_string(most) + " is accepted");
  }
  void one_of(std::string_view field, std::string_view value,
              std::initializer_list<std::string_view> choices) {
    std::string accepted;
    for (const std::string_view choice : choices) {
      if (choice == value) return;
      if (choice.empty()) continue;
      if (!accepted.empty()) accepted += ", ";
      accepted += choice;
    }
    text(field, value, accepted + " are accepted");
  }
  void no_control_characters(std::string_view field, std::string_view value) {
    if (has_control_character(value))
      text(field, value, "a text without control characters is accepted");
  }

 private:
  std::string where_;
  std::vector<std::string>& lines_;
};

void check_limits(Problems& problems, std::string_view field, const Limits& limits) {
  const auto member = [&](const char* name, int64_t value) {
    problems.number(std::string(field) + "." + name, value, 0, kLimitMax);
  };
  member("connections", limits.connections);
  member("connections_per_second", limits.connections_per_second);
  member("requests_per_second", limits.requests_per_second);
  member("burst", limits.burst);
}

void check_times(Problems& problems, const ServiceConfig& service) {
  problems.number("check_interval", service.check_interval, 1, kDurationMaxMs);
  problems.number("fall", service.fall, 1, kCountMax);
  problems.number("rise", service.rise, 1, kCountMax);
  problems.number("client_timeout", service.client_timeout, 0, kDurationMaxMs);
  problems.number("server_timeout", service.server_timeout, 0, kDurationMaxMs);
  problems.number("connect_timeout", service.connect_timeout, 0, kDurationMaxMs);
  problems.number("slow_start", service.slow_start, 0, kDurationMaxMs);
  problems.number("idle_timeout", service.idle_timeout, 0, kDurationMaxMs);
  problems.number("sessions_max", service.sessions_max, 0, kSessionsMax);
}

void check_health_check(Problems& problems, const Check& check) {
  problems.one_of("check.type", check.type,
                  {"", "tcp", "http", "https", "tls", "exchange", "none"});
  if (!is_origin_form(check.path))
    problems.text("check.path", check.path, "a path that begins with / is accepted");
  if (!check.host.empty() && !is_host_and_port(check.host))
    problems.text("check.host", check.host, "host, host:port and [ipv6]:port are accepted");
  for (const int64_t status : check.status)
    problems.number("check.status", status, 100, kStatusMax);
  if (check.send.size() > kExchangeBytesMax || check.expect.size() > kExchangeBytesMax)
    problems.add("check: at most 65536 bytes are accepted for send and for expect");
  if (check.type == "exchange" && check.send.empty() && check.expect.empty())
    problems.add("check: a check of type exchange needs send, expect or both");
  problems.number("check.timeout", check.timeout, 0, kDurationMaxMs);
}

// One network is told as one line: what follows from it would only repeat it.
bool check_listening_network(Problems& problems, const std::string& field,
                             const std::string& network) {
  if (is_stream(network) || is_datagram(network) || is_request(network)) return true;
  problems.one_of(field, network,
                  {"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix", "http", "https",
                   "teleport", "teleports"});
  return false;
}

void check_listening(Problems& problems, const ServiceConfig& service) {
  if (check_listening_network(problems, "network", service.network) && !service.address.empty()) {
    problems.text("address", service.address,
                  wrong_address(service.address, service.network, AddressUse::kListen));
  }
  for (size_t i = 0; i < service.listeners.size(); ++i) {
    const ListenerConfig& listener = service.listeners[i];
    const std::string field = "listeners[" + std::to_string(i) + "].";
    if (!check_listening_network(problems, field + "network", listener.network)) continue;
    problems.text(field + "address", listener.address,
                  wrong_address(listener.address, listener.network, AddressUse::kListen));
  }
}

void check_http(Problems& problems, const ServiceConfig& service) {
  for (const std::string& host : service.virtual_hosts)
    problems.text("virtual_hosts", host, wrong_virtual_host(host));
  for (const auto& [page, statuses] : service.error_pages) {
    problems.text("error_pages", page, wrong_error_page(page));
    for (const int64_t status : statuses)
      problems.number("error_pages." + shown_name(page), status, kStatusMin, kStatusMax);
  }
}

// Whether all clients come over unix sockets, whose files say who may.
bool is_local_only(const ServiceConfig& service) {
  const std::vector<ListenerConfig> all = listening(service);
  return service.virtual_hosts.empty() && !all.empty() &&
         std::ranges::all_of(all, [](const auto& one) { return one.network == "unix"; });
}

void check_proxy_protocol(Problems& problems, const ServiceConfig& service) {
  problems.one_of("proxy_protocol", service.proxy_protocol, {"", "v1", "v2"});
  problems.one_of("accept_proxy_protocol", service.accept_proxy_protocol, {"", "v1", "v2", "any"});
  for (const std::string& element : service.proxy_protocol_from) {
    std::string problem;
    if (net::AddressSet::parse(element, problem)) continue;
    // It names the element.
    if (has_control_character(element)) problem = "an IP address or a CIDR block is accepted";
    problems.text("proxy_protocol_from", element, problem);
  }
  if (service.accept_proxy_protocol.empty() && !service.proxy_protocol_from.empty())
    problems.add("proxy_protocol_from: accept_proxy_protocol must say v1, v2 or any too");
  const bool anybody = !service.accept_proxy_protocol.empty() &&
                       service.proxy_protocol_from.empty() && !is_local_only(service);
  if (anybody) {
    problems.text("accept_proxy_protocol", service.accept_proxy_protocol,
                  "proxy_protocol_from must say which addresses may send the header; anybody could "
                  "claim any address otherwise");
  }
}

// Whether links of the service carry connections or datagrams as they are.
bool has_raw_links(const ServiceConfig& service) {
  const Arrivals arriving = arrivals(service);
  if (!arriving.streams && !arriving.datagrams) return false;
  const auto is_of_link = [](const auto& one) { return is_link(one.network); };
  return std::ranges::any_of(service.backends, is_of_link) ||
         (link_traffic(service) != LinkTraffic::kHttp &&
          std::ranges::any_of(listening(service), is_of_link));
}

void check_links(Problems& problems, const ServiceConfig& service) {
  problems.one_of("link_traffic", service.link_traffic, {"", "http", "tcp", "udp"});
  if (has_raw_links(service) && service.link_protocol == "v0") {
    problems.text("link_protocol", service.link_protocol,
                  "auto and v2 are accepted where links carry TCP or UDP");
    return;
  }
  problems.text("link_protocol", service.link_protocol, wrong_link_protocol(service.link_protocol));
  problems.text("compression", service.compression,
                wrong_compression(service.compression,
                                  has_raw_links(service) ? "v2" : service.link_protocol));
}

void check_toward_backends(Problems& problems, const ServiceConfig& service) {
  problems.no_control_characters("tls_ca_file", service.tls_ca_file);
  if (!service.tls_server_name.empty() && !is_host(service.tls_server_name))
    problems.text("tls_server_name", service.tls_server_name, "the name of a host is accepted");
}

bool check_backend_network(Problems& problems, const std::string& network,
                           const Arrivals& arriving) {
  if (is_stream(network) || network == "http") return true;
  if (is_datagram(network)) {
    if (!arriving.streams && !arriving.requests) return true;
    problems.text("network", network,
                  "udp, udp4 and udp6 are accepted in services that take datagrams only (listeners "
                  "of udp, and of links with link_traffic udp)");
    return false;
  }
  if (is_link(network)) return true;
  if (is_request(network)) {
    if (!arriving.streams && !arriving.datagrams) return true;
    problems.text("network", network,
                  "accepted in services that take HTTP requests only (virtual_hosts, listeners of "
                  "http and https, and of links with link_traffic http)");
    return false;
  }
  problems.one_of("network", network,
                  {"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix", "http", "https",
                   "teleport", "teleports"});
  return false;
}

void check_backend(Problems problems, const BackendConfig& backend, const Arrivals& arriving) {
  if (check_backend_network(problems, backend.network, arriving)) {
    problems.text("address", backend.address,
                  wrong_address(backend.address, backend.network, AddressUse::kConnect));
  }
  if (!backend.check_address.empty()) {
    problems.text("check_address", backend.check_address,
                  wrong_check_address(backend.check_address, backend.network));
  }
  problems.number("weight", backend.weight, 0, kWeightMax);
  if (!is_backend_state(backend.state))
    problems.text("state", backend.state, "up, down, drain, maint and an empty one are accepted");
  check_limits(problems, "limits", backend.limits);
}

void check_backends(Problems& problems, const ServiceConfig& service) {
  const Arrivals arriving = arrivals(service);
  std::set<std::string_view> names;
  for (const BackendConfig& backend : service.backends) {
    const std::string wrong = wrong_name(backend.name);
    if (!wrong.empty()) problems.inside("backend").text("name", backend.name, wrong);
    if (!names.insert(backend.name).second)
      problems.text("backends", backend.name, "each name is accepted once");
    check_backend(problems.inside("backend " + shown_name(backend.name)), backend, arriving);
  }
}

}  // namespace

bool is_backend_state(std::string_view text) {
  return text.empty() || text == "up" || text == "down" || text == "drain" || text == "maint";
}

std::vector<std::string> validate(const Globals& globals) {
  std::vector<std::string> lines;
  Problems problems("", lines);
  if (!globals.balance.empty())
    problems.text("balance", globals.balance, wrong_balance(globals.balance));
  problems.number("check_interval", globals.check_interval, 0, kDurationMaxMs);
  problems.number("fall", globals.fall, 0, kCountMax);
  problems.number("rise", globals.rise, 0, kCountMax);
  problems.number("client_timeout", globals.client_timeout, 0, kDurationMaxMs);
  problems.number("server_timeout", globals.server_timeout, 0, kDurationMaxMs);
  problems.number("connect_timeout", globals.connect_timeout, 0, kDurationMaxMs);
  return lines;
}

std::vector<std::string> validate(const ServiceConfig& service) {
  std::vector<std::string> lines;
  const std::string wrong = wrong_name(service.name);
  if (!wrong.empty()) Problems("service: ", lines).text("name", service.name, wrong);
  Problems problems("service " + shown_name(service.name) + ": ", lines);
  check_listening(problems, service);
  problems.text("balance", service.balance, wrong_balance(service.balance));
  check_times(problems, service);
  check_http(problems, service);
  check_health_check(problems, service.check);
  check_limits(problems, "limits", service.limits);
  check_limits(problems, "client_limits", service.client_limits);
  check_proxy_protocol(problems, service);
  check_links(problems, service);
  check_toward_backends(problems, service);
  check_backends(problems, service);
  return lines;
}

}  // namespace httpteleport::service
