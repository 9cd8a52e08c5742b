#include "config/go_flags.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace httpteleport::config {
namespace {

using namespace std::chrono_literals;
using testing::Test;

TEST(ParseDuration, ReadsWhatGoReads) {
  struct {
    std::string_view text;
    Duration want;
  } const kCases[] = {
      {"0", 0ns},
      {"+0", 0ns},
      {"-0", 0ns},
      {"0s", 0ns},
      {"5s", 5s},
      {"30s", 30s},
      {"1478s", 1478s},
      {"-5s", -5s},
      {"+5s", 5s},
      {"5.0s", 5s},
      {"5.6s", 5600ms},
      {"5.s", 5s},
      {".5s", 500ms},
      {"1.004s", 1004ms},
      {"1.0040s", 1004ms},
      {"100.00100s", 100'001ms},
      {"10ns", 10ns},
      {"11us", 11us},
      {"12\xC2\xB5s", 12us},
      {"12\xCE\xBCs", 12us},
      {"13ms", 13ms},
      {"15m", 15min},
      {"16h", 16h},
      {"3h30m", 3h + 30min},
      {"1h2m3.5s", 1h + 2min + 3500ms},
      {"-2m3.4s", -(2min + 3400ms)},
      {"1h2m3s4ms5us6ns", 1h + 2min + 3s + 4ms + 5us + 6ns},
      {"39h9m14.425s", 39h + 9min + 14425ms},
      {"10.5s4m", 4min + 10500ms},
      {"0.3333333333333333333h", 20min},
      {"0.100000000000000000000h", 6min},
      {"9007199254740993ns", Duration(9007199254740993)},
      {"9223372036854775807ns", Duration::max()},
      {"9223372036.854775807s", Duration::max()},
      {"-9223372036854775807ns", -Duration::max()},
      // What is finer than a nanosecond is cut off.
      {"1.9ns", 1ns},
      {"0.9999999999s", 999'999'999ns},
      {"0.0000000001h", 360ns},
  };
  for (const auto& c : kCases) {
    Duration duration{-1};
    EXPECT_TRUE(parse_duration(c.text, duration)) << c.text;
    EXPECT_EQ(duration.count(), c.want.count()) << c.text;
  }
}

TEST(ParseDuration, RefusesWhatGoRefuses) {
  for (const std::string_view text : {"",
                                      "3",
                                      "1.5",
                                      "-",
                                      "+",
                                      "s",
                                      ".",
                                      "-.",
                                      ".s",
                                      "+.s",
                                      "1..5s",
                                      "1.5.5s",
                                      "1e3s",
                                      " 3s",
                                      "3s ",
                                      "3 s",
                                      "3S",
                                      "3sec",
                                      "3d",
                                      "--3s",
                                      "1h-2m",
                                      "3s5",
                                      "0x3s",
                                      "1_0s",
                                      "\x85\x85",
                                      "9223372036854775808ns",
                                      "9223372036854775.808us",
                                      "9223372036.854775808s",
                                      "9223372036.9s",
                                      "3000000h",
                                      "9223372036854775807ns1ns",
                                      "2562047h47m16.9s",
                                      "9999999999999999999s"}) {
    Duration duration{-1};
    EXPECT_FALSE(parse_duration(text, duration)) << text;
  }
}

TEST(FormatDuration, ReadsBackAsItself) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(3s), "3s");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(500ms), "500ms");
  EXPECT_EQ(format_duration(-5ms), "-5ms");
  for (const Duration duration : {Duration(1), Duration(1h + 1ns), Duration(25h + 61s + 1001us),
                                  Duration::max(), -Duration::max()}) {
    Duration back{};
    EXPECT_TRUE(parse_duration(format_duration(duration), back)) << format_duration(duration);
    EXPECT_EQ(back, duration) << format_duration(duration);
  }
}

TEST(ParseInt, ReadsWhatGoReads) {
  struct {
    std::string_view text;
    int64_t want;
  } const kCases[] = {
      {"0", 0},
      {"-0", 0},
      {"+0", 0},
      {"10", 10},
      {"-5", -5},
      {"+5", 5},
      {"0x10", 16},
      {"0XfF", 255},
      {"-0x10", -16},
      {"0b101", 5},
      {"0B1", 1},
      {"0o17", 15},
      {"0O17", 15},
      {"017", 15},
      {"00", 0},
      {"1_000", 1000},
      {"1_0_0", 100},
      {"0x_10", 16},
      {"0_17", 15},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"0x7fffffffffffffff", INT64_MAX},
  };
  for (const auto& c : kCases) {
    int64_t number = -1;
    EXPECT_TRUE(parse_int(c.text, number)) << c.text;
    EXPECT_EQ(number, c.want) << c.text;
  }
}

