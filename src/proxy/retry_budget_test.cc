#include "proxy/retry_budget.h"

#include <gtest/gtest.h>

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{1h};

int spend_all(RetryBudget& budget, TimePoint now) {
  int spent = 0;
  while (budget.try_spend(now))
    ++spent;
  return spent;
}

TEST(RetryBudget, AllowsAShareOfTheRequestsAndAFloor) {
  const RetryBudget::Options options{.percent = 20, .floor_per_second = 10};
  RetryBudget budget(options);
  EXPECT_EQ(spend_all(budget, kStart), 100);
  for (int i = 0; i < 1000; ++i)
    budget.on_request(kStart);
  EXPECT_EQ(spend_all(budget, kStart), 200);
  EXPECT_EQ(spend_all(budget, kStart + 9s), 0);
  EXPECT_EQ(spend_all(budget, kStart + 10s), 100) << "all of that is forgotten";
}

TEST(RetryBudget, MayAllowNone) {
  const RetryBudget::Options options{.percent = 0, .floor_per_second = 0};
  RetryBudget budget(options);
  budget.on_request(kStart);
  EXPECT_FALSE(budget.try_spend(kStart));
}

}  // namespace
}  // namespace httpteleport::proxy
