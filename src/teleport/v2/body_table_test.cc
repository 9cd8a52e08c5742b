#include "teleport/v2/body_table.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace httpteleport::teleport::v2 {
namespace {

constexpr TableSizes kKibibyte{.body_bytes = 1024};

TEST(ReceivedBodies, TakeAQuarterOfTheirMemoryAtMost) {
  const ReceivedBodies bodies(kKibibyte);
  EXPECT_FALSE(bodies.takes(std::string(63, 'a')));
  EXPECT_TRUE(bodies.takes(std::string(64, 'a')));
  EXPECT_TRUE(bodies.takes(std::string(256, 'a')));
  EXPECT_FALSE(bodies.takes(std::string(257, 'a')));
  const ReceivedBodies large(kNormalTables);
  EXPECT_TRUE(large.takes(std::string(65'536, 'a')));
  EXPECT_FALSE(large.takes(std::string(65'537, 'a')));
  EXPECT_FALSE(ReceivedBodies({.body_bytes = 0}).takes(std::string(64, 'a')));
}

TEST(ReceivedBodies, AreNamedByHowManyCameSince) {
  ReceivedBodies bodies(kKibibyte);
  EXPECT_FALSE(bodies.find(1));
  bodies.add(std::string(64, 'a'));
  bodies.add(std::string(65, 'b'));
  EXPECT_EQ(bodies.find(1), std::string(65, 'b'));
  EXPECT_EQ(bodies.find(2), std::string(64, 'a'));
  EXPECT_FALSE(bodies.find(0));
  EXPECT_FALSE(bodies.find(3));
  EXPECT_FALSE(bodies.find(UINT64_MAX));
}

TEST(ReceivedBodies, ForgetWhatTheyWriteOver) {
  ReceivedBodies bodies(kKibibyte);
  for (const char letter : {'a', 'b', 'c', 'd'})
    bodies.add(std::string(256, letter));  // full to the last byte
  EXPECT_EQ(bodies.find(4), std::string(256, 'a'));
  bodies.add(std::string(64, 'e'));  // over the front of a
  EXPECT_EQ(bodies.find(4), std::string(256, 'b'));
  EXPECT_FALSE(bodies.find(5));
  bodies.add(std::string(192, 'f'));  // the rest of it
  EXPECT_EQ(bodies.find(5), std::string(256, 'b'));
  bodies.add(std::string(64, 'g'));
  EXPECT_EQ(bodies.find(5), std::string(256, 'c'));
  EXPECT_FALSE(bodies.find(6));
}

TEST(ReceivedBodies, ForgetTheEndOfALapWhenTheNextBegins) {
  ReceivedBodies bodies(kKibibyte);
  const auto add = [&](size_t size, char letter) { bodies.add(std::string(size, letter)); };
  add(256, 'a');
  add(256, 'b');
  add(200, 'c');
  add(80, 'd');
  add(220, 'e');  // 792 to 1012
  add(64, 'f');   // does not fit behind
  EXPECT_EQ(bodies.find(1), std::string(64, 'f'));
  EXPECT_EQ(bodies.find(5), std::string(256, 'b'));
  EXPECT_FALSE(bodies.find(6));
  add(256, 'g');
  add(256, 'h');
  add(210, 'i');  // to 786: only e is left of that lap
  EXPECT_EQ(bodies.find(5), std::string(220, 'e'));
  EXPECT_FALSE(bodies.find(6));
  add(256, 'j');  // does not fit behind: e goes, and f and g, which it writes over
  EXPECT_EQ(bodies.find(3), std::string(256, 'h'));
  EXPECT_FALSE(bodies.find(4));
}

TEST(SentBodies, NameWhatTheOtherEndHas) {
  for (const uint32_t bytes : {256u, 1000u, 5000u, 100'000u}) {
    const TableSizes sizes{.body_bytes = bytes};
    SentBodies sent(sizes);
    ReceivedBodies received(sizes);
    std::mt19937 random(bytes);
    size_t found = 0;
    for (int i = 0; i < 10'000; ++i) {
      const std::string body =
          std::string(64 + random() % 4 * (bytes / 64), random() % 2 == 0 ? 'x' : 'y');
      if (!sent.takes(body)) continue;
      if (const auto distance = sent.find_or_add(body)) {
        ++found;
        ASSERT_EQ(received.find(*distance), body);
      } else {
        received.add(body);
      }
    }
    EXPECT_GT(found, 100u);
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2
