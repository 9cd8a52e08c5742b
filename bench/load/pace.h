// When requests are due at a constant rate. Latency counts from these times, not from the moment a
// request could be sent: a proxy that stops for a while is then charged for every request that
// should have been sent meanwhile (coordinated omission).
#pragma once

#include <chrono>
#include <cstdint>

namespace httpteleport::bench {

// No clock and no timer of its own. Request i is due i / rate after the start; nothing drifts,
// whatever the rate.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  Pace(Clock::time_point start, uint64_t per_second) : start_(start), per_second_(per_second) {}

  // When the next request is due that was not taken yet.
  Clock::time_point next() const { return due_at(taken_); }
  bool is_due(Clock::time_point now) const { return next() <= now; }
  // Takes it.
  Clock::time_point take() { return due_at(taken_++); }
  uint64_t taken() const { return taken_; }

 private:
  Clock::time_point due_at(uint64_t index) const {
    // Whole seconds apart: index * 10^9 would not fit for long.
    const uint64_t seconds = index / per_second_;
    const uint64_t rest = index % per_second_;
    return start_ + std::chrono::seconds(seconds) +
           std::chrono::nanoseconds(rest * 1'000'000'000 / per_second_);
  }

  Clock::time_point start_;
  uint64_t per_second_;  // 1 to 10^9
  uint64_t taken_ = 0;
};

}  // namespace httpteleport::bench
