// The kinds of what a service listens on.
#pragma once

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

}  // namespace httpteleport::service
