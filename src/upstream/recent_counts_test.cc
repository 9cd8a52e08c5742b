#include "upstream/recent_counts.h"

#include <gtest/gtest.h>

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{1h};

TEST(RecentCounts, SumsWhatWasAddedInTheLastTenSeconds) {
  RecentCounts counts;
  for (int second = 0; second < 100; ++second) {
    const TimePoint now = kStart + second * 1s;
    counts.add(now, 3, 1);
    counts.add(now + 900ms, 2, 0);
    const uint64_t seconds = static_cast<uint64_t>(std::min(second + 1, 10));
    EXPECT_EQ(counts.all(now + 900ms), 5 * seconds);
    EXPECT_EQ(counts.marked(now + 900ms), seconds);
  }
}

TEST(RecentCounts, ForgetsOneSecondAfterTheOther) {
  RecentCounts counts;
  counts.add(kStart, 1, 1);
  counts.add(kStart + 5s, 2, 2);
  EXPECT_EQ(counts.all(kStart + 9s), 3u);
  EXPECT_EQ(counts.all(kStart + 10s), 2u);
  EXPECT_EQ(counts.all(kStart + 14s), 2u);
  EXPECT_EQ(counts.marked(kStart + 15s), 0u);
  counts.add(kStart + 1000s, 7, 1);
  EXPECT_EQ(counts.all(kStart + 1000s), 7u);
  counts.clear();
  EXPECT_EQ(counts.all(kStart + 1000s), 0u);
}

}  // namespace
}  // namespace httpteleport::upstream
