#include "http/date.h"

#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <string>

namespace httpteleport::http {
namespace {

using namespace std::chrono_literals;

std::string date_of(std::time_t time) {
  std::array<char, 40> text{};
  return {text.data(), format_date(time, text)};
}

TEST(Date, IsWrittenAsImfFixdate) {
  EXPECT_EQ(date_of(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110 section 5.6.7
  EXPECT_EQ(date_of(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date_of(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(date_of(1767225599), "Wed, 31 Dec 2025 23:59:59 GMT");
  EXPECT_EQ(date_of(4102444800), "Fri, 01 Jan 2100 00:00:00 GMT");
}

TEST(Date, NamesEveryDayAndMonth) {
  // The first of each month of 2026.
  const std::string_view kFirst[] = {"Thu, 01 Jan", "Sun, 01 Feb", "Sun, 01 Mar", "Wed, 01 Apr",
                                     "Fri, 01 May", "Mon, 01 Jun", "Wed, 01 Jul", "Sat, 01 Aug",
                                     "Tue, 01 Sep", "Thu, 01 Oct", "Sun, 01 Nov", "Tue, 01 Dec"};
  const int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::time_t time = 1767225600;
  for (size_t month = 0; month < 12; ++month) {
    EXPECT_EQ(date_of(time), std::string(kFirst[month]) + " 2026 00:00:00 GMT");
    time += kDays[month] * 86400;
  }
}

std::time_t wall_second() {
  return std::chrono::system_clock::to_time_t(
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

// The text of the wall-clock second in which the call was made.
void expect_current(DateCache& cache, TimePoint now) {
  const std::time_t before = wall_second();
  const std::string text(cache.text(now));
  const std::time_t after = wall_second();
  bool found = false;
  for (std::time_t time = before; time <= after; ++time)
    found = found || text == date_of(time);
  EXPECT_TRUE(found) << text;
}

TEST(DateCache, RenewsItsTextWhenTheLoopsTimeHasMovedByASecond) {
  DateCache cache;
  const TimePoint start{1000h};
  expect_current(cache, start);
  const std::string first(cache.text(start));
  // The wall clock moves on, at most a second away; the loop's time does not.
  const std::time_t second = wall_second();
  while (wall_second() == second) {
  }
  EXPECT_EQ(cache.text(start), first);
  expect_current(cache, start + 1s);
  EXPECT_NE(cache.text(start + 1s), first);
}

}  // namespace
}  // namespace httpteleport::http
