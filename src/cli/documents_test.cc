#include "cli/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace httpteleport::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Documents, StatisticsOfTheOlderProgramAreRead) {
  const auto rows = parse_stats(R"([{"name":"web","address":"127.0.0.1:80","virtual_hosts":["a"],
      "backends":[{"name":"a","address":"b:1","check_address":"","up":false,"weight":3,"sent":1,
                   "received":2,"errors":3,"connections":4,"active":5,"http_active":6,
                   "check_success":7,"check_fail":8}],
      "balance":"RR","sent":10,"received":20,"errors":30,"connections":40,"active":50,
      "http_active":60,"http_connections":70,"http_errors":80}])");
  ASSERT_TRUE(rows && rows->size() == 1);
  const ServiceRow& web = rows->front();
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.address, "127.0.0.1:80");
  EXPECT_THAT(web.virtual_hosts, ElementsAre("a"));
  EXPECT_EQ(web.stats.http_errors, 80);
  ASSERT_EQ(web.stats.backends.size(), 1u);
  EXPECT_EQ(web.stats.backends[0].status, "down");
  EXPECT_EQ(web.stats.backends[0].check_fail, 8);
  EXPECT_EQ(web.stats.backends[0].weight, 3);
}

TEST(Documents, AStatusInAWordGoesBeforeUp) {
  const auto stats = parse_backend_stats(R"({"name":"a","up":false,"status":"drain","active":2})");
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->status, "drain");
  EXPECT_FALSE(stats->up);
  EXPECT_EQ(stats->active, 2);
}

TEST(Documents, WhatIsMissingOrOfAnotherKindHasItsDefault) {
  const auto rows = parse_stats(
      R"([{"name":7,"virtual_hosts":null,"backends":null,"sent":"x"},3,{"backends":[1,{}]}])");
  ASSERT_TRUE(rows && rows->size() == 2);
  EXPECT_EQ((*rows)[0].name, "7");
  EXPECT_EQ((*rows)[0].stats.sent, 0);
  EXPECT_THAT((*rows)[0].stats.backends, IsEmpty());
  ASSERT_EQ((*rows)[1].stats.backends.size(), 1u);
  EXPECT_EQ((*rows)[1].stats.backends[0].status, "up");
}

TEST(Documents, WhatIsNoneIsRefused) {
  for (const char* body : {"", "x", "{}", "<html>", "[1"}) {
    EXPECT_FALSE(parse_stats(body)) << body;
    EXPECT_FALSE(parse_history(body)) << body;
  }
  EXPECT_FALSE(parse_plan("[]"));
  EXPECT_FALSE(parse_backend_stats("[]"));
}

TEST(Documents, AHistoryHasTimesAsNumbersOrText) {
  const auto rows = parse_history(
      R"([{"version":4,"time":0,"summary":"web: fall"},{"version":"3","time":"now"}])");
  ASSERT_TRUE(rows && rows->size() == 2);
  EXPECT_EQ((*rows)[0].version, "4");
  EXPECT_EQ((*rows)[0].time, "1970-01-01 00:00 UTC");
  EXPECT_EQ((*rows)[0].summary, "web: fall");
  EXPECT_EQ((*rows)[1].time, "now");
}

TEST(Documents, APlanHasLines) {
  const auto plan = parse_plan(R"({"changes":["a","b"],"warnings":[]})");
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->changes, ElementsAre("a", "b"));
  EXPECT_THAT(plan->warnings, IsEmpty());
}

TEST(Documents, EventsAreALineForPeopleOrForPrograms) {
  const char* data = R"({"time":"2026-01-31T12:00:00Z","service":"web","backend":"a","text":"no"})";
  EXPECT_EQ(event_text("backend_down", data), "2026-01-31T12:00:00Z backend_down web/a no");
  EXPECT_EQ(event_text("config_changed", R"({"version":3,"text":"web: fall"})"),
            "config_changed web: fall");
  EXPECT_EQ(event_text("other", "plain"), "other plain");
  EXPECT_EQ(event_json("9", "backend_down", R"({"a": 1})"),
            R"({"id":"9","type":"backend_down","data":{"a":1}})");
  EXPECT_EQ(event_json("", "other", "\"\xff"),
            "{\"type\":\"other\",\"data\":\"\\\"\xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace httpteleport::cli
