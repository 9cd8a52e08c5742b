#include "base/text.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace httpteleport {
namespace {

TEST(Text, SaysPointsInTimeInUtc) {
  EXPECT_EQ(utc_date(0), "1970-01-01 00:00 UTC");
  EXPECT_EQ(utc_date(1'767'182'399), "2025-12-31 11:59 UTC");
}

TEST(Text, SaysErrorsWithTheSystemsReason) {
  EXPECT_EQ(in_words({Code::kSystem, Source::kInternal, EACCES, "cannot bind"}),
            "cannot bind: Permission denied");
  EXPECT_EQ(in_words({Code::kBadConfig, Source::kInternal, 0, "no PEM"}), "no PEM");
}

TEST(Text, LowersLettersOfAsciiOnly) {
  EXPECT_EQ(lower_case("WWW.Example-1.[@`{"), "www.example-1.[@`{");
  EXPECT_EQ(lower_case("\xC4\xDC"), "\xC4\xDC");
}

}  // namespace
}  // namespace httpteleport
