#include "teleport/v2/recent_index.h"

#include <gtest/gtest.h>

#include <optional>

#include "teleport/v2/hash.h"

namespace httpteleport::teleport::v2 {
namespace {

const auto any = [](uint32_t /*number*/) { return true; };

TEST(RecentIndex, FindsOnlyWhatItIsAskedFor) {
  RecentIndex index(16);
  EXPECT_FALSE(index.find(5, any));
  index.add(5, 100);
  EXPECT_EQ(index.find(5, any), 100u);
  EXPECT_FALSE(index.find(5, [](uint32_t number) { return number != 100; }));
  EXPECT_FALSE(index.find(5 | uint64_t{1} << 63, any));  // the same set, another tag
  EXPECT_FALSE(index.find(6, any));
}

TEST(RecentIndex, ForgetsTheOldestOfASet) {
  RecentIndex index(16);
  for (uint32_t number = 0; number < 6; ++number)
    index.add(uint64_t{number} << 48, number);
  for (uint32_t number = 0; number < 6; ++number)
    EXPECT_EQ(index.find(uint64_t{number} << 48, any).has_value(), number >= 2);
}

TEST(RecentIndex, NumbersMayWrap) {
  RecentIndex index(1);
  for (uint32_t i = 0; i < 6; ++i)
    index.add(uint64_t{i} << 48, UINT32_MAX - 2 + i);
  for (uint32_t i = 0; i < 6; ++i)
    EXPECT_EQ(index.find(uint64_t{i} << 48, any).has_value(), i >= 2);
}

TEST(Hash, DependsOnSeedAndEveryByte) {
  const std::string text(70, 'x');
  EXPECT_NE(hash_of(text, 1), hash_of(text, 2));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'y';
    EXPECT_NE(hash_of(text, 1), hash_of(other, 1));
    EXPECT_NE(hash_of(text, 1), hash_of(text.substr(0, i), 1));
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2
