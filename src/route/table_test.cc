#include "route/table.h"

#include <gtest/gtest.h>

namespace httpteleport::route {
namespace {

TEST(RouteTable, PrefersTheExactHostThenTheLongestWildcardThenTheDefault) {
  const Table table({{.host = "", .cluster = 0},
                     {.host = "*.example.com", .cluster = 1},
                     {.host = "*.a.example.com", .cluster = 2},
                     {.host = "www.example.com", .cluster = 3}});
  EXPECT_EQ(table.match("www.example.com", "/"), 3u);
  EXPECT_EQ(table.match("WWW.Example.COM:8080", "/"), 3u);
  EXPECT_EQ(table.match("x.a.example.com", "/"), 2u);
  EXPECT_EQ(table.match("b.example.com", "/"), 1u);
  EXPECT_EQ(table.match("example.com", "/"), 0u);
  EXPECT_EQ(table.match("", "/"), 0u);
}

TEST(RouteTable, MatchesWholePathSegmentsAndPrefersTheLongestPrefix) {
  const Table table({{.path_prefix = "/", .cluster = 0},
                     {.path_prefix = "/api", .cluster = 1},
                     {.path_prefix = "/api/v2/", .cluster = 2}});
  EXPECT_EQ(table.match("h", "/api"), 1u);
  EXPECT_EQ(table.match("h", "/api?x=/api/v2/"), 1u);
  EXPECT_EQ(table.match("h", "/api/v2/users"), 2u);
  EXPECT_EQ(table.match("h", "/apis"), 0u);
  EXPECT_EQ(table.match("h", "*"), 0u);
}

TEST(RouteTable, HasNoAnswerWhenNoRuleMatches) {
  const Table table({{.host = "[::1]", .cluster = 7}});
  EXPECT_EQ(table.match("[::1]:80", "/"), 7u);
  EXPECT_EQ(table.match("other", "/"), std::nullopt);
}

}  // namespace
}  // namespace httpteleport::route
