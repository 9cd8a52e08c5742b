// The choice of an endpoint: the least pending work. Plain data in, index out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace httpteleport::upstream {

struct EndpointLoad {
  uint32_t pending = 0;  // exchanges sent and not yet answered
  uint32_t weight = 1;   // 1..256
  bool eligible = true;  // may be chosen at all
};

// Index of the eligible endpoint with the least pending work per weight, or nullopt when there is
// none. Ties go to the first at or after `start`, so that callers who advance `start` with each
// pick spread ties evenly. `start` < loads.size() unless that is 0. O(n).
std::optional<size_t> pick_least_loaded(std::span<const EndpointLoad> loads, size_t start);

}  // namespace httpteleport::upstream
