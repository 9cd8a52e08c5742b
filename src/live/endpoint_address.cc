#include "live/endpoint_address.h"

#include <algorithm>

namespace httpteleport::live {

namespace {

constexpr std::string_view kUnixPrefix = "unix:";

int family_of(std::string_view network) {
  if (network.ends_with('4')) return 4;
  return network.ends_with('6') ? 6 : 0;
}

std::optional<net::Address> unix_address(std::string_view network, std::string_view address,
                                         std::optional<Error>& error) {
  const bool has_prefix = address.starts_with(kUnixPrefix);
  if (network != "unix" && !has_prefix && !address.starts_with('/')) return std::nullopt;
  if (has_prefix) address.remove_prefix(kUnixPrefix.size());
  Result<net::Address> made = net::Address::unix_path(address);
  if (made) return *made;
  error = made.error();
  return std::nullopt;
}

}  // namespace

std::vector<net::Address> Place::chosen(const std::vector<net::Address>& found) const {
  std::vector<net::Address> meant;
  std::copy_if(found.begin(), found.end(), std::back_inserter(meant),
               [this](const net::Address& address) {
                 return family == 0 || address.is_ipv6() == (family == 6);
               });
  return meant;
}

Result<Place> parse_place(std::string_view network, const std::string& address) {
  std::optional<Error> error;
  if (const auto path = unix_address(network, address, error)) return Place{{*path}, {}, 0};
  if (error) return *error;
  const Result<net::HostPort> target = net::parse_host_port(address);
  if (!target) return target.error();
  Place place{.addresses = {}, .name = {}, .family = family_of(network)};
  const net::Address known =
      net::literal_address({target->host.empty() ? "127.0.0.1" : target->host, target->port});
  if (known.is_valid()) {
    place.addresses.push_back(known);
  } else {
    place.name = *target;
  }
  return place;
}

ListenKind listen_kind(std::string_view network) {
  if (network.starts_with("udp")) return ListenKind::kUdp;
  if (network == "http") return ListenKind::kHttp;
  if (network == "https") return ListenKind::kHttps;
  if (network == "teleport") return ListenKind::kTeleport;
  if (network == "teleports") return ListenKind::kTeleports;
  return ListenKind::kTcp;
}

Result<net::Address> listen_address(std::string_view network, const std::string& address) {
  std::optional<Error> error;
  if (const auto path = unix_address(network, address, error)) return *path;
  if (error) return *error;
  const Result<net::HostPort> target = net::parse_host_port(address);
  if (!target) return target.error();
  const int family = family_of(network);
  if (target->host.empty()) {
    if (family != 4) return net::resolve_listen(*target);
    return net::resolve_listen({.host = "0.0.0.0", .port = target->port});
  }
  if (family == 0) return net::resolve_listen(*target);
  const auto found = net::resolve_connect(*target);
  if (!found) return found.error();
  const std::vector<net::Address> meant = Place{{}, {}, family}.chosen(*found);
  if (meant.empty())
    return Error{Code::kBadConfig, Source::kInternal, 0, "the host has no address of that family"};
  return meant.front();
}

}  // namespace httpteleport::live
