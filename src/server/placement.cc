#include "server/placement.h"

#include <bit>
#include <tuple>

#include "base/assert.h"

namespace httpteleport::server {

size_t place_connection(std::span<const WorkerLoad> loads) {
  HT_ASSERT(!loads.empty());
  const auto rank = [](const WorkerLoad& load) {
    return std::make_tuple(std::bit_width(load.messages_per_second), load.connections);
  };
  size_t best = 0;
  for (size_t i = 1; i < loads.size(); ++i) {
    if (rank(loads[i]) < rank(loads[best])) best = i;
  }
  return best;
}

}  // namespace httpteleport::server
