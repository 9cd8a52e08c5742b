// The loads. Each runs in the calling thread until all is done, and is bounded by what it is told.
#pragma once

#include <cstddef>
#include <cstdint>

namespace httpteleport::bench {

struct LoadResult {
  uint64_t done = 0;  // of what was asked for
  double seconds = 0;
};

// Round trips of `bytes` each over `clients` connections, which exist before the time counts, one
// at a time on each.
struct RoundTrips {
  uint16_t port = 0;
  size_t clients = 1;
  uint64_t count = 0;
  size_t bytes = 64;
};

LoadResult tcp_round_trips(const RoundTrips& wanted);
// A datagram whose answer does not come within 0.2 s is given up and not counted. `burst`: so many
// are sent at once.
LoadResult udp_round_trips(const RoundTrips& wanted, size_t burst);
// Connections, each with one round trip, `clients` at a time.
LoadResult tcp_connections(const RoundTrips& wanted);
// Bytes from the backend over `clients` connections at a time, `count` bytes over each.
LoadResult tcp_download(const RoundTrips& wanted);

// So many connections, each with one round trip behind it.
class IdleConnections {
 public:
  IdleConnections(uint16_t port, size_t count);
  ~IdleConnections();
  IdleConnections(const IdleConnections&) = delete;
  IdleConnections& operator=(const IdleConnections&) = delete;

 private:
  struct State;
  State* state_;
};

}  // namespace httpteleport::bench
