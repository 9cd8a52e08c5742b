// Counters of the load that another process reads while it runs: an array of 64-bit numbers at the
// start of a file that both have mapped.
#pragma once

#include <cstdint>
#include <string>

namespace httpteleport::bench {

// The order is known to loads.py.
struct Counters {
  uint64_t answers = 0;     // exchanges that ended well, all of them since the start
  uint64_t body_bytes = 0;  // of those
  uint64_t resumed = 0;     // TLS sessions
  uint64_t failures = 0;
  uint64_t open = 0;  // connections, with --hold
};

// Maps `path`, which is made; without a path the numbers are in memory of this process only. Stays
// mapped until the program ends.
volatile Counters* map_counters(const std::string& path);

}  // namespace httpteleport::bench