TEST(ParseInt, RefusesWhatGoRefuses) {
  for (const std::string_view text : {"",
                                      "-",
                                      "+",
                                      "abc",
                                      "1a",
                                      "a1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "1e3",
                                      "0x",
                                      "0b",
                                      "0o",
                                      "0xg",
                                      "08",
                                      "0b2",
                                      "0o8",
                                      "_1",
                                      "1_",
                                      "1__0",
                                      "_",
                                      "0x_",
                                      "0_",
                                      "--5",
                                      "+-5",
                                      "-+5",
                                      "0x-5",
                                      "0-5",
                                      "0x+5",
                                      "-0x-5",
                                      "0b-1",
                                      "1-5",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "0x8000000000000000"}) {
    int64_t number = 7;
    EXPECT_FALSE(parse_int(text, number)) << text;
  }
}

TEST(ParseBool, TakesGosTwelveSpellings) {
  for (const std::string_view text : {"1", "t", "T", "true", "TRUE", "True"}) {
    bool value = false;
    EXPECT_TRUE(parse_bool(text, value)) << text;
    EXPECT_TRUE(value) << text;
  }
  for (const std::string_view text : {"0", "f", "F", "false", "FALSE", "False"}) {
    bool value = true;
    EXPECT_TRUE(parse_bool(text, value)) << text;
    EXPECT_FALSE(value) << text;
  }
  for (const std::string_view text : {"", "maybe", "yes", "no", "on", "tRUE", "2", " 1"}) {
    bool value = true;
    EXPECT_FALSE(parse_bool(text, value)) << text;
  }
}

// A few flags of each type, as the programs have them.
class GoFlagsTest : public Test {
 protected:
  GoFlagsTest() {
    flags.add("in", in, "address to listen on");
    flags.add("concurrency", concurrency, "most requests at one time");
    flags.add("inGetOnly", get_only, "take GET only");
    flags.add("inDelay", delay, "longest wait for a batch");
    flags.add("outTimeout", timeout, "longest wait for an answer");
  }

  GoFlags::Outcome parse(const std::vector<std::string>& arguments) {
    return flags.parse(arguments);
  }
  // What is said about arguments that must not be accepted.
  std::string error_of(const std::vector<std::string>& arguments) {
    EXPECT_EQ(flags.parse(arguments), GoFlags::Outcome::kError);
    EXPECT_EQ(flags.error().find('\n'), std::string::npos);
    return flags.error();
  }

  std::string in = "127.0.0.1:8080";
  int64_t concurrency = 100;
  bool get_only = false;
  Duration delay{};
  Duration timeout = 3s;
  GoFlags flags;
};

using Outcome = GoFlags::Outcome;

TEST_F(GoFlagsTest, KeepsTheDefaultsOfFlagsThatAreNotGiven) {
  EXPECT_EQ(parse({}), Outcome::kOk);
  EXPECT_EQ(in, "127.0.0.1:8080");
  EXPECT_EQ(concurrency, 100);
  EXPECT_EQ(timeout, 3s);
  EXPECT_TRUE(flags.ignored().empty());
}

TEST_F(GoFlagsTest, TakesEveryWayToWriteAFlagAndTheLastOneWins) {
  EXPECT_EQ(parse({"-in", "a", "--in", "b", "-in=c", "--in=d"}), Outcome::kOk);
  EXPECT_EQ(in, "d");
  EXPECT_EQ(parse({"-in=x=y"}), Outcome::kOk);
  EXPECT_EQ(in, "x=y");
  EXPECT_EQ(parse({"-in="}), Outcome::kOk);
  EXPECT_EQ(in, "");
  // What follows a flag is its value, whatever it looks like.
  EXPECT_EQ(parse({"-in", "-inGetOnly"}), Outcome::kOk);
  EXPECT_EQ(in, "-inGetOnly");
  EXPECT_FALSE(get_only);
  EXPECT_EQ(parse({"-in", ""}), Outcome::kOk);
  EXPECT_EQ(in, "");
}

TEST_F(GoFlagsTest, NamesAnUnknownFlagAndTheOneThatWasPerhapsMeant) {
  EXPECT_EQ(error_of({"-nope"}), "flag provided but not defined: -nope");
  EXPECT_EQ(error_of({"-outTimeot=1s"}),
            "flag provided but not defined: -outTimeot; did you mean -outTimeout?");
  EXPECT_EQ(error_of({"-INGETONLY"}),
            "flag provided but not defined: -INGETONLY; did you mean -inGetOnly?");
}

