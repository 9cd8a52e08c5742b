#include "upstream/recent_counts.h"

namespace httpteleport::upstream {

void RecentCounts::forget_old(TimePoint now) {
  const int64_t second =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second == second_) return;
  if (second - second_ >= static_cast<int64_t>(kSeconds)) {
    clear();
    second_ = second;
    return;
  }
  while (second_ < second) {
    ++second_;
    Bucket& oldest = buckets_[static_cast<size_t>(second_) % kSeconds];
    sum_.all -= oldest.all;
    sum_.marked -= oldest.marked;
    oldest = {};
  }
}

void RecentCounts::add(TimePoint now, uint32_t all, uint32_t marked) {
  forget_old(now);
  Bucket& newest = buckets_[static_cast<size_t>(second_) % kSeconds];
  newest.all += all;
  newest.marked += marked;
  sum_.all += all;
  sum_.marked += marked;
}

}  // namespace httpteleport::upstream
