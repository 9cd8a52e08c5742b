#include "base/token_bucket.h"

#include <gtest/gtest.h>

#include <limits>

namespace httpteleport {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1000h};

int take_all(TokenBucket& bucket, TimePoint now) {
  int taken = 0;
  while (taken < 100'000 && bucket.try_take(now))
    ++taken;
  return taken;
}

TEST(TokenBucket, HoldsSoManyTokensAndIsFullAtFirst) {
  TokenBucket bucket(TokenRate(10, 3));
  EXPECT_EQ(bucket.until_next(kStart), 0s);
  EXPECT_EQ(take_all(bucket, kStart), 3);
  EXPECT_EQ(take_all(bucket, kStart), 0);
  EXPECT_EQ(take_all(bucket, kStart + 1h), 3) << "no more than a full one's";
}

TEST(TokenBucket, GetsTokensAtAnEvenPace) {
  TokenBucket bucket(TokenRate(10, 3));
  take_all(bucket, kStart);
  EXPECT_EQ(bucket.until_next(kStart), 100ms);
  EXPECT_EQ(bucket.until_next(kStart + 60ms), 40ms);
  EXPECT_FALSE(bucket.try_take(kStart + 100ms - 1ns));
  EXPECT_TRUE(bucket.try_take(kStart + 100ms));
  EXPECT_FALSE(bucket.try_take(kStart + 100ms));
  EXPECT_EQ(take_all(bucket, kStart + 350ms), 2);
  int taken = 0;
  for (Duration at = 1s; at < 11s; at += 1ms)
    taken += bucket.try_take(kStart + at) ? 1 : 0;
  EXPECT_NEAR(taken, 103, 1);
}

TEST(TokenBucket, HoldsTheTokensOfASecondUnlessToldOtherwise) {
  TokenBucket bucket(TokenRate(7));
  EXPECT_EQ(take_all(bucket, kStart), 7);
  TokenBucket one(TokenRate(1));
  EXPECT_EQ(take_all(one, kStart), 1);
  EXPECT_EQ(one.until_next(kStart), 1s);
}

TEST(TokenBucket, WithoutARateIsNoLimit) {
  for (const int64_t none : {int64_t{0}, int64_t{-1}}) {
    TokenBucket bucket(TokenRate(none, 3));
    EXPECT_EQ(take_all(bucket, kStart), 100'000);
    EXPECT_EQ(bucket.until_next(kStart), 0s);
  }
  EXPECT_FALSE(TokenRate().is_limit());
}

TEST(TokenBucket, BearsTheLargestNumbers) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (const TokenRate rate : {TokenRate(kMax, kMax), TokenRate(1, kMax), TokenRate(kMax)}) {
    TokenBucket bucket(rate);
    EXPECT_EQ(take_all(bucket, kStart), 100'000);
    EXPECT_EQ(bucket.until_next(kStart), 0s);
  }
}

TEST(TokenBucket, GoesOnWithAnotherRate) {
  TokenBucket bucket(TokenRate(1, 2));
  take_all(bucket, kStart);
  bucket.set_rate(TokenRate(1000, 5000));
  EXPECT_TRUE(bucket.try_take(kStart));
  bucket.set_rate(TokenRate(1, 1));
  EXPECT_FALSE(bucket.try_take(kStart + 1s));
  EXPECT_TRUE(bucket.try_take(kStart + 3s));
}

}  // namespace
}  // namespace httpteleport
