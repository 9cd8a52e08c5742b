#include "acme/schedule.h"

#include <gtest/gtest.h>

namespace httpteleport::acme {
namespace {

using namespace std::chrono_literals;

constexpr std::time_t kDay = 24 * 3600;

TEST(RenewalTime, IsAtTwoThirdsOfTheLifetimeAndALittleLater) {
  const Options options;
  EXPECT_EQ(renewal_time(1000, 1000 + 90 * kDay, options, 0), 1000 + 60 * kDay);
  const std::time_t latest = renewal_time(1000, 1000 + 90 * kDay, options, 0.999);
  EXPECT_GT(latest, 1000 + 64 * kDay);
  EXPECT_LT(latest, 1000 + 65 * kDay);
}

TEST(Backoff, GrowsToItsEnd) {
  const Options options;
  EXPECT_EQ(backoff(1, {}, options), 1min);
  EXPECT_EQ(backoff(2, {}, options), 4min);
  EXPECT_EQ(backoff(3, {}, options), 16min);
  EXPECT_EQ(backoff(5, {}, options), 256min);
  EXPECT_EQ(backoff(6, {}, options), 8h);
  EXPECT_EQ(backoff(4'000'000'000u, {}, options), 8h);
}

TEST(Backoff, HonoursWhatTheCaAsksForWithinReason) {
  const Options options;
  EXPECT_EQ(backoff(1, {.retry_after = 30s}, options), 1min);
  EXPECT_EQ(backoff(1, {.retry_after = 1h}, options), 1h);
  EXPECT_EQ(backoff(1, {.retry_after = 24h * 365}, options), 24h);
}

TEST(Backoff, IsShortWhileTheCaIsDown) {
  const Options options;
  EXPECT_EQ(backoff(1, {.ca_is_down = true}, options), 1min);
  EXPECT_EQ(backoff(2, {.ca_is_down = true}, options), 4min);
  EXPECT_EQ(backoff(3, {.ca_is_down = true}, options), 10min);
  EXPECT_EQ(backoff(100, {.ca_is_down = true}, options), 10min);
  EXPECT_EQ(backoff(100, {.retry_after = 1h, .ca_is_down = true}, options), 1h);
}

TEST(OrderBudget, BoundsAnyHour) {
  OrderBudget budget(2);
  const TimePoint start{};
  EXPECT_EQ(budget.open_at(start), start);
  budget.spend(start);
  budget.spend(start + 10min);
  EXPECT_EQ(budget.open_at(start + 20min), start + 1h);
  budget.spend(start + 1h);
  EXPECT_EQ(budget.open_at(start + 1h), start + 70min);
  budget.take_back();
  EXPECT_EQ(budget.open_at(start + 1h), start + 1h);
}

}  // namespace
}  // namespace httpteleport::acme
