#include "service/duration_text.h"

#include <gtest/gtest.h>

namespace httpteleport::service {
namespace {

TEST(DurationText, IsReadInMilliseconds) {
  const std::pair<std::string_view, std::optional<int64_t>> cases[] = {
      {"10s", 10'000},
      {"250ms", 250},
      {"1m30s", 90'000},
      {"1.5s", 1500},
      {"0.1s", 100},
      {"2h", 7'200'000},
      {"1d", 86'400'000},
      {"0", 0},
      {"0s", 0},
      {"1h1m1s1ms", 3'661'001},
      {"", std::nullopt},
      {"10", std::nullopt},
      {"s", std::nullopt},
      {"-1s", std::nullopt},
      {"1.5ms", std::nullopt},
      {"10 s", std::nullopt},
      {"1s ", std::nullopt},
      {"1us", std::nullopt},
      {"1e3s", std::nullopt},
      {"inf", std::nullopt},
      {"nans", std::nullopt},
      {"0x1s", std::nullopt},
      {"999999999h", std::nullopt},
      {"infs", std::nullopt},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(parse_duration_ms(text), expected) << text;
}

}  // namespace
}  // namespace httpteleport::service
