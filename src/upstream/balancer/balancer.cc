#include "upstream/balancer/balancer.h"

#include <random>

#include "upstream/balancer/ewma.h"
#include "upstream/balancer/hash.h"
#include "upstream/balancer/least_loaded.h"
#include "upstream/balancer/round_robin.h"
#include "upstream/balancer/two_choices.h"

namespace httpteleport::upstream {

namespace {

uint64_t seed_of(const BalancerOptions& options) {
  if (options.seed != 0) return options.seed;
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace

std::unique_ptr<Balancer> make_balancer(const BalancerOptions& options,
                                        std::span<const std::string_view> names) {
  switch (options.policy) {
    case Policy::kLeastLoaded:
      break;
    case Policy::kRoundRobin:
      return std::make_unique<RoundRobin>(names.size());
    case Policy::kTwoChoices:
      return std::make_unique<TwoChoices>(seed_of(options));
    case Policy::kEwma:
      return std::make_unique<Ewma>(names.size());
    case Policy::kHash:
      return std::make_unique<RendezvousHash>(names);
  }
  return std::make_unique<LeastLoaded>();
}

}  // namespace httpteleport::upstream
