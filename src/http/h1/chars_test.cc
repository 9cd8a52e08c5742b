#include "http/h1/chars.h"

#include <gtest/gtest.h>

#include <string>

namespace httpteleport::http::h1 {
namespace {

template <CharClass kWanted>
void expect_skips_as_the_table_says() {
  for (size_t size = 0; size <= 40; ++size) {
    std::string text(size, 'a');
    EXPECT_EQ(skip_class<kWanted>(text.data(), text.data() + size), text.data() + size);
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        text[at] = static_cast<char>(c);
        const char* const end = text.data() + (is_char(text[at], kWanted) ? size : at);
        ASSERT_EQ(skip_class<kWanted>(text.data(), text.data() + size), end)
            << c << " at " << at << " of " << size;
      }
      text[at] = 'a';
    }
  }
}

TEST(SkipClass, EndsAtTheFirstByteThatIsNotOfTheClass) {
  expect_skips_as_the_table_says<kTokenChar>();
  expect_skips_as_the_table_says<kTargetChar>();
  expect_skips_as_the_table_says<kTargetByte>();
}

TEST(IsAll, IsFalseForAnEmptyText) {
  EXPECT_FALSE(is_all("", kTokenChar));
  EXPECT_TRUE(is_all("a-b", kTokenChar));
  EXPECT_FALSE(is_all("a b", kTokenChar));
}

}  // namespace
}  // namespace httpteleport::http::h1
