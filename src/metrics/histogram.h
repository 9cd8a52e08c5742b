// Durations counted in log-linear buckets: eight to each doubling, so a quantile read back is at
// most 12.5 % over the true one. From 1 us to about 71 minutes; longer ones count in the last
// bucket.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "metrics/counter.h"

namespace httpteleport::metrics {

// A sum of histograms, as read at one moment. Plain data.
struct HistogramSnapshot {
  std::vector<uint64_t> buckets;  // empty, or Histogram::kBuckets of them
  uint64_t count = 0;
  uint64_t sum_us = 0;

  // Observations that are at most `bound_us`. Exact when `bound_us` + 1 is a bucket's lower edge,
  // else the whole bucket is counted in.
  uint64_t count_up_to(uint64_t bound_us) const;
  // Upper edge, in microseconds, of the bucket that holds quantile `q` (0 < q <= 1); 0 when empty.
  uint64_t quantile_us(double q) const;
};

// Written by one worker, read by any thread.
class Histogram {
 public:
  static constexpr int kSubBits = 3;
  static constexpr int kBuckets = (32 - kSubBits + 1) << kSubBits;

  // O(1), no branch on the number of buckets. Negative durations count as 0.
  void observe(Duration duration);
  // Adds what this holds to `sum`.
  void add_to(HistogramSnapshot& sum) const;

  static int bucket_of(uint64_t us);
  // First microsecond that is above bucket `index`.
  static uint64_t upper_edge_us(int index);

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter count_;
  Counter sum_us_;
};

}  // namespace httpteleport::metrics
