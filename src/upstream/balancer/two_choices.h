// The choice of an endpoint: the less loaded of two drawn by chance.
#pragma once

#include "base/random.h"
#include "upstream/balancer/balancer.h"

namespace httpteleport::upstream {

// Nearly as even as looking at all, and many balancers that do not know of each other do not rush
// to the same idle endpoint. The draw is by weight: a heavy endpoint is drawn more often, and the
// comparison is of pending work per weight.
class TwoChoices final : public Balancer {
 public:
  explicit TwoChoices(uint64_t seed) : random_(seed) {}

  std::optional<size_t> pick(const Choice& choice) override;

 private:
  Random random_;
};

}  // namespace httpteleport::upstream
