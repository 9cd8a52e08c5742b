#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>

namespace httpteleport {
namespace {

static_assert(std::is_trivially_copyable_v<Error>);

Result<std::string> text_or_error(bool good) {
  if (good) return std::string("text");
  return Error{Code::kTimeout, Source::kUpstream, 0, "too late"};
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<std::string> good = text_or_error(true);
  ASSERT_TRUE(good);
  EXPECT_TRUE(good.has_value());
  EXPECT_EQ(*good, "text");
  EXPECT_EQ(good->size(), 4u);
  const Result<std::string> bad = text_or_error(false);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kTimeout);
  EXPECT_EQ(bad.error().source, Source::kUpstream);
  EXPECT_STREQ(bad.error().detail, "too late");
}

TEST(Result, GivesItsValueAway) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = *std::move(result);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, IsChangedThroughItsValue) {
  Result<std::string> result = text_or_error(true);
  *result += "s";
  result->push_back('!');
  EXPECT_EQ(*result, "texts!");
}

TEST(Result, OfNothingIsGoodOrAnError) {
  const Result<void> good;
  EXPECT_TRUE(good);
  const Result<void> bad = Error{Code::kSystem, Source::kInternal, 5, "no"};
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().sys_errno, 5);
}

TEST(ResultDeathTest, DiesWhenTheWrongSideIsAskedFor) {
  const Result<std::string> good = text_or_error(true);
  const Result<std::string> bad = text_or_error(false);
  const Result<void> nothing;
  EXPECT_DEATH(good.error(), "assertion failed");
  EXPECT_DEATH(bad->size(), "assertion failed");
  EXPECT_DEATH(nothing.error(), "assertion failed");
}

}  // namespace
}  // namespace httpteleport
