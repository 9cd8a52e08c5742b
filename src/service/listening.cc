#include "service/listening.h"

#include <algorithm>

namespace httpteleport::service {

std::vector<ListenerConfig> listening(const ServiceConfig& service) {
  std::vector<ListenerConfig> all;
  all.reserve(service.listeners.size() + 1);
  if (!service.address.empty()) all.push_back({service.address, service.network});
  all.insert(all.end(), service.listeners.begin(), service.listeners.end());
  return all;
}

bool is_datagram(std::string_view network) {
  return network == "udp" || network == "udp4" || network == "udp6";
}

bool is_link(std::string_view network) {
  return network == "teleport" || network == "teleports";
}

LinkTraffic link_traffic(const ServiceConfig& service) {
  if (service.link_traffic == "tcp") return LinkTraffic::kTcp;
  if (service.link_traffic == "udp") return LinkTraffic::kUdp;
  const bool takes_datagrams_only =
      std::ranges::any_of(service.backends, [](const auto& b) { return is_datagram(b.network); });
  return service.link_traffic.empty() && takes_datagrams_only ? LinkTraffic::kUdp
                                                              : LinkTraffic::kHttp;
}

Arrivals arrivals(const ServiceConfig& service) {
  Arrivals found;
  found.requests = !service.virtual_hosts.empty();
  for (const ListenerConfig& listener : listening(service)) {
    const bool link = is_link(listener.network);
    const LinkTraffic traffic = link_traffic(service);
    found.streams |= link ? traffic == LinkTraffic::kTcp : is_stream(listener.network);
    found.datagrams |= link ? traffic == LinkTraffic::kUdp : is_datagram(listener.network);
    found.requests |= link ? traffic == LinkTraffic::kHttp : is_request(listener.network);
  }
  return found;
}

bool is_request(std::string_view network) {
  return network == "http" || network == "https" || network == "teleport" || network == "teleports";
}

bool is_stream(std::string_view network) {
  return network == "tcp" || network == "tcp4" || network == "tcp6" || network == "unix";
}

}  // namespace httpteleport::service
