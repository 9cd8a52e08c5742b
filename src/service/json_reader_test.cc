#include "service/json_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace httpteleport::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kElementsMax = 1000;

std::string error_of(std::string_view text, int depth_max = 64) {
  return JsonReader(text, depth_max, kElementsMax).error();
}

TEST(JsonReader, SaysInOneLineWhatIsWrongAndWhere) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"",
       "line 1 column 1: syntax error while parsing value - unexpected end of input; expected "
       "'[', '{', or a literal"},
      {" \n ",
       "line 2 column 2: syntax error while parsing value - unexpected end of input; "
       "expected '[', '{', or a literal"},
      {"{\"a\": [1, 2",
       "line 1 column 12: syntax error while parsing array - unexpected end of input; expected "
       "']'"},
      {"\"abc",
       "line 1 column 5: syntax error while parsing value - invalid string: missing "
       "closing quote"},
      {"\"a\nb\"",
       "line 1 column 3: syntax error while parsing value - invalid string: control "
       "character U+000A (LF) must be escaped to \\u000A or \\n"},
      {"\n\n x", "line 3 column 2: syntax error while parsing value - invalid literal"},
      {"{\"a\":1,}",
       "line 1 column 8: syntax error while parsing object key - unexpected '}'; "
       "expected string literal"},
      {"{\"a\"\nx}",
       "line 2 column 1: syntax error while parsing object separator - invalid "
       "literal"},
      {"{} {}",
       "line 1 column 4: syntax error while parsing value - unexpected '{'; expected end "
       "of input"},
      {"01",
       "line 1 column 2: syntax error while parsing value - unexpected number literal; "
       "expected end of input"},
      {"[1e400]", "line 1 column 6: number overflow parsing '1e400'"},
      {std::string_view("{} \0", 4), "line 1 column 4: a zero byte behind the value"},
      {std::string_view("[1,\0]", 5),
       "line 1 column 4: syntax error while parsing value - "
       "unexpected end of input; expected '[', '{', or a literal"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(error_of(text), expected) << text;
  EXPECT_LT(error_of('[' + std::string(100'000, '9') + "e999]").size(), 300);
}

TEST(JsonReader, RefusesWhatIsNoText) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"\xff", "line 1 column 1: syntax error while parsing value - invalid literal"},
      {"[\"a\",\n\"b\xff\"]",
       "line 2 column 3: syntax error while parsing value - invalid string: ill-formed UTF-8 byte"},
      {"{\"\xc3\": 1}",
       "line 1 column 4: syntax error while parsing object key - invalid string: "
       "ill-formed UTF-8 byte"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(error_of(text), expected) << text;
  // Too long, a surrogate, beyond Unicode.
  for (const std::string_view text : {"\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\""})
    EXPECT_THAT(error_of(text), HasSubstr("ill-formed UTF-8 byte")) << text;
  for (const std::string_view text :
       {R"("\ud83d")", R"("\ude00x")", R"("\ud83dx")", R"("\ud83d\u0041")", R"({"\ud83d": 1})"})
    EXPECT_THAT(error_of(text), HasSubstr("invalid string: surrogate U+D")) << text;
}

TEST(JsonReader, BoundsTheDepth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(error_of(nested(64)), "");
  EXPECT_EQ(error_of(nested(65)), "line 1 column 65: exceeded max depth of 64");
  EXPECT_EQ(error_of(std::string(1'000'000, '[')), "line 1 column 65: exceeded max depth of 64");
  EXPECT_EQ(error_of("[[],[],[[]],{}]", 3), "");
}

TEST(JsonReader, BoundsTheElementsOfAllLists) {
  EXPECT_EQ(JsonReader("[[1, 2], {\"a\": [3], \"b\": 4}]", 64, 5).error(), "");
  EXPECT_EQ(JsonReader("[[1, 2], {\"a\": [3,\n 4]}]", 64, 5).error(),
            "line 2 column 2: the document has more than 5 list elements");
}

TEST(JsonReader, BoundsTheTokens) {
  EXPECT_EQ(JsonReader(R"({"a": [1, "x"]})", 64, 5, 7).error(), "");
  for (const char* text :
       {R"({"a": [1, "x"]})", R"([1, [], "x", 2])", "[[[]]]", R"({"a": {"b": {}}})"})
    EXPECT_THAT(JsonReader(text, 64, 5, 5).error(),
                HasSubstr("the document has more than 5 values, names and brackets"))
        << text;
}

TEST(JsonReader, ReadsTextsWithAllEscapes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e4\u20ac\ud83d\ude00")", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
      {R"("\u0000")", std::string_view("\0", 1)},
      {"\"\xc3\xa4\xe2\x82\xac\"", "\xc3\xa4\xe2\x82\xac"},
      {R"("")", ""},
  };
  for (const auto& [text, expected] : cases) {
    JsonReader reader(text, 64, kElementsMax);
    std::string value;
    ASSERT_EQ(reader.peek(), JsonReader::Kind::kString);
    EXPECT_TRUE(reader.string(value)) << text;
    EXPECT_EQ(value, expected) << text;
    EXPECT_TRUE(reader.at_end());
  }
}

TEST(JsonReader, GivesNumbersAsTheyStand) {
  for (const std::string literal : {"0", "-0", "1.0", "1e3", "-2.50E+07", "9223372036854775808",
                                    "-99999999999999999999999999"}) {
    for (const std::string& text : {literal, '[' + literal + ']', "{\"a\":" + literal + " }"}) {
      JsonReader reader(text, 64, kElementsMax);
      std::string_view read;
      const auto read_number = [&] { reader.number(read); };
      if (reader.peek() == JsonReader::Kind::kNumber) {
        read_number();
      } else if (reader.peek() == JsonReader::Kind::kArray) {
        reader.array(read_number);
      } else {
        reader.object([&](std::string_view) { read_number(); });
      }
      EXPECT_EQ(read, literal) << text;
    }
  }
}

TEST(JsonReader, TellsWhereWhatWasReadLastBegins) {
  JsonReader reader("\xef\xbb\xbf{ \"a\\n\" :\n  [true , \"x\"]}", 64, kElementsMax);
  std::vector<std::string> places;
  reader.peek();
  places.push_back(reader.here());
  reader.object([&](std::string_view) {
    places.push_back(reader.here());
    reader.array([&] {
      reader.peek();
      places.push_back(reader.here());
      reader.skip();
    });
  });
  EXPECT_THAT(places, ElementsAre(" (line 1 column 4)", " (line 1 column 6)", " (line 2 column 4)",
                                  " (line 2 column 11)"));
  EXPECT_TRUE(reader.at_end());
}

TEST(JsonReader, HasNoValuesAfterAnError) {
  JsonReader reader("{\"a\": 1} x", 64, kElementsMax);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.peek(), JsonReader::Kind::kNone);
  EXPECT_FALSE(reader.object([](std::string_view) { FAIL(); }));
  EXPECT_FALSE(reader.skip());
  EXPECT_FALSE(reader.at_end());
}

