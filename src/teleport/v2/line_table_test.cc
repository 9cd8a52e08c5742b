#include "teleport/v2/line_table.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace httpteleport::teleport::v2 {
namespace {

constexpr TableSizes kFour{.lines = 4, .line_bytes = 1 << 20};

// The bytes of a line with which it counts `cost`.
std::string line_of(char letter, size_t cost) {
  return std::string(cost - LineTable::kLineCost, letter);
}

TEST(LineTable, TakesLinesOfFourToFourThousandAndNinetySixBytes) {
  EXPECT_FALSE(LineTable::takes("abc"));
  EXPECT_TRUE(LineTable::takes("abcd"));
  EXPECT_TRUE(LineTable::takes(std::string(4096, 'a')));
  EXPECT_FALSE(LineTable::takes(std::string(4097, 'a')));
}

TEST(LineTable, NumbersLinesAsTheyCome) {
  ReceivedLines lines(kFour);
  EXPECT_FALSE(lines.use(0));
  EXPECT_EQ(lines.insert("aaaa"), 0u);
  EXPECT_EQ(lines.insert("bbbb"), 1u);
  EXPECT_EQ(lines.use(0), "aaaa");
  EXPECT_EQ(lines.use(1), "bbbb");
  EXPECT_FALSE(lines.use(2));
  EXPECT_FALSE(lines.use(4));
  EXPECT_FALSE(lines.use(32767));
  EXPECT_EQ(lines.bytes(), 2 * (4 + LineTable::kLineCost));
}

TEST(LineTable, PassesLinesInUseWhenItNeedsASlot) {
  ReceivedLines lines(kFour);
  for (const char* line : {"aaaa", "bbbb", "cccc", "dddd"})
    lines.insert(line);
  lines.use(0);
  lines.use(2);
  EXPECT_EQ(lines.insert("eeee"), 1u);
  EXPECT_EQ(lines.insert("ffff"), 3u);
  EXPECT_EQ(lines.insert("gggg"), 0u);  // not used since the hand came by
  EXPECT_EQ(lines.use(2), "cccc");
}

TEST(LineTable, EvictsTheFirstWhenAllAreInUse) {
  ReceivedLines lines(kFour);
  for (uint32_t i = 0; i < 4; ++i)
    lines.insert(std::string(4, static_cast<char>('a' + i)));
  for (uint32_t i = 0; i < 4; ++i)
    lines.use(i);
  EXPECT_EQ(lines.insert("eeee"), 0u);
  EXPECT_EQ(lines.insert("ffff"), 1u);
}

TEST(LineTable, EvictsByBytes) {
  ReceivedLines lines({.lines = 8, .line_bytes = 300});
  lines.insert(line_of('a', 100));
  lines.insert(line_of('b', 100));
  lines.insert(line_of('c', 100));
  EXPECT_EQ(lines.bytes(), 300u);
  EXPECT_EQ(lines.insert(line_of('d', 101)), 3u);  // the hand passes slots 4 to 7, and takes 0, 1
  EXPECT_FALSE(lines.use(0));
  EXPECT_FALSE(lines.use(1));
  EXPECT_EQ(lines.use(2), line_of('c', 100));
  EXPECT_EQ(lines.bytes(), 201u);
  EXPECT_EQ(lines.insert(line_of('e', 50)), 3u);  // passes c, which was used
}

TEST(LineTable, IsNeverOverItsBytesEvenIfAllLinesAreInUse) {
  ReceivedLines lines({.lines = 64, .line_bytes = 1000});
  for (int i = 0; i < 1000; ++i) {
    lines.insert(line_of(static_cast<char>('a' + i % 20), 100));
    ASSERT_LE(lines.bytes(), 1000u);
    for (uint32_t number = 0; number < 64; ++number)
      lines.use(number);
  }
}

TEST(LineTable, GivesBackTheMemoryOfALineThatGoes) {
  class OpenLines final : public LineTable {
   public:
    using LineTable::LineTable;
    size_t memory() const {
      size_t bytes = 0;
      for (uint32_t number = 0; number < slot_count(); ++number)
        bytes += slot(number).line.capacity();
      return bytes;
    }
  };
  OpenLines lines({.lines = 1000, .line_bytes = 20'000});
  for (int i = 0; i < 20'000; ++i) {
    lines.insert(std::string(i % 7 == 0 ? 4096 : 20, 'a'));
    ASSERT_LT(lines.memory(), 60'000u);
  }
}

TEST(LineTable, HoldsALineThatIsOverItsBytesAlone) {
  for (const uint32_t slots : {1u, 2u, 64u}) {
    ReceivedLines lines({.lines = slots, .line_bytes = 100});
    for (int i = 0; i < 5; ++i) {
      lines.insert(line_of('a', 90));
      const uint32_t number = lines.insert(line_of('b', 500));
      EXPECT_EQ(lines.bytes(), 500u);
      EXPECT_EQ(lines.use(number), line_of('b', 500));
    }
  }
}

TEST(SentLines, FindNoLineThatIsGone) {
  SentLines lines(kFour);
  for (const char* line : {"aaaa", "bbbb", "cccc", "dddd"}) {
    EXPECT_FALSE(lines.find(line));
    lines.add(line);
  }
  EXPECT_EQ(lines.find("aaaa"), 0u);
  lines.use(0);
  lines.add("eeee");
  EXPECT_FALSE(lines.find("bbbb"));
  EXPECT_EQ(lines.find("aaaa"), 0u);
  EXPECT_EQ(lines.find("eeee"), 1u);
}

TEST(SentLines, NameWhatTheOtherEndHas) {
  for (const TableSizes& sizes :
       {TableSizes{.lines = 1}, TableSizes{.lines = 16}, TableSizes{.lines = 16, .line_bytes = 300},
        TableSizes{.lines = 1000, .line_bytes = 3000}, TableSizes{.line_bytes = 0}}) {
    SentLines sent(sizes);
    ReceivedLines received(sizes);
    std::mt19937 random(sizes.lines);
    for (int i = 0; i < 2'000; ++i) {
      const std::string line =
          "line " + std::string(random() % 60, 'x') + std::to_string(random() % 3);
      if (const auto number = sent.find(line)) {
        sent.use(*number);
        ASSERT_EQ(received.use(*number), line);
      } else {
        sent.add(line);
        received.insert(line);
      }
      ASSERT_EQ(sent.bytes(), received.bytes());
    }
  }
}

}  // namespace
}  // namespace httpteleport::teleport::v2
