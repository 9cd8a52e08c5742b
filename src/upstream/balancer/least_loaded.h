// The choice of an endpoint: the least pending work.
#pragma once

#include "upstream/balancer/balancer.h"

namespace httpteleport::upstream {

// Index of the eligible endpoint with the least pending work per weight, or nullopt when there is
// none. Ties go to the first at or after `start`, which is as Choice has it.
std::optional<size_t> pick_least_loaded(std::span<const EndpointLoad> loads, size_t start);

class LeastLoaded final : public Balancer {
 public:
  std::optional<size_t> pick(const Choice& choice) override {
    return pick_least_loaded(choice.loads, choice.start);
  }
};

}  // namespace httpteleport::upstream
