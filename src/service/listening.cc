#include "service/listening.h"

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

bool is_request(std::string_view network) {
  return network == "http" || network == "https" || network == "teleport" || network == "teleports";
}

bool is_stream(std::string_view network) {
  return network == "tcp" || network == "tcp4" || network == "tcp6" || network == "unix";
}

}  // namespace httpteleport::service
