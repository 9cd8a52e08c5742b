// What all workers together may begin at one endpoint.
#pragma once

#include <cstdint>
#include <mutex>

#include "base/token_bucket.h"

namespace httpteleport::upstream {

// Any thread. Only endpoints that have limits have one.
class SharedLimits {
 public:
  struct Options {
    int64_t active_max = 0;  // exchanges and connections at a time; 0: no limit
    int64_t per_second = 0;  // that begin; 0: no limit
    int64_t burst = 0;       // see TokenRate

    friend bool operator==(const Options&, const Options&) = default;
  };

  void set(const Options& options) {
    const std::lock_guard lock(mutex_);
    active_max_ = options.active_max;
    rate_.set_rate(TokenRate(options.per_second, options.burst));
  }
  bool is_full(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    return (active_max_ > 0 && active_ >= active_max_) || rate_.until_next(now) > Duration::zero();
  }
  // Who asks is_full() and then begins may, with others at the same moment, go over the limit by
  // one a worker.
  void begin(TimePoint now) {
    const std::lock_guard lock(mutex_);
    ++active_;
    rate_.try_take(now);
  }
  void end() {
    const std::lock_guard lock(mutex_);
    --active_;
  }

 private:
  mutable std::mutex mutex_;
  int64_t active_max_ = 0;
  int64_t active_ = 0;
  TokenBucket rate_{TokenRate()};
};

}  // namespace httpteleport::upstream
