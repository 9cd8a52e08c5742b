#include "upstream/balancer/least_loaded.h"

#include "base/assert.h"

namespace httpteleport::upstream {

namespace {

// Less work per unit of weight. Cross-multiplied: no division, no rounding, 32 x 32 bits fit in 64.
bool less_loaded(const EndpointLoad& a, const EndpointLoad& b) {
  return uint64_t{a.pending} * b.weight < uint64_t{b.pending} * a.weight;
}

}  // namespace

std::optional<size_t> pick_least_loaded(std::span<const EndpointLoad> loads, size_t start) {
  if (loads.empty()) return std::nullopt;
  HT_ASSERT(start < loads.size());
  std::optional<size_t> best;
  for (size_t i = 0; i < loads.size(); ++i) {
    const size_t candidate = start + i < loads.size() ? start + i : start + i - loads.size();
    HT_DASSERT(loads[candidate].weight > 0);
    if (!loads[candidate].eligible) continue;
    if (!best || less_loaded(loads[candidate], loads[*best])) best = candidate;
  }
  return best;
}

}  // namespace httpteleport::upstream
