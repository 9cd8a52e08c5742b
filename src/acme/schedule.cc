#include "acme/schedule.h"

#include <algorithm>

#include "base/assert.h"

namespace httpteleport::acme {

std::time_t renewal_time(std::time_t not_before, std::time_t not_after, const Options& options,
                         double chance) {
  const double lifetime_s = std::difftime(not_after, not_before);
  const double part = options.renewal_fraction + options.renewal_jitter * chance;
  return not_before + static_cast<std::time_t>(lifetime_s * part);
}

std::chrono::seconds backoff(uint32_t failures, const Setback& setback, const Options& options) {
  std::chrono::seconds pause = std::min(options.backoff_min, options.backoff_max);
  for (uint32_t i = 1; i < failures && pause < options.backoff_max; ++i)
    pause = std::min(pause * kBackoffFactor, options.backoff_max);
  if (setback.ca_is_down) pause = std::min(pause, options.outage_pause_max);
  return std::max(pause, std::min(setback.retry_after, options.retry_after_max));
}

TimePoint OrderBudget::open_at(TimePoint now) const {
  return spent_.size() < orders_max_ ? now : spent_.front() + std::chrono::hours(1);
}

void OrderBudget::spend(TimePoint now) {
  HT_ASSERT(open_at(now) <= now);
  if (spent_.size() == orders_max_) spent_.pop_front();
  spent_.push_back(now);
}

}  // namespace httpteleport::acme
