// Which worker a connection goes to that was accepted for all of them.
//
// A link lives for hours and may carry everything a peer has, so where it lands matters more than
// for a client's connection, and the kernel's hash of addresses is a bad judge of that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace httpteleport::server {

struct WorkerLoad {
  uint64_t messages_per_second = 0;  // over its links, lately
  uint64_t connections = 0;
};

// Index of the worker with the least traffic, those within a factor of two counting as equal; of
// equals, the one with the fewest connections; of these, the first. `loads` is not empty.
size_t place_connection(std::span<const WorkerLoad> loads);

}  // namespace httpteleport::server