TEST_F(GoFlagsTest, WantsUnitsInDurations) {
  EXPECT_EQ(error_of({"-outTimeout=3"}),
            "invalid value \"3\" for flag -outTimeout: parse error; a duration with its unit, like "
            "3s or 500ms is accepted");
  EXPECT_TRUE(error_of({"-outTimeout=1.5"})
                  .starts_with("invalid value \"1.5\" for flag -outTimeout: parse error"));
  EXPECT_EQ(parse({"-outTimeout=0"}), Outcome::kOk);
  EXPECT_EQ(timeout, 0s);
  EXPECT_EQ(parse({"-outTimeout=1h2m3.5s", "-inDelay=-5ms"}), Outcome::kOk);
  EXPECT_EQ(timeout, 1h + 2min + 3500ms);
  EXPECT_EQ(delay, -5ms);
}

TEST_F(GoFlagsTest, TakesNumbersWithBasePrefixesAndUnderscores) {
  EXPECT_EQ(parse({"-concurrency=0x10"}), Outcome::kOk);
  EXPECT_EQ(concurrency, 16);
  EXPECT_EQ(parse({"-concurrency", "1_000"}), Outcome::kOk);
  EXPECT_EQ(concurrency, 1000);
  EXPECT_EQ(error_of({"-concurrency=abc"}),
            "invalid value \"abc\" for flag -concurrency: parse error; a number is accepted");
  EXPECT_EQ(concurrency, 1000);
}

TEST_F(GoFlagsTest, TakesTruthValuesBehindAnEqualsSignOnly) {
  EXPECT_EQ(parse({"-inGetOnly"}), Outcome::kOk);
  EXPECT_TRUE(get_only);
  EXPECT_EQ(parse({"--inGetOnly=F"}), Outcome::kOk);
  EXPECT_FALSE(get_only);
  EXPECT_EQ(
      error_of({"-inGetOnly=maybe"}),
      "invalid boolean value \"maybe\" for -inGetOnly: parse error; true or false is accepted");
  EXPECT_TRUE(error_of({"-inGetOnly="}).starts_with("invalid boolean value \"\" for -inGetOnly"));
}

// A known trap of Go's grammar, kept and warned of: everything behind the first argument that is no
// flag is ignored.
TEST_F(GoFlagsTest, StopsAtTheFirstArgumentThatIsNoFlag) {
  EXPECT_EQ(parse({"-inGetOnly", "false", "-in=x"}), Outcome::kOk);
  EXPECT_TRUE(get_only);
  EXPECT_EQ(in, "127.0.0.1:8080");
  EXPECT_EQ(flags.ignored(), (std::vector<std::string>{"false", "-in=x"}));
}

TEST_F(GoFlagsTest, EndsAtADashTwoDashesAndEmptyArguments) {
  using List = std::vector<std::string>;
  EXPECT_EQ(parse({"-in=a", "-", "-in=b"}), Outcome::kOk);
  EXPECT_EQ(flags.ignored(), (List{"-", "-in=b"}));
  EXPECT_EQ(parse({"-in=c", "--", "-in=d"}), Outcome::kOk);
  EXPECT_EQ(flags.ignored(), (List{"-in=d"}));
  EXPECT_EQ(in, "c");
  EXPECT_EQ(parse({"", "-in=e"}), Outcome::kOk);
  EXPECT_EQ(flags.ignored(), (List{"", "-in=e"}));
  EXPECT_EQ(parse({"extra", "more"}), Outcome::kOk);
  EXPECT_EQ(flags.ignored(), (List{"extra", "more"}));
  EXPECT_EQ(in, "c");
}

TEST_F(GoFlagsTest, SaysWhenAValueIsMissing) {
  EXPECT_EQ(error_of({"-in"}), "flag needs an argument: -in");
  EXPECT_EQ(error_of({"-inGetOnly", "--concurrency"}), "flag needs an argument: -concurrency");
}

TEST_F(GoFlagsTest, RefusesOddSyntax) {
  for (const std::string argument : {"---in=x", "-=x", "--=x", "---", "-=", "--=", "---x"})
    EXPECT_EQ(error_of({argument}), "bad flag syntax: " + argument);
}

TEST_F(GoFlagsTest, OffersHelp) {
  for (const std::string argument : {"-h", "-help", "--h", "--help"})
    EXPECT_EQ(parse({argument, "-nope"}), Outcome::kHelp) << argument;
  EXPECT_EQ(flags.usage(),
            "  -concurrency int\n    \tmost requests at one time (default 100)\n"
            "  -in string\n    \taddress to listen on (default 127.0.0.1:8080)\n"
            "  -inDelay duration\n    \tlongest wait for a batch\n"
            "  -inGetOnly\n    \ttake GET only\n"
            "  -outTimeout duration\n    \tlongest wait for an answer (default 3s)\n");
}

}  // namespace
}  // namespace httpteleport::config
