#include "cli/top.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace httpteleport::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

// Services with one backend "b" each, and so many requests.
std::vector<ServiceRow> services(const std::vector<std::pair<std::string, int64_t>>& requests) {
  std::vector<ServiceRow> rows;
  for (const auto& [name, count] : requests) {
    ServiceRow row{.name = name, .address = {}, .virtual_hosts = {}, .stats = {}};
    service::BackendStats backend;
    backend.name = "b";
    backend.status = "up";
    backend.http_requests = count;
    row.stats.backends.push_back(backend);
    rows.push_back(row);
  }
  return rows;
}

TEST(TopRows, RatesAreThoseBetweenTwoLooks) {
  TopRows rows;
  rows.look(services({{"web", 1000}}), TimePoint(10s));
  EXPECT_EQ(rows.rows()[0].rate, 0);
  rows.look(services({{"web", 1300}, {"new", 50}}), TimePoint(12s));
  EXPECT_EQ(rows.rows()[1].service, "web");
  EXPECT_EQ(rows.rows()[1].rate, 150);
  EXPECT_EQ(rows.rows()[0].rate, 0);
}

TEST(TopRows, CountersThatBeginAnewGiveNoRate) {
  TopRows rows;
  rows.look(services({{"web", 1000}}), TimePoint(10s));
  rows.look(services({{"web", 3}}), TimePoint(11s));
  EXPECT_EQ(rows.rows()[0].rate, 0);
}

TEST(TopRows, OrdersGoRound) {
  TopRows rows;
  rows.look(services({{"b", 0}, {"a", 0}}), TimePoint(1s));
  rows.look(services({{"b", 9}, {"a", 1}}), TimePoint(2s));
  EXPECT_EQ(rows.rows()[0].service, "a");
  rows.next_order();
  EXPECT_EQ(rows.order(), TopOrder::kRate);
  EXPECT_EQ(rows.rows()[0].service, "b");
  for (int i = 0; i < 4; ++i)
    rows.next_order();
  EXPECT_EQ(rows.order(), TopOrder::kName);
}

TEST(TopRows, TheMarkStaysWithItsBackend) {
  TopRows rows;
  EXPECT_EQ(rows.marked(), nullptr);
  rows.mark_next(1);
  rows.look(services({{"a", 0}, {"b", 0}, {"c", 0}}), TimePoint(1s));
  rows.mark_next(1);
  EXPECT_EQ(rows.marked()->service, "b");
  rows.look(services({{"0", 0}, {"a", 0}, {"b", 0}}), TimePoint(2s));
  EXPECT_EQ(rows.marked()->service, "b");
  rows.mark_next(5);
  EXPECT_EQ(rows.marked()->service, "b");
  rows.mark_next(-9);
  EXPECT_EQ(rows.marked()->service, "0");
}

TEST(TopRows, ShowsAsMuchAsThereIsRoomFor) {
  TopRows rows;
  rows.look(services({{"one", 0}, {"two", 0}, {"x-three", 0}}), TimePoint(1s));
  EXPECT_THAT(rows.text(false, true, 2), Not(HasSubstr("x-three")));
  rows.mark_next(2);
  EXPECT_THAT(rows.text(false, true, 2), HasSubstr("\x1b[7mx-three"));
  EXPECT_THAT(rows.text(false, true, 2), Not(HasSubstr("one")));
  EXPECT_THAT(rows.text(false, false, 3), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace httpteleport::cli
