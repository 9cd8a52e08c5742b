#include "config/addresses.h"

#include <arpa/inet.h>

#include <optional>

#include "http/message.h"

namespace httpteleport::config {

namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr int64_t kWeightMax = 256;

// The number behind ";weight="; 1 when `parameters` is empty, nothing when it is something else.
std::optional<uint32_t> parse_weight(std::string_view parameters) {
  constexpr std::string_view kName = "weight=";
  if (parameters.empty()) return 1;
  int64_t weight = 0;
  if (!parameters.starts_with(kName) || !parse_int(parameters.substr(kName.size()), weight))
    return {};
  if (weight < 1 || weight > kWeightMax) return {};
  return static_cast<uint32_t>(weight);
}

using Endpoints = std::vector<upstream::EndpointOptions>;

Result<std::vector<net::Address>> resolve(const Target& target,
                                          std::span<const upstream::EndpointOptions> in_force) {
  if (const auto* path = std::get_if<net::Address>(&target)) return std::vector{*path};
  const auto& host = std::get<net::HostPort>(target);
  for (const upstream::EndpointOptions& known : in_force) {
    if (known.lookup && known.lookup->host == host.host && known.lookup->port == host.port)
      return known.addresses;
  }
  return net::resolve_connect(host);
}

// Something to look up, and again later; not an address, and not the empty host.
bool is_name(const std::string& host) {
  in6_addr scratch{};
  return !host.empty() && inet_pton(AF_INET, host.c_str(), &scratch) != 1 &&
         inet_pton(AF_INET6, host.c_str(), &scratch) != 1;
}

std::string_view trimmed(std::string_view text) {
  return http::next_list_element(text).value_or(std::string_view());
}

void add_endpoint(std::string_view element, bool is_path,
                  std::span<const upstream::EndpointOptions> in_force, Problems& problems,
                  Endpoints& endpoints) {
  const size_t semicolon = element.find(';');
  const std::string_view address = trimmed(element.substr(0, semicolon));
  std::optional<uint32_t> weight = 1;
  if (semicolon != std::string_view::npos) {
    const std::string_view parameters = trimmed(element.substr(semicolon + 1));
    weight = parameters.empty() ? std::nullopt : parse_weight(parameters);
  }
  if (!weight)
    return problems.fail("out", element, "only ;weight=1 to ;weight=256 may follow an address");
  const Result<Target> target = parse_target(address, is_path);
  if (!target) return problems.fail("out", address, target.error().detail);
  Result<std::vector<net::Address>> addresses = resolve(*target, in_force);
  if (!addresses) return problems.fail("out", address, addresses.error().detail);
  upstream::EndpointOptions endpoint{
      .name = std::string(address), .addresses = *std::move(addresses), .weight = *weight};
  const auto* host_port = std::get_if<net::HostPort>(&*target);
  if (host_port != nullptr && is_name(host_port->host)) endpoint.lookup = *host_port;
  endpoints.push_back(std::move(endpoint));
}

}  // namespace

Result<Target> parse_target(std::string_view text, bool is_path) {
  const bool is_marked = text.starts_with(kUnixPrefix);
  if (!is_path && !is_marked) {
    Result<net::HostPort> target = net::parse_host_port(text);
    if (!target) return target.error();
    return Target(*std::move(target));
  }
  const std::string_view path = is_marked ? text.substr(kUnixPrefix.size()) : text;
  // The default of -in and -out is such an address, and a file of that name would surprise.
  if (!is_marked && path.find('/') == std::string_view::npos && net::parse_host_port(path)) {
    return Error{Code::kBadConfig, Source::kInternal, 0,
                 "the path of a unix socket is accepted, because the type is unix"};
  }
  const Result<net::Address> address = net::Address::unix_path(path);
  if (!address) return address.error();
  return Target(*address);
}

net::Address listen_address(std::string_view flag, const std::string& text, bool is_path,
                            Problems& problems) {
  const Result<Target> target = parse_target(text, is_path);
  if (!target) {
    problems.fail(flag, text, target.error().detail);
    return {};
  }
  if (const auto* path = std::get_if<net::Address>(&*target)) return *path;
  const Result<net::Address> address = net::resolve_listen(std::get<net::HostPort>(*target));
  if (address) return *address;
  problems.fail(flag, text, address.error().detail);
  return {};
}

Endpoints out_endpoints(const std::string& list, bool is_path,
                        std::span<const upstream::EndpointOptions> in_force, Problems& problems) {
  Endpoints endpoints;
  std::string_view rest = list;
  bool any = false;
  while (const auto element = http::next_list_element(rest)) {
    any = true;
    add_endpoint(*element, is_path, in_force, problems, endpoints);
  }
  if (!any) {
    problems.fail("out", list,
                  is_path ? "at least one path is needed" : "at least one host:port is needed");
  }
  return endpoints;
}

}  // namespace httpteleport::config
