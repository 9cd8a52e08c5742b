#include "upstream/balancer/round_robin.h"

namespace httpteleport::upstream {

std::optional<size_t> RoundRobin::pick(const Choice& choice) {
  std::optional<size_t> best;
  int64_t earned = 0;
  for (size_t i = 0; i < choice.loads.size(); ++i) {
    const EndpointLoad& load = choice.loads[i];
    if (!load.eligible) {
      credits_[i] = 0;  // who was away has no turns saved up
      continue;
    }
    credits_[i] += load.weight;
    earned += load.weight;
    if (!best || credits_[i] > credits_[*best]) best = i;
  }
  if (best) credits_[*best] -= earned;
  return best;
}

}  // namespace httpteleport::upstream
