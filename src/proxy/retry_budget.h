// How many requests may be repeated: so few that repeats cannot turn a partial outage into a full
// one by multiplying the load.
#pragma once

#include "upstream/recent_counts.h"

namespace httpteleport::proxy {

// One a worker. A share of the requests of the last ten seconds, and a floor for quiet times.
class RetryBudget {
 public:
  struct Options {
    uint32_t percent = 20;           // of the requests of the last ten seconds
    uint32_t floor_per_second = 10;  // allowed on top of that, on average over ten seconds
  };

  explicit RetryBudget(const Options& options) : options_(options) {}

  void on_request(TimePoint now) { counts_.add(now, 1, 0); }
  // True when one more request may be repeated, which is counted then.
  bool try_spend(TimePoint now) {
    const uint64_t allowed =
        uint64_t{options_.floor_per_second} * upstream::RecentCounts::kSeconds +
        counts_.all(now) * options_.percent / 100;
    if (counts_.marked(now) >= allowed) return false;
    counts_.add(now, 0, 1);
    return true;
  }

 private:
  const Options& options_;
  upstream::RecentCounts counts_;  // requests; marked: repeats
};

}  // namespace httpteleport::proxy
