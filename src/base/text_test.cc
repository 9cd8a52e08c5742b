#include "base/text.h"

#include <gtest/gtest.h>

namespace httpteleport {
namespace {

TEST(Text, SaysPointsInTimeInUtc) {
  EXPECT_EQ(utc_date(0), "1970-01-01 00:00 UTC");
  EXPECT_EQ(utc_date(1'767'182'399), "2025-12-31 11:59 UTC");
}

}  // namespace
}  // namespace httpteleport
