// When a certificate is renewed, when a name that failed is tried again, and how many orders may
// begin. No clock and no chance of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <deque>

#include "acme/options.h"
#include "base/clock.h"

namespace httpteleport::acme {

inline constexpr int kBackoffFactor = 4;

// The two clocks: certificates have dates, pauses must not follow an operator who sets the clock.
struct Moment {
  TimePoint steady;
  std::time_t wall = 0;
};

// `chance` is in [0, 1) and spreads renewals over Options::renewal_jitter of the lifetime.
std::time_t renewal_time(std::time_t not_before, std::time_t not_after, const Options& options,
                         double chance);

// Why an order has failed, as far as it matters for the next one.
struct Setback {
  std::chrono::seconds retry_after{0};  // what the CA asks for; 0: nothing
  bool ca_is_down = false;              // it is not the name's fault
  bool challenge_failed = false;
};

// The pause after that many failures in a row, one at least.
std::chrono::seconds backoff(uint32_t failures, const Setback& setback, const Options& options);

// Orders in any hour. Memory: one point in time for each of them.
class OrderBudget {
 public:
  // `orders_max` is 1 at least.
  explicit OrderBudget(size_t orders_max) : orders_max_(orders_max) {}

  // When the next order may begin; not after `now`: at once.
  TimePoint open_at(TimePoint now) const;
  // An order begins. Only when open.
  void spend(TimePoint now);
  // The order begun last was none.
  void take_back() { spent_.pop_back(); }

 private:
  size_t orders_max_;
  std::deque<TimePoint> spent_;  // the newest orders_max_, oldest first
};

}  // namespace httpteleport::acme
