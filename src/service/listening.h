// The kinds of what a service listens on.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "service/config.h"

namespace httpteleport::service {

// All addresses that the service listens on: its `address` first, if it has one.
std::vector<ListenerConfig> listening(const ServiceConfig& service);

// udp udp4 udp6.
bool is_datagram(std::string_view network);
// http https teleport teleports: requests arrive there.
bool is_request(std::string_view network);
// tcp tcp4 tcp6 unix: bytes are relayed as they are.
bool is_stream(std::string_view network);

// teleport teleports: links.
bool is_link(std::string_view network);

// What comes over links to the addresses of the service: as its `link_traffic` says, and if that is
// empty, datagrams if one of its backends takes nothing else, otherwise HTTP.
enum class LinkTraffic : uint8_t { kHttp, kTcp, kUdp };
LinkTraffic link_traffic(const ServiceConfig& service);

// What arrives at a service.
struct Arrivals {
  bool streams = false;
  bool datagrams = false;
  bool requests = false;
};
Arrivals arrivals(const ServiceConfig& service);

}  // namespace httpteleport::service
