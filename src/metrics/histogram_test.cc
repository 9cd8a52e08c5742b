#include "metrics/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace httpteleport::metrics {
namespace {

using namespace std::chrono_literals;

uint64_t lower_edge_us(int index) {
  return index == 0 ? 0 : Histogram::upper_edge_us(index - 1);
}

HistogramSnapshot snapshot_of(const Histogram& histogram) {
  HistogramSnapshot snapshot;
  histogram.add_to(snapshot);
  return snapshot;
}

TEST(Histogram, HasBucketsThatFollowOneAnotherWithoutGaps) {
  for (int index = 0; index < Histogram::kBuckets; ++index) {
    const uint64_t lower = lower_edge_us(index);
    const uint64_t upper = Histogram::upper_edge_us(index);
    ASSERT_LT(lower, upper) << index;
    EXPECT_EQ(Histogram::bucket_of(lower), index);
    EXPECT_EQ(Histogram::bucket_of(upper - 1), index);
    if (index + 1 < Histogram::kBuckets) {
      EXPECT_EQ(Histogram::bucket_of(upper), index + 1);
    }
    // Eight to each doubling.
    if (lower >= 8) {
      EXPECT_LE((upper - lower) * 8, lower) << index;
    }
  }
  EXPECT_EQ(Histogram::upper_edge_us(Histogram::kBuckets - 1), uint64_t{1} << 32);
  EXPECT_EQ(Histogram::bucket_of(UINT64_MAX), Histogram::kBuckets - 1);
}

TEST(Histogram, CountsWhatItObserves) {
  Histogram histogram;
  histogram.observe(-5s);
  histogram.observe(0s);
  histogram.observe(999ns);
  histogram.observe(1us);
  histogram.observe(1500us);
  histogram.observe(1000h);
  const HistogramSnapshot all = snapshot_of(histogram);
  EXPECT_EQ(all.count, 6u);
  EXPECT_EQ(all.sum_us, 1u + 1500u + 3'600'000'000'000u);
  EXPECT_EQ(all.buckets[0], 3u);
  EXPECT_EQ(all.buckets[1], 1u);
  EXPECT_EQ(all.buckets.back(), 1u);
}

TEST(HistogramSnapshot, IsEmptyBeforeTheFirstObservation) {
  EXPECT_EQ(HistogramSnapshot{}.quantile_us(0.5), 0u);
  EXPECT_EQ(HistogramSnapshot{}.count_up_to(1000), 0u);
  const HistogramSnapshot none = snapshot_of(Histogram());
  EXPECT_EQ(none.quantile_us(0.99), 0u);
  EXPECT_EQ(none.count_up_to(UINT64_MAX), 0u);
}

TEST(HistogramSnapshot, SumsSeveralHistograms) {
  Histogram a;
  Histogram b;
  a.observe(10us);
  b.observe(10us);
  b.observe(20us);
  HistogramSnapshot all;
  a.add_to(all);
  b.add_to(all);
  EXPECT_EQ(all.count, 3u);
  EXPECT_EQ(all.sum_us, 40u);
  EXPECT_EQ(all.count_up_to(10), 2u);
  EXPECT_EQ(all.count_up_to(20), 3u);
}

TEST(HistogramSnapshot, CountsExactlyUpToABucketsEdge) {
  Histogram histogram;
  for (int us = 0; us < 1000; ++us)
    histogram.observe(std::chrono::microseconds(us));
  const HistogramSnapshot all = snapshot_of(histogram);
  for (int index = 0; index < Histogram::bucket_of(999); ++index) {
    const uint64_t upper = Histogram::upper_edge_us(index);
    EXPECT_EQ(all.count_up_to(upper - 1), upper);
  }
  // Elsewhere the whole bucket is counted in: at most 12.5 % above the bound.
  for (const uint64_t bound : {100u, 250u, 500u, 900u}) {
    EXPECT_GE(all.count_up_to(bound), bound + 1);
    EXPECT_LE(all.count_up_to(bound), bound + bound / 8 + 1);
  }
  EXPECT_EQ(all.count_up_to(UINT64_MAX), 1000u);
}

TEST(HistogramSnapshot, GivesQuantilesAtMostAnEighthAboveTheTruth) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Histogram histogram;
    std::vector<uint64_t> values;
    for (size_t count = 1 + random() % 2000; count > 0; --count) {
      values.push_back(random() >> (random() % 32));
      histogram.observe(std::chrono::microseconds(values.back()));
    }
    std::sort(values.begin(), values.end());
    const HistogramSnapshot all = snapshot_of(histogram);
    for (const double q : {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank = static_cast<size_t>(
          std::max(1.0, std::floor(q * static_cast<double>(values.size()) + 0.5)));
      const uint64_t truth = values[rank - 1];
      EXPECT_GT(all.quantile_us(q), truth);
      EXPECT_LE(all.quantile_us(q), truth + std::max<uint64_t>(1, truth / 8)) << truth;
    }
  }
}

}  // namespace
}  // namespace httpteleport::metrics
