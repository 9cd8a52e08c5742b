// How many of the things of the last ten seconds were of one kind: bad answers of requests, repeats
// of requests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace httpteleport::upstream {

// Ten buckets of a second each, so "the last ten seconds" are between nine and ten. Every call is
// O(1) on average. One thread; `now` must not go backwards.
class RecentCounts {
 public:
  static constexpr size_t kSeconds = 10;

  void add(TimePoint now, uint32_t all, uint32_t marked);
  // As of `now`.
  uint64_t all(TimePoint now) {
    forget_old(now);
    return sum_.all;
  }
  uint64_t marked(TimePoint now) {
    forget_old(now);
    return sum_.marked;
  }
  void clear() { *this = {}; }

 private:
  struct Bucket {
    uint64_t all = 0;
    uint64_t marked = 0;
  };

  void forget_old(TimePoint now);

  std::array<Bucket, kSeconds> buckets_{};
  Bucket sum_{};
  int64_t second_ = 0;  // of the newest bucket, since the clock's epoch
};

}  // namespace httpteleport::upstream
