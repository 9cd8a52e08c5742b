#include "teleport/v2/secret_table.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

namespace httpteleport::teleport::v2 {
namespace {

using namespace std::string_literals;

constexpr TableSizes kFour{.secret_blocks = 4};
constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Both ends.
struct Secrets {
  explicit Secrets(const TableSizes& sizes) : sent(sizes), received(sizes) {}

  // What is left of a value at the other end.
  std::optional<std::string> pass(std::string_view value) {
    wire.clear();
    sent.encode(value, wire);
    ByteReader reader(wire);
    std::string got;
    if (!received.decode(reader, value.size(), got) || !reader.at_end()) return {};
    return got;
  }

  SentSecrets sent;
  ReceivedSecrets received;
  std::string wire;  // of the last value
};

std::string letters(size_t count, uint64_t seed) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::string text;
  while (text.size() < count)
    text.push_back(kLetters[random() % kLetters.size()]);
  return text;
}

std::optional<std::string> decode(std::string_view wire, size_t length_max = 1000) {
  ReceivedSecrets received(kFour);
  ByteReader reader(wire);
  std::string got;
  if (!received.decode(reader, length_max, got)) return {};
  return got;
}

TEST(SecretBlocks, KeepTheNumberOfTheirSlot) {
  SecretBlocks blocks(kFour);
  EXPECT_FALSE(blocks.find(0));
  for (uint32_t i = 0; i < 6; ++i)
    EXPECT_EQ(blocks.add(std::string(16 + i, static_cast<char>('a' + i))), i % 4);
  EXPECT_EQ(blocks.find(0), std::string(20, 'e'));
  EXPECT_EQ(blocks.find(1), std::string(21, 'f'));
  EXPECT_EQ(blocks.find(2), std::string(18, 'c'));
  EXPECT_FALSE(blocks.find(4));
  EXPECT_EQ(blocks.slot_of(5), 0u);
  EXPECT_EQ(blocks.next_of(3), 0u);
}

TEST(Secrets, AreRunsAndWhatIsBetweenThem) {
  Secrets secrets(kNormalTables);
  EXPECT_EQ(secrets.pass(""), "");
  EXPECT_EQ(secrets.wire, "\0"s);
  EXPECT_EQ(secrets.pass("a=b; c"), "a=b; c");
  EXPECT_EQ(secrets.wire, "\x06"s + "a=b; c\0"s);
  EXPECT_EQ(secrets.pass("ABCDEFGH"), "ABCDEFGH");
  EXPECT_EQ(secrets.wire, "\x48\x00\x10\x83\x10\x51\x87\x00"s);
}

TEST(Secrets, HaveBlocksThatComeAgainAsNumbers) {
  Secrets secrets(kNormalTables);
  const std::string value = letters(16 * 5 + 8, 1);  // 4 blocks, and one of 24 characters
  EXPECT_EQ(secrets.pass("id=" + value), "id=" + value);
  EXPECT_EQ(secrets.wire.size(), 4u + (1 + 4 * 12) + (1 + 18) + 1);
  EXPECT_EQ(secrets.pass("id=" + value), "id=" + value);
  EXPECT_EQ(secrets.wire, "\x03id=\xc5\x00\x00"s);
  EXPECT_EQ(secrets.pass(value.substr(0, 48) + ";"), value.substr(0, 48) + ";");
  EXPECT_EQ(secrets.wire, "\xc3\x09\x01;\x00"s);
  EXPECT_EQ(secrets.pass(value.substr(0, 40)), value.substr(0, 40));
  EXPECT_EQ(secrets.wire.size(), 2u + (1 + 18) + 1);  // one is known, the last 24 are another block
}

TEST(Secrets, OfEveryLengthComeThrough) {
  Secrets secrets(kFour);
  for (size_t length = 0; length < 2200; length += length < 200 ? 1 : 97) {
    for (uint32_t seed = 0; seed < 2; ++seed) {
      const std::string value = letters(length, seed);
      for (const std::string& text : {value, "=" + value, value + ";", value + "=" + value})
        ASSERT_EQ(secrets.pass(text), text);
    }
  }
}

TEST(Secrets, OfAllBytesComeThrough) {
  Secrets secrets(kFour);
  std::string all;
  for (int c = 0; c < 256; ++c)
    all.push_back(static_cast<char>(c));
  EXPECT_EQ(secrets.pass(all), all);
  EXPECT_EQ(secrets.pass(all + all), all + all);
}

TEST(Secrets, ManyThousandComeThroughTablesOfEverySize) {
  for (const uint32_t size : {1u, 2u, 4u, 5u, 1000u, 65536u}) {
    SCOPED_TRACE("size and seed " + std::to_string(size));
    Secrets secrets({.secret_blocks = size});
    std::mt19937 random(size);
    for (int i = 0; i < 4'000; ++i) {
      std::string value;
      for (uint64_t runs = random() % 4; runs > 0; --runs) {
        value +=
            letters(random() % 100, random() % 8) + letters(16 * (random() % 3), random() % 40);
        value += std::string(random() % 2, '=') + std::string(random() % 90 / 85 * 80, '%');
      }
      ASSERT_EQ(secrets.pass(value), value);
    }
  }
}

// What somebody may learn who sends guesses beside the secret of another: whether 16 characters, or
// the up to 31 at the end, are right together, and nothing about fewer.
TEST(Secrets, TellNothingAboutPartsOfABlock) {
  for (const size_t length : {16u, 20u, 31u, 32u, 48u, 70u}) {
    SCOPED_TRACE(length);
    const std::string secret = letters(length, 7);
    const size_t block = length > kSecretBlockCharsMax ? kSecretBlockChars : length;
    std::optional<size_t> bytes;
    for (size_t right = 0; right < block; ++right) {
      Secrets secrets(kNormalTables);
      secrets.pass("session=" + secret);
      std::string guess = secret.substr(0, right) + letters(length - right, 8);
      guess[right] = secret[right] == 'x' ? 'y' : 'x';
      ASSERT_EQ(secrets.pass("session=" + guess), "session=" + guess);
      if (!bytes) bytes = secrets.wire.size();
      EXPECT_EQ(secrets.wire.size(), *bytes) << right << " characters are right";
    }
  }
}

TEST(ReceivedSecrets, RefuseWhatNoSenderWrites) {
  EXPECT_FALSE(decode(""));
  EXPECT_FALSE(decode("\x40\x00"s));      // no characters
  EXPECT_FALSE(decode("\x80\x00"s));      // no blocks
  EXPECT_FALSE(decode("\xc0\x00\x00"s));  // no known blocks
  EXPECT_FALSE(decode("\xc1\x00\x00"s));  // nothing is known
  EXPECT_FALSE(
      decode("\x03"
             "ab"s));  // cut off
  EXPECT_FALSE(
      decode("\x02"
             "ab"s));  // no end
  EXPECT_FALSE(
      decode("\x48"
             "12345"s));  // 8 characters are 6 bytes
  EXPECT_FALSE(
      decode("\x81"
             "12345678901"s));                                  // a block is 12
  EXPECT_FALSE(decode("\x60" + std::string(24, 'a') + "\0"s));  // 32 characters are two blocks
  EXPECT_FALSE(decode("\xc1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0"s));
}

TEST(ReceivedSecrets, RefuseSlotsThatAreNotThere) {
  const std::string two = "\x82" + std::string(24, 'a');
  EXPECT_TRUE(decode(two + "\xc2\x00\x00"s));
  EXPECT_FALSE(decode(two + "\xc3\x00\x00"s));  // the third is empty
  EXPECT_FALSE(decode(two + "\xc1\x04\x00"s));  // slot 2
  EXPECT_FALSE(decode(two + "\xc1\x01\x00"s));  // slot -1
  EXPECT_FALSE(decode(two + "\xc1\x08\x00"s));  // slot 4, of 4
}

TEST(ReceivedSecrets, KeepToTheLengthTheyAreAllowed) {
  EXPECT_TRUE(
      decode("\x02"
             "ab\0"s,
             2));
  EXPECT_FALSE(
      decode("\x02"
             "ab\0"s,
             1));
  const std::string one = "\x81" + std::string(12, 'a');
  EXPECT_TRUE(decode(one + "\0"s, 16));
  EXPECT_FALSE(decode(one + "\0"s, 15));
  EXPECT_TRUE(decode(one + "\xc1\0\0"s, 32));
  EXPECT_FALSE(decode(one + "\xc1\0\0"s, 31));
}

}  // namespace
}  // namespace httpteleport::teleport::v2
