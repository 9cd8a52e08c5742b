// How an endpoint is chosen among those in service: plain data in, index out. One file a policy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace httpteleport::upstream {

enum class Policy : uint8_t {
  kLeastLoaded,  // the least pending work per weight
  kRoundRobin,   // in turn, by weight
  kTwoChoices,   // the less loaded of two drawn by chance
  kEwma,         // the one expected to answer first, from its latency and pending work
  kHash,         // the one that a request header's value leads to
};

struct BalancerOptions {
  Policy policy = Policy::kLeastLoaded;
  std::string hash_field;  // kHash: name of the request header; not empty
  uint64_t seed = 0;       // of chance; 0: another one for each balancer

  friend bool operator==(const BalancerOptions&, const BalancerOptions&) = default;
};

struct EndpointLoad {
  uint32_t pending = 0;  // exchanges sent and not yet answered
  uint32_t weight = 1;   // relative to the others', 1..kWeightMax
  bool eligible = true;  // may be chosen at all
};
inline constexpr uint32_t kWeightMax = 256 * 64;

struct Choice {
  std::span<const EndpointLoad> loads;
  // Where to begin looking, below loads.size() unless that is 0. Ties go to the first at or after
  // it, so that a caller who advances it with each pick spreads them evenly.
  size_t start = 0;
  std::optional<uint64_t> key{};  // for kHash: hash_of() the header's value, if the request has it
  TimePoint now{};
};

// One a cluster and worker. A pick allocates nothing and is O(endpoints).
class Balancer {
 public:
  virtual ~Balancer() = default;

  // The index of an eligible endpoint; nullopt when there is none. As many loads as names were
  // given to make_balancer().
  virtual std::optional<size_t> pick(const Choice& choice) = 0;
  // The endpoint's answer to an exchange has begun so long after the exchange was sent.
  virtual void on_answer(size_t /*index*/, Duration /*latency*/, TimePoint /*now*/) {}
};

// `names` of the endpoints, in order. They need not live on.
std::unique_ptr<Balancer> make_balancer(const BalancerOptions& options,
                                        std::span<const std::string_view> names);

}  // namespace httpteleport::upstream
