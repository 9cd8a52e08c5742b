#include "teleport/v2/varint.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace httpteleport::teleport::v2 {
namespace {

using namespace std::string_literals;

std::string varint_of(uint64_t value) {
  std::string bytes;
  append_varint(bytes, value);
  return bytes;
}

TEST(Varint, PutsSevenBitsInAByteLowestFirst) {
  EXPECT_EQ(varint_of(0), "\0"s);
  EXPECT_EQ(varint_of(1), "\x01");
  EXPECT_EQ(varint_of(127), "\x7f");
  EXPECT_EQ(varint_of(128), "\x80\x01");
  EXPECT_EQ(varint_of(300), "\xac\x02");
  EXPECT_EQ(varint_of(16383), "\xff\x7f");
  EXPECT_EQ(varint_of(16384), "\x80\x80\x01");
  EXPECT_EQ(varint_of(UINT64_MAX), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST(Varint, ComesBackAtEveryPowerOfTwo) {
  for (unsigned shift = 0; shift < 64; ++shift) {
    for (const uint64_t value : {(uint64_t{1} << shift) - 1, uint64_t{1} << shift}) {
      const std::string bytes = varint_of(value);
      EXPECT_EQ(bytes.size(), varint_bytes(value));
      EXPECT_LE(bytes.size(), kVarintBytesMax);
      ByteReader reader(bytes);
      EXPECT_EQ(reader.varint(), value);
      EXPECT_TRUE(reader.at_end());
      EXPECT_FALSE(reader.failed());
    }
  }
}

TEST(Varint, IsNotReadInALongerForm) {
  for (const std::string& bytes :
       {"\x80\0"s, "\x81\0"s, "\xff\x80\0"s, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\0"s}) {
    ByteReader reader(bytes);
    EXPECT_EQ(reader.varint(), 0u);
    EXPECT_TRUE(reader.failed());
  }
}

TEST(Varint, IsNotReadOverSixtyFourBits) {
  for (const std::string& bytes :
       {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\0"s,
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s}) {
    ByteReader reader(bytes);
    EXPECT_EQ(reader.varint(), 0u);
    EXPECT_TRUE(reader.failed());
  }
}

TEST(Varint, CutShortFails) {
  const std::string bytes = varint_of(UINT64_MAX);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader(std::string_view(bytes).substr(0, size));
    EXPECT_EQ(reader.varint(), 0u);
    EXPECT_TRUE(reader.failed());
  }
}

TEST(Zigzag, KeepsSmallNumbersSmall) {
  EXPECT_EQ(zigzag(0), 0u);
  EXPECT_EQ(zigzag(-1), 1u);
  EXPECT_EQ(zigzag(1), 2u);
  EXPECT_EQ(zigzag(-2), 3u);
  EXPECT_EQ(zigzag(INT64_MAX), UINT64_MAX - 1);
  EXPECT_EQ(zigzag(INT64_MIN), UINT64_MAX);
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{-300}, int64_t{300},
                              int64_t{INT32_MAX}, INT64_MAX, INT64_MIN})
    EXPECT_EQ(unzigzag(zigzag(value)), value);
}

TEST(ByteReader, TakesFromTheFront) {
  ByteReader reader("ab\x05tail");
  EXPECT_EQ(reader.byte(), 'a');
  EXPECT_EQ(reader.bytes(1), "b");
  EXPECT_EQ(reader.varint(), 5u);
  EXPECT_EQ(reader.left(), 4u);
  EXPECT_EQ(reader.rest(), "tail");
  EXPECT_EQ(reader.bytes(4), "tail");
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reader.bytes(0), "");
  EXPECT_FALSE(reader.failed());
}

TEST(ByteReader, GivesNothingMoreOnceItHasFailed) {
  ByteReader reader("abc");
  EXPECT_EQ(reader.bytes(4), "");
  EXPECT_TRUE(reader.failed());
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reader.byte(), 0);
  EXPECT_EQ(reader.bytes(1), "");
  EXPECT_EQ(reader.varint(), 0u);
  EXPECT_EQ(reader.rest(), "");
}

TEST(ByteReader, ASizeOfAllBitsIsTooMuch) {
  ByteReader reader("abc");
  EXPECT_EQ(reader.bytes(SIZE_MAX), "");
  EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace httpteleport::teleport::v2
