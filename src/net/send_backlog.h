// How well the kernel gets rid of what a connection has given to it. TCP only; of other sockets
// nothing waits there.
#pragma once

#include <cstddef>

namespace httpteleport::net {

struct SendBacklog {
  size_t unsent_bytes = 0;  // that the kernel has, and has not sent yet
  // The peer acknowledges nothing, or has no room: the kernel sends the same again, or asks.
  bool is_stuck = false;

  friend bool operator==(const SendBacklog&, const SendBacklog&) = default;
};

// Two system calls.
SendBacklog send_backlog_of(int fd);

}  // namespace httpteleport::net
