#include "relay/udp_socket.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace httpteleport::relay {
namespace {

TEST(SegmentLimit, JoinsDatagramsOfOneSizeAndASmallerLastOne) {
  const auto count = [](const SegmentLimit& limit, const std::vector<size_t>& sizes) {
    std::vector<iovec> datagrams;
    for (const size_t size : sizes)
      datagrams.push_back({nullptr, size});
    return limit.count(datagrams);
  };
  SegmentLimit limit;
  EXPECT_EQ(count(limit, {100}), 1u);
  EXPECT_EQ(count(limit, {100, 100, 100}), 3u);
  EXPECT_EQ(count(limit, {100, 100, 40, 100}), 3u);
  EXPECT_EQ(count(limit, {100, 200}), 1u);
  EXPECT_EQ(count(limit, {100, 0, 100}), 1u);
  EXPECT_EQ(count(limit, {0, 0}), 1u);
  EXPECT_EQ(count(limit, {30'000, 30'000, 30'000}), 2u);
  EXPECT_EQ(count(limit, std::vector<size_t>(100, 10)), 64u);
  EXPECT_FALSE(limit.learn(EAGAIN, 1500));
  EXPECT_TRUE(limit.learn(EMSGSIZE, 1500));
  EXPECT_EQ(count(limit, {1500, 1500}), 1u);
  EXPECT_EQ(count(limit, {1499, 1499}), 2u);
  EXPECT_TRUE(limit.learn(EIO, 100));
  EXPECT_EQ(count(limit, {10, 10}), 1u);
}

}  // namespace
}  // namespace httpteleport::relay
