#include "metrics/histogram.h"

#include <algorithm>
#include <bit>

namespace httpteleport::metrics {

int Histogram::bucket_of(uint64_t us) {
  constexpr uint64_t kSub = uint64_t{1} << kSubBits;
  us = std::min<uint64_t>(us, UINT32_MAX);
  if (us < kSub) return static_cast<int>(us);
  const int exponent = 63 - std::countl_zero(us);
  const auto sub = static_cast<int>((us >> (exponent - kSubBits)) & (kSub - 1));
  return ((exponent - kSubBits + 1) << kSubBits) + sub;
}

uint64_t Histogram::upper_edge_us(int index) {
  constexpr int kSub = 1 << kSubBits;
  if (index < kSub) return static_cast<uint64_t>(index) + 1;
  const int exponent = (index >> kSubBits) + kSubBits - 1;
  const auto sub = static_cast<uint64_t>(index & (kSub - 1));
  return (kSub + sub + 1) << (exponent - kSubBits);
}

void Histogram::observe(Duration duration) {
  const int64_t ns = duration.count();
  const uint64_t us = ns <= 0 ? 0 : static_cast<uint64_t>(ns) / 1000;
  buckets_[static_cast<size_t>(bucket_of(us))].add();
  count_.add();
  sum_us_.add(us);
}

void Histogram::add_to(HistogramSnapshot& sum) const {
  sum.buckets.resize(kBuckets);
  for (size_t i = 0; i < buckets_.size(); ++i)
    sum.buckets[i] += buckets_[i].value();
  sum.count += count_.value();
  sum.sum_us += sum_us_.value();
}

uint64_t HistogramSnapshot::count_up_to(uint64_t bound_us) const {
  if (buckets.empty()) return 0;
  uint64_t total = 0;
  const int last = Histogram::bucket_of(bound_us);
  for (int i = 0; i <= last; ++i)
    total += buckets[static_cast<size_t>(i)];
  return total;
}

uint64_t HistogramSnapshot::quantile_us(double q) const {
  uint64_t total = 0;
  for (const uint64_t bucket : buckets)
    total += bucket;
  if (total == 0) return 0;
  const auto rank =
      std::max<uint64_t>(1, static_cast<uint64_t>(q * static_cast<double>(total) + 0.5));
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    seen += buckets[i];
    if (seen >= rank) return Histogram::upper_edge_us(static_cast<int>(i));
  }
  return Histogram::upper_edge_us(Histogram::kBuckets - 1);
}

}  // namespace httpteleport::metrics
