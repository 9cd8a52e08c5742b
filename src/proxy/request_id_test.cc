#include "proxy/request_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace httpteleport::proxy {
namespace {

using testing::MatchesRegex;

class RequestIdTest : public testing::Test {
 protected:
  std::string choose(std::string_view field_name = "X-Request-Id") {
    return std::string(choose_request_id(fields_, field_name, ids_, arena_));
  }
  // What is passed on in fields of that name, without regard to case.
  std::string passed_on() const {
    std::string text;
    for (const http::Field& field : fields_) {
      if (!field.dropped && http::equals_ignoring_case(field.name, "X-Request-Id"))
        text += std::string(field.value) + ";";
    }
    return text;
  }

  BlockPool pool_;
  Arena arena_{pool_};
  RequestIds ids_;
  http::Fields fields_;
};

TEST_F(RequestIdTest, MakesIdsThatDiffer) {
  std::set<std::string> seen;
  RequestIds other;
  for (int i = 0; i < 1000; ++i) {
    for (RequestIds* ids : {&ids_, &other}) {
      const auto id = ids->next();
      const std::string text(id.data(), id.size());
      EXPECT_THAT(text, MatchesRegex("[0-9a-f]{32}"));
      EXPECT_TRUE(seen.insert(text).second);
    }
  }
}

TEST_F(RequestIdTest, PassesOnTheOneThatComes) {
  fields_.add("x-request-ID", "abc-123");
  EXPECT_EQ(choose(), "abc-123");
  EXPECT_EQ(passed_on(), "abc-123;");
}

TEST_F(RequestIdTest, AddsAMissingOne) {
  const std::string id = choose();
  EXPECT_THAT(id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(passed_on(), id + ";");
}

TEST_F(RequestIdTest, ReplacesWhatIsNoIdOrTooLongOrTwice) {
  for (const std::string& bad : {std::string("two words"), std::string("a\"b"),
                                 std::string(129, 'a'), std::string("\xff"), std::string()}) {
    fields_.clear();
    fields_.add("X-Request-Id", bad);
    const std::string id = choose();
    EXPECT_NE(id, bad);
    EXPECT_EQ(passed_on(), id + ";");
  }
  fields_.clear();
  fields_.add("X-Request-Id", "one");
  fields_.add("X-Request-Id", "two");
  const std::string id = choose();
  EXPECT_THAT(id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(passed_on(), id + ";");
  fields_.clear();
  const std::string longest(kRequestIdBytesMax, 'a');
  fields_.add("X-Request-Id", longest);
  EXPECT_EQ(choose(), longest);
}

TEST_F(RequestIdTest, TouchesNoFieldWithoutAName) {
  fields_.add("X-Request-Id", "abc");
  EXPECT_THAT(choose(""), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(passed_on(), "abc;");
}

}  // namespace
}  // namespace httpteleport::proxy
