#include "config/go_values.h"

#include <gtest/gtest.h>

#include <string>

namespace httpteleport::config {
namespace {

using namespace std::chrono_literals;

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

TEST(FormatDuration, PrintsWhatGoPrints) {
  struct {
    Duration duration;
    std::string_view want;
  } const kCases[] = {
      {0ns, "0s"},
      {1ns, "1ns"},
      {-1ns, "-1ns"},
      {999ns, "999ns"},
      {1us, "1\xC2\xB5s"},
      {1100ns, "1.1\xC2\xB5s"},
      {2200us, "2.2ms"},
      {5ms, "5ms"},
      {-5ms, "-5ms"},
      {500ms, "500ms"},
      {999'999'999ns, "999.999999ms"},
      {1s, "1s"},
      {1500ms, "1.5s"},
      {3300ms, "3.3s"},
      {60s, "1m0s"},
      {90s, "1m30s"},
      {60s + 1ns, "1m0.000000001s"},
      {1h, "1h0m0s"},
      {1h + 5s, "1h0m5s"},
      {4 * 60min + 5min + 1ms, "4h5m0.001s"},
      {-(25h + 61s), "-25h1m1s"},
      {Duration::max(), "2562047h47m16.854775807s"},
      {Duration::min(), "-2562047h47m16.854775808s"},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(format_duration(c.duration), c.want);
}

TEST(FormatDuration, ReadsBackAsItself) {
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

}  // namespace
}  // namespace httpteleport::config
