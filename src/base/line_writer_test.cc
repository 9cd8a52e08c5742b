#include "base/line_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace httpteleport {
namespace {

using namespace std::string_literals;

std::string escaped(std::string_view text, Escapes escapes, size_t bytes_max = 1000) {
  std::array<char, 4096> memory;
  LineWriter line(memory);
  line.add_escaped(text, bytes_max, escapes);
  EXPECT_TRUE(line.did_fit());
  return std::string(line.text());
}

std::string value(std::string_view text, size_t bytes_max = 1000) {
  std::array<char, 4096> memory;
  LineWriter line(memory);
  line.add_value(text, bytes_max);
  EXPECT_TRUE(line.did_fit());
  return std::string(line.text());
}

TEST(LineWriter, EscapesWhatCouldEndALineOrAQuote) {
  EXPECT_EQ(escaped("a\nb\rc\td\"e\\f", Escapes::kText), R"(a\nb\rc\td\"e\\f)");
  EXPECT_EQ(escaped("a\nb\rc\td\"e\\f", Escapes::kJson), R"(a\nb\rc\td\"e\\f)");
  EXPECT_EQ(escaped("\0\x1b[31m\x7f"s, Escapes::kText), R"(\x00\x1b[31m\x7f)");
  EXPECT_EQ(escaped("\0\x1b[31m\x7f"s, Escapes::kJson), R"(\u0000\u001b[31m\u007f)");
}

TEST(LineWriter, KeepsValidUtf8ButForControls) {
  for (const Escapes escapes : {Escapes::kText, Escapes::kJson})
    EXPECT_EQ(escaped("é€\U0001F600", escapes), "é€\U0001F600");
  EXPECT_EQ(escaped("\u009b31m", Escapes::kText), R"(\xc2\x9b31m)");
  EXPECT_EQ(escaped("\u009b31m", Escapes::kJson), R"(\u009b31m)");
}

TEST(LineWriter, EscapesInvalidUtf8ByteByByte) {
  struct Case {
    std::string bytes;
    std::string text;
    std::string json;
  };
  const std::array cases = {
      Case{"\xff", R"(\xff)", R"(\\xff)"},
      Case{"\xc0\xaf", R"(\xc0\xaf)", R"(\\xc0\\xaf)"},               // overlong
      Case{"\xed\xa0\x80", R"(\xed\xa0\x80)", R"(\\xed\\xa0\\x80)"},  // a surrogate
      Case{"\xf5\x80\x80\x80", R"(\xf5\x80\x80\x80)", R"(\\xf5\\x80\\x80\\x80)"},
      Case{"a\xe2\x82", R"(a\xe2\x82)", R"(a\\xe2\\x82)"},  // cut off
      Case{"\xe2\x28\xa1", R"(\xe2(\xa1)", R"(\\xe2(\\xa1)"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(escaped(one.bytes, Escapes::kText), one.text);
    EXPECT_EQ(escaped(one.bytes, Escapes::kJson), one.json);
  }
}

TEST(LineWriter, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(escaped("abcdef", Escapes::kText, 6), "abcdef");
  EXPECT_EQ(escaped("abcdefg", Escapes::kText, 6), "abcdef...");
  EXPECT_EQ(escaped("abc€d", Escapes::kJson, 5), "abc...");
  EXPECT_EQ(escaped("abc€d", Escapes::kJson, 6), "abc€...");
  EXPECT_EQ(escaped("\x80\x80\x80\x80\x80\x80", Escapes::kText, 2), R"(\x80\x80...)");
}

TEST(LineWriter, QuotesAValueOnlyWhereItMust) {
  EXPECT_EQ(value("10.0.0.1:80"), "10.0.0.1:80");
  EXPECT_EQ(value(""), R"("")");
  EXPECT_EQ(value("a b"), R"("a b")");
  EXPECT_EQ(value("a=b"), R"("a=b")");
  EXPECT_EQ(value("a\" level=error"), R"("a\" level=error")");
  EXPECT_EQ(value("abcd", 2), R"("ab...")");
}

TEST(LineWriter, WritesNumbers) {
  std::array<char, 200> memory;
  LineWriter line(memory);
  line.add_number(UINT64_MAX);
  line.add(' ');
  line.add_signed(INT64_MIN);
  line.add(' ');
  line.add_milliseconds(1'234'005);
  line.add(' ');
  line.add_milliseconds(7);
  line.add(' ');
  line.add_milliseconds(-7);
  EXPECT_EQ(line.text(), "18446744073709551615 -9223372036854775808 1234.005 0.007 0.000");
}

TEST(LineWriter, WritesNothingBeyondItsMemoryNorAfterTheFirstPieceThatDoesNotFit) {
  std::array<char, 8> memory;
  memory.fill('#');
  LineWriter line({memory.data(), 6});
  line.add("abc");
  line.add("defg");
  line.add('h');
  EXPECT_FALSE(line.did_fit());
  EXPECT_EQ(line.text(), "abc");
  EXPECT_EQ(std::string_view(memory.data() + 3, 5), "#####");
}

TEST(LineWriter, GrowsNoByteBeyondTheFactorItPromises) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    EXPECT_LE(escaped(text, Escapes::kText).size(), LineWriter::kEscapedBytesMax);
    EXPECT_LE(escaped(text, Escapes::kJson).size(), LineWriter::kEscapedBytesMax);
  }
}

}  // namespace
}  // namespace httpteleport
