#include "service/json_reader.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace httpteleport::service {
namespace {

std::string error_of(std::string_view text, int depth_max = 64) {
  JsonReader reader(text, depth_max);
  reader.skip();
  if (!reader.failed()) reader.at_end();
  return reader.error();
}

TEST(JsonReader, SaysWhatIsWrongInTheOlderProgramsWords) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "unexpected end of JSON input (line 1 column 1)"},
      {" \n ", "unexpected end of JSON input (line 2 column 2)"},
      {"{\"a\": [1, 2", "unexpected end of JSON input (line 1 column 12)"},
      {"\"abc", "unexpected end of JSON input (line 1 column 5)"},
      {"\"abc\\", "unexpected end of JSON input (line 1 column 6)"},
      {"x", "invalid character 'x' looking for beginning of value (line 1 column 1)"},
      {"[,]", "invalid character ',' looking for beginning of value (line 1 column 2)"},
      {"[1,]", "invalid character ']' looking for beginning of value (line 1 column 4)"},
      {"{1:2}",
       "invalid character '1' looking for beginning of object key string (line 1 column 2)"},
      {"{\"a\":1,}",
       "invalid character '}' looking for beginning of object key string (line 1 column 8)"},
      {"{\"a\" 1}", "invalid character '1' after object key (line 1 column 6)"},
      {"{\"a\":1\n\"b\"}", "invalid character '\"' after object key:value pair (line 2 column 1)"},
      {"[1 2]", "invalid character '2' after array element (line 1 column 4)"},
      {"{} {}", "invalid character '{' after top-level value (line 1 column 4)"},
      {"tru?", "invalid character '?' in literal true (expecting 'e') (line 1 column 4)"},
      {"nul", "unexpected end of JSON input (line 1 column 4)"},
      {"01", "invalid character '1' after top-level value (line 1 column 2)"},
      {"-x", "invalid character 'x' in numeric literal (line 1 column 2)"},
      {"1.x", "invalid character 'x' after decimal point in numeric literal (line 1 column 3)"},
      {"1e+x", "invalid character 'x' in exponent of numeric literal (line 1 column 4)"},
      {"\"a\tb\"", "invalid character '\\t' in string literal (line 1 column 3)"},
      {"\"\\x\"", "invalid character 'x' in string escape code (line 1 column 3)"},
      {"\"\\u12g4\"",
       "invalid character 'g' in \\u hexadecimal character escape (line 1 column 6)"},
      {"'a'", "invalid character '\\'' looking for beginning of value (line 1 column 1)"},
      {"\xff", "invalid character '\\xff' looking for beginning of value (line 1 column 1)"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(error_of(text), expected) << text;
}

TEST(JsonReader, BoundsTheDepth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(error_of(nested(64)), "");
  EXPECT_TRUE(error_of(nested(65)).starts_with("exceeded max depth of 64"));
  EXPECT_TRUE(error_of(std::string(1'000'000, '[')).starts_with("exceeded max depth"));
  EXPECT_EQ(error_of("[[],[],[[]],{}]", 3), "");
}

TEST(JsonReader, ReadsTextsWithAllEscapes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e4\u20ac\ud83d\ude00")", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
      {R"("\ud83d")", "\xef\xbf\xbd"},
      {R"("\ude00x")", "\xef\xbf\xbdx"},
      {R"("\ud83dx")", "\xef\xbf\xbdx"},
      {R"("\ud83d\u0041")", "\xef\xbf\xbd\x41"},
      {R"("\ud83d\ud83d\ude00")", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
      {"\"a\xff\xc3\xa4\xc3\"", "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd"},
  };
  for (const auto& [text, expected] : cases) {
    JsonReader reader(text, 64);
    std::string value;
    ASSERT_EQ(reader.peek(), JsonReader::Kind::kString);
    EXPECT_TRUE(reader.string(value)) << text;
    EXPECT_EQ(value, expected) << text;
  }
}

// Another reader agrees on what is JSON, for texts that were JSON before some letters changed.
TEST(JsonReader, AcceptsWhatAnotherReaderAccepts) {
  const std::string seed =
      R"({"a":[1,-2.5e+3,{"b":null}],"c\n\u00e4":"x\u20ac","d":[true,false,{}],"e":""} )";
  constexpr std::string_view kLetters = "{}[]\",:\\0123456789.-+eEtrufalsn \n\tx";
  std::mt19937 random(20261121);
  const auto below = [&random](size_t bound) { return random() % bound; };
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seed;
    for (size_t edits = below(3); edits > 0; --edits) {
      const size_t at = below(text.size());
      switch (below(3)) {
        case 0:
          text[at] = kLetters[below(kLetters.size())];
          break;
        case 1:
          text.erase(at, 1 + below(4));
          break;
        default:
          text.insert(at, 1, kLetters[below(kLetters.size())]);
      }
      if (text.empty()) text = " ";
    }
    const bool other = nlohmann::json::accept(text);
    EXPECT_EQ(error_of(text).empty(), other) << text << "\n" << error_of(text);
    accepted += other ? 1 : 0;
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace httpteleport::service
