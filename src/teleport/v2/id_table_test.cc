#include "teleport/v2/id_table.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

namespace httpteleport::teleport::v2 {
namespace {

constexpr TableSizes kEight{.ids = 8};

std::string id_of(uint32_t number, size_t size = kIdBytesMin) {
  std::string bytes = std::to_string(number);
  bytes.resize(size, '.');
  return bytes;
}

TEST(ReceivedIds, AreNamedByHowManyCameSince) {
  ReceivedIds ids(kEight);
  EXPECT_FALSE(ids.find(1));
  for (uint32_t i = 0; i < 5; ++i)
    ids.add(id_of(i, kIdBytesMin + i));
  EXPECT_EQ(ids.find(1), id_of(4, 12));
  EXPECT_EQ(ids.find(5), id_of(0, 8));
  EXPECT_FALSE(ids.find(0));
  EXPECT_FALSE(ids.find(6));
  EXPECT_FALSE(ids.find(UINT64_MAX));
}

TEST(ReceivedIds, AreTheLastSoMany) {
  ReceivedIds ids(kEight);
  for (uint32_t i = 0; i < 1000; ++i) {
    ids.add(id_of(i, i % 2 == 0 ? kIdBytesMax : kIdBytesMin));
    if (i < 8) continue;
    EXPECT_EQ(ids.find(8), id_of(i - 7, i % 2 == 1 ? kIdBytesMax : kIdBytesMin));
    EXPECT_FALSE(ids.find(9));
  }
  EXPECT_EQ(ids.count(), 1000u);
}

TEST(SentIds, FindTheLastSoMany) {
  SentIds ids(kEight);
  for (uint32_t i = 0; i < 8; ++i)
    EXPECT_FALSE(ids.find_or_add(id_of(i)));
  EXPECT_EQ(ids.find_or_add(id_of(7)), 1u);
  EXPECT_EQ(ids.find_or_add(id_of(0)), 8u);
  EXPECT_FALSE(ids.find_or_add(id_of(8)));
  EXPECT_FALSE(ids.find_or_add(id_of(0)));  // made room for 8, and is new again
  EXPECT_EQ(ids.find_or_add(id_of(8)), 2u);
}

TEST(SentIds, TellIdsOfOneBeginningApart) {
  SentIds ids(kEight);
  EXPECT_FALSE(ids.find_or_add(std::string(8, 'a')));
  EXPECT_FALSE(ids.find_or_add(std::string(9, 'a')));
  EXPECT_FALSE(ids.find_or_add(std::string(32, 'a')));
  EXPECT_EQ(ids.find_or_add(std::string(8, 'a')), 3u);
}

TEST(SentIds, NameWhatTheOtherEndHas) {
  for (const uint32_t size : {1u, 3u, 8u, 100u, 4096u}) {
    const TableSizes sizes{.ids = size};
    SentIds sent(sizes);
    ReceivedIds received(sizes);
    std::mt19937 random(size);
    size_t found = 0;
    for (int i = 0; i < 20'000; ++i) {
      const std::string id = id_of(static_cast<uint32_t>(random() % (2 * size)), 8 + random() % 3);
      if (const auto distance = sent.find_or_add(id)) {
        ++found;
        ASSERT_EQ(received.find(*distance), id);
      } else {
        received.add(id);
      }
    }
    EXPECT_GT(found, 100u);
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2
