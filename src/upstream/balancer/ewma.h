// The choice of an endpoint: the one that is expected to answer first.
#pragma once

#include <vector>

#include "upstream/balancer/balancer.h"

namespace httpteleport::upstream {

// The expectation is latency x (pending + 1) / weight. An endpoint's latency is an average in which
// an answer counts the less the older it is (by half every 7 s), and which jumps at once to an
// answer that took longer. It fades while there are no answers, so that a slow endpoint is tried
// again now and then. Failures are not seen here: health takes care of those who fail fast.
class Ewma final : public Balancer {
 public:
  static constexpr Duration kMemory = std::chrono::seconds(10);  // weight 1/e after that long
  // What an endpoint that has not answered yet is taken for, and the least any is taken for, so
  // that pending work always counts.
  static constexpr Duration kLatencyMin = std::chrono::microseconds(100);

  explicit Ewma(size_t endpoints) : latencies_(endpoints) {}

  std::optional<size_t> pick(const Choice& choice) override;
  void on_answer(size_t index, Duration latency, TimePoint now) override;

 private:
  struct Latency {
    double average = 0;  // nanoseconds, as of `at`
    TimePoint at{};

    double faded(TimePoint now) const;
  };

  std::vector<Latency> latencies_;
};

}  // namespace httpteleport::upstream
