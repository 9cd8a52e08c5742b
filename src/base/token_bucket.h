// Limits of a rate: a bucket that holds so many tokens, is full at the beginning, and gets new ones
// at a steady pace; whoever wants to do something takes one.
//
// All a bucket has to remember is when it will be full again (that is what the generic cell rate
// algorithm keeps), so very many of them can share one rate.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace httpteleport {

// What many buckets may have in common. Immutable.
class TokenRate {
 public:
  // No limit.
  TokenRate() = default;
  // `per_second` <= 0: no limit. `burst`: how many tokens a full bucket holds; <= 0: those of a
  // second, at least one. Rates of more than a million are kept to one part in a thousand; of
  // bursts, what takes longer than a year to fill is left out.
  explicit TokenRate(int64_t per_second, int64_t burst = 0) {
    if (per_second <= 0) return;
    constexpr int64_t kSecond = std::chrono::nanoseconds(std::chrono::seconds(1)).count();
    constexpr int64_t kYear = std::chrono::nanoseconds(std::chrono::hours(24 * 365)).count();
    const int64_t period = std::max<int64_t>(kSecond / per_second, 1);
    const int64_t tokens = burst > 0 ? burst : per_second;
    period_ = Duration(period);
    depth_ = period_ * std::min(tokens, kYear / period);
  }

  bool is_limit() const { return period_ > Duration::zero(); }

  // Takes a token from the bucket that is full at `full_at`, if it has one.
  bool try_take(TimePoint& full_at, TimePoint now) const {
    if (!is_limit()) return true;
    const TimePoint full_then = std::max(full_at, now) + period_;
    if (full_then - now > depth_) return false;
    full_at = full_then;
    return true;
  }
  // How long it is until such a bucket has a token; zero: it has one now.
  Duration until_next(TimePoint full_at, TimePoint now) const {
    if (!is_limit()) return Duration::zero();
    return std::max(full_at + period_ - depth_ - now, Duration::zero());
  }

  friend bool operator==(const TokenRate&, const TokenRate&) = default;

 private:
  Duration period_{};  // from one token to the next; zero: no limit
  Duration depth_{};   // from empty to full
};

// Not thread safe.
class TokenBucket {
 public:
  explicit TokenBucket(TokenRate rate) : rate_(rate) {}

  // Tokens missing now take as long to come as they were to.
  void set_rate(TokenRate rate) { rate_ = rate; }
  bool try_take(TimePoint now) { return rate_.try_take(full_at_, now); }
  Duration until_next(TimePoint now) const { return rate_.until_next(full_at_, now); }

 private:
  TokenRate rate_;
  TimePoint full_at_{};
};

}  // namespace httpteleport
