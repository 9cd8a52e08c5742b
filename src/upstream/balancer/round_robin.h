// The choice of an endpoint: in turn, each as often as its weight says.
#pragma once

#include <vector>

#include "upstream/balancer/balancer.h"

namespace httpteleport::upstream {

// Smooth: with weights 5, 1, 1 the heavy one's turns are spread between the others' (a a b a c a
// a), not five at a stretch. Every pick adds each one's weight to its credit; the richest is chosen
// and pays what all have earned.
class RoundRobin final : public Balancer {
 public:
  explicit RoundRobin(size_t endpoints) : credits_(endpoints) {}

  std::optional<size_t> pick(const Choice& choice) override;

 private:
  std::vector<int64_t> credits_;
};

}  // namespace httpteleport::upstream