TEST(JsonReader, GivesMembersOfOneNameInTheirOrder) {
  JsonReader reader(R"({"b": {"x": [1]}, "a": null, "b": 2})", 64, kElementsMax);
  std::string keys;
  reader.object([&](std::string_view key) {
    keys += key;
    reader.skip();
  });
  EXPECT_EQ(keys, "bab");
}

// The value that comes next, as a tree.
nlohmann::json tree(JsonReader& reader) {
  nlohmann::json value;
  std::string text;
  std::string_view literal;
  bool truth = false;
  switch (reader.peek()) {
    case JsonReader::Kind::kObject:
      value = nlohmann::json::object();
      reader.object([&](std::string_view key) { value[std::string(key)] = tree(reader); });
      return value;
    case JsonReader::Kind::kArray:
      value = nlohmann::json::array();
      reader.array([&] { value.push_back(tree(reader)); });
      return value;
    case JsonReader::Kind::kString:
      reader.string(text);
      return text;
    case JsonReader::Kind::kNumber:
      reader.number(literal);
      return nlohmann::json::parse(literal);
    case JsonReader::Kind::kBool:
      reader.boolean(truth);
      return truth;
    default:
      reader.null();
      return value;
  }
}

// For texts that were JSON before some letters changed.
TEST(JsonReader, WalksWhatTheTextHolds) {
  const std::string seed =
      R"({"a":[1,-2.5e+3,{"b":null}],"c\n\u00e4":"x\u20ac","d":[true,false,{}],"e":""} )";
  constexpr std::string_view kLetters = "{}[]\",:\\0123456789.-+eEtrufalsn \n\tx";
  std::mt19937 random(20261121);
  const auto below = [&random](size_t bound) { return random() % bound; };
  int accepted = 0;
  for (int round = 0; round < 5'000; ++round) {
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
    const nlohmann::json expected = nlohmann::json::parse(text, nullptr, false);
    JsonReader reader(text, 64, kElementsMax);
    ASSERT_EQ(reader.failed(), expected.is_discarded()) << text << "\n" << reader.error();
    if (reader.failed()) continue;
    EXPECT_EQ(tree(reader), expected) << text;
    EXPECT_TRUE(reader.at_end()) << text;
    ++accepted;
  }
  EXPECT_GT(accepted, 300);
}

}  // namespace
}  // namespace httpteleport::service
