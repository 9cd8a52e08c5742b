#include "teleport/v2/text_packer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>

namespace httpteleport::teleport::v2 {
namespace {

using namespace std::string_literals;

constexpr std::string_view kUuid = "0123abcd-4567-89ab-cdef-0123456789ab";
constexpr TableSizes kEight{.ids = 8};

// Both ends.
struct Packer {
  explicit Packer(const TableSizes& sizes = {.ids = 400}) : sent(sizes), received(sizes) {}

  // What is left of a text at the other end.
  std::optional<std::string> pass(std::string_view text) {
    packed.clear();
    beside.clear();
    if (!pack_text(text, sent, packed, beside)) return {};
    ByteReader packed_reader(packed);
    ByteReader beside_reader(beside);
    std::string got;
    if (!unpack_text(packed_reader, beside_reader, received, text.size(), got)) return {};
    if (!packed_reader.at_end() || !beside_reader.at_end()) return {};
    return got;
  }

  SentIds sent;
  ReceivedIds received;
  std::string packed;  // of the last text
  std::string beside;
};

std::string hex(size_t digits, uint64_t seed = 1) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::string text;
  while (text.size() < digits)
    text.push_back("0123456789abcdef"[random() % 16]);
  return text;
}

bool unpacks(std::string_view packed, std::string_view beside, size_t length) {
  ReceivedIds ids(kEight);
  ids.add("12345678");
  ByteReader packed_reader(packed);
  ByteReader beside_reader(beside);
  std::string text;
  return unpack_text(packed_reader, beside_reader, ids, length, text);
}

std::optional<std::string> unpacked_line(std::string_view packed, std::string_view beside,
                                         size_t length = 100) {
  ReceivedIds ids(kEight);
  ids.add("12345678");
  ByteReader beside_reader(beside);
  std::string text;
  if (!unpack_line(packed, beside_reader, ids, 1234, length, text)) return {};
  return text;
}

TEST(TextPacker, PutsAUuidBeside) {
  Packer packer;
  EXPECT_EQ(packer.pass("<" + std::string(kUuid) + ">"), "<" + std::string(kUuid) + ">");
  EXPECT_EQ(packer.packed, "<\x01>");
  EXPECT_EQ(packer.beside, "\x01\x23\xab\xcd\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab"s);
}

TEST(TextPacker, PutsSixteenToSixtyFourDigitsBeside) {
  struct Case {
    size_t digits;
    std::string packed;
    size_t beside;
  };
  const std::string d = hex(129);
  for (const Case& c :
       {Case{15, d.substr(0, 15), 0}, Case{16, "\x02\x48", 8},
        Case{17, "\x02\x48" + d.substr(16, 1), 8}, Case{63, "\x02\x5f" + d.substr(62, 1), 31},
        Case{64, "\x02\x60", 32}, Case{65, "\x02\x60" + d.substr(64, 1), 32},
        Case{80, "\x02\x60\x02\x48", 40}, Case{129, "\x02\x60\x02\x60" + d.substr(128), 64}}) {
    Packer packer;
    EXPECT_EQ(packer.pass(d.substr(0, c.digits)), d.substr(0, c.digits));
    EXPECT_EQ(packer.packed, c.packed);
    EXPECT_EQ(packer.beside.size(), c.beside);
  }
}

TEST(TextPacker, LeavesUpperCaseAlone) {
  Packer packer;
  for (std::string text : {std::string(kUuid), hex(40)}) {
    std::ranges::transform(text, text.begin(), ::toupper);
    EXPECT_EQ(packer.pass(text), text);
    EXPECT_EQ(packer.packed, text);
  }
}

TEST(TextPacker, NamesWhatWasNotedNearOrFar) {
  Packer packer;
  const std::string id = hex(16, 1000);
  packer.pass(id);
  for (uint32_t i = 1; i <= 300; ++i) {
    ASSERT_EQ(packer.pass(id), id);
    if (i <= 8) {
      EXPECT_EQ(packer.packed, "\x04"s + static_cast<char>(0x40 + i));
      EXPECT_EQ(packer.beside, "");
    } else {
      EXPECT_EQ(packer.packed, "\x06");
      EXPECT_EQ(packer.beside.size(), i < 128 ? 1u : 2u);
    }
    packer.pass(hex(16, i));
  }
}

TEST(TextPacker, KnowsAUuidWithoutItsHyphens) {
  Packer packer;
  std::string digits(kUuid);
  std::erase(digits, '-');
  packer.pass(kUuid);
  EXPECT_EQ(packer.pass(digits), digits);
  EXPECT_EQ(packer.packed, "\x04\x41");
  EXPECT_EQ(packer.pass(kUuid), kUuid);
  EXPECT_EQ(packer.packed, "\x03\x41");
}

TEST(TextPacker, SeesRunsAtEveryOffset) {
  for (const std::string& run : {std::string(kUuid), hex(16), hex(17), hex(64), hex(65), hex(8)}) {
    for (size_t offset = 0; offset < 200; ++offset) {
      for (const size_t behind : {0u, 1u, 100u}) {
        Packer packer;
        const std::string text = std::string(offset, '.') + run + std::string(behind, '.');
        ASSERT_EQ(packer.pass(text), text);
        ASSERT_EQ(packer.beside.size(), run == kUuid      ? 16u
                                        : run.size() < 16 ? 0
                                                          : std::min<size_t>(run.size() / 2, 32));
      }
    }
  }
}

TEST(TextPacker, SeesEveryControlByteAtEveryOffset) {
  for (size_t offset = 0; offset < 200; ++offset) {
    for (char control = 0; control < kFirstTextByte; ++control) {
      std::string text = std::string(offset, '.') + control + std::string(kUuid);
      Packer packer;
      ASSERT_FALSE(packer.pass(text));
      ASSERT_TRUE(has_holes(text));
      ASSERT_FALSE(packer.pass(std::string(kUuid) + text));
      text[offset] = kFirstTextByte;
      ASSERT_TRUE(Packer().pass(text));
      ASSERT_FALSE(has_holes(text));
    }
  }
}

TEST(TextPacker, TakesNoRunThatIsAlmostAUuid) {
  for (const std::string& text :
       {std::string(kUuid) + "0", std::string(kUuid.substr(0, 35)),
        std::string(kUuid.substr(0, 35)) + "g", "0123abcd_4567-89ab-cdef-0123456789ab"s,
        "0123abcd-456-789ab-cdef-0123456789ab"s, "0123abcd-4567-89aB-cdef-0123456789ab"s}) {
    Packer packer;
    EXPECT_EQ(packer.pass(text), text);
    EXPECT_EQ(packer.packed, text);
  }
}

// In time that grows with the text: minutes, were each identifier looked for to the end of the run.
TEST(TextPacker, TakesRunsAsLongAsTheText) {
  Packer packer;
  const std::string text(8'000'000, 'a');
  EXPECT_EQ(packer.pass(text), text);
  const std::string noise = hex(8'000'001);
  EXPECT_EQ(packer.pass(noise), noise);
}

TEST(TextPacker, ManyThousandTextsComeThrough) {
  for (const uint32_t ids : {1u, 8u, 1000u}) {
    SCOPED_TRACE("ids and seed " + std::to_string(ids));
    std::mt19937 random(ids);
    Packer packer({.ids = ids});
    for (int i = 0; i < 10'000; ++i) {
      std::string text;
      for (uint64_t parts = random() % 8; parts > 0; --parts) {
        text += hex(random() % 140, random() % 12);
        if (random() % 2 == 0) text += std::string(random() % 70, '-');
        if (random() % 3 == 0) text += kUuid;
        if (random() % 3 == 0) text += "\xff\x80 {}";
      }
      ASSERT_EQ(packer.pass(text), text);
    }
  }
}

TEST(UnpackText, RefusesWhatNoSenderWrites) {
  EXPECT_TRUE(unpacks("\x04\x41", "", 16));
  EXPECT_FALSE(unpacks("\x04\x41", "", 15));  // becomes more than it may
  EXPECT_FALSE(unpacks("\x04\x41", "", 17));  // or less
  EXPECT_FALSE(unpacks("\x04\x42", "", 16));  // two have not been
  EXPECT_FALSE(unpacks("\x04\x40", "", 16));  // none is the 0th
  EXPECT_FALSE(unpacks("\x04\x3f", "", 16));
  EXPECT_FALSE(unpacks("\x04", "", 16));      // cut off
  EXPECT_FALSE(unpacks("\x03\x41", "", 36));  // 8 bytes are no uuid
  EXPECT_TRUE(unpacks("\x06", "\x01", 16));
  EXPECT_FALSE(unpacks("\x06", "", 16));
  EXPECT_FALSE(unpacks("\x06", "\x02", 16));
  EXPECT_FALSE(unpacks("\x06", "\x81\0"s, 16));  // not the shortest form
  EXPECT_TRUE(unpacks("\x02\x48", "12345678", 16));
  EXPECT_FALSE(unpacks("\x02\x48", "1234567", 16));
  EXPECT_FALSE(unpacks("\x02\x47", "1234567", 14));             // less than 8 bytes
  EXPECT_FALSE(unpacks("\x02\x61", std::string(33, 'a'), 66));  // more than 32
  EXPECT_FALSE(unpacks("\x01", "123456789012345", 36));
  EXPECT_FALSE(unpacks("\0"s, "", 1));
  EXPECT_FALSE(unpacks("\x07", "", 4));  // of a head only
}

TEST(UnpackLine, HasAHoleForTheLengthOfTheBody) {
  EXPECT_EQ(unpacked_line("length: \x07!", ""), "length: 1234!");
  EXPECT_EQ(unpacked_line("\x04\x41 \x02\x48", "abcdefgh"), "3132333435363738 6162636465666768");
  EXPECT_EQ(unpacked_line("", ""), "");
  EXPECT_FALSE(unpacked_line("\0"s, ""));
  EXPECT_FALSE(unpacked_line("\x04\x42", ""));
  EXPECT_FALSE(unpacked_line("\x02\x48", "abcdefg"));
}

TEST(UnpackLine, KeepsToTheLengthItIsAllowed) {
  EXPECT_TRUE(unpacked_line("abc\x07", "", 7));
  EXPECT_FALSE(unpacked_line("abc\x07", "", 6));
  EXPECT_FALSE(unpacked_line("abcdefg", "", 6));
  EXPECT_TRUE(unpacked_line("\x04\x41\x04\x41", "", 32));
  EXPECT_FALSE(unpacked_line("\x04\x41\x04\x41", "", 31));
}

}  // namespace
}  // namespace httpteleport::teleport::v2
