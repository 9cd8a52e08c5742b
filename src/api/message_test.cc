#include "httpteleport/message.h"

#include <gtest/gtest.h>

#include <string>

namespace httpteleport {
namespace {

constexpr size_t kLongBytes = 3000;

TEST(Message, AddsAndSetsFieldsThatAreViewsIntoItself) {
  Response response;
  response.add_field("First", std::string(kLongBytes, 'a'));
  response.add_field("Second", std::string(kLongBytes, 'b'));
  for (int i = 0; i < 4; ++i)  // whatever room there is, some of these need more
    response.add_field("Copy", response.field("Second"));
  EXPECT_EQ(response.field("Copy"), std::string(kLongBytes, 'b'));
  EXPECT_EQ(response.field_at(response.field_count() - 1).value, std::string(kLongBytes, 'b'));

  response.set_field("First", response.field("Second"));
  EXPECT_EQ(response.field("First"), std::string(kLongBytes, 'b'));
  response.set_field(response.field_at(0).name, "short");
  EXPECT_EQ(response.field("Second"), "short");
}

TEST(Message, RemovesAFieldThatIsNamedByAViewIntoItself) {
  Request request;
  request.add_field("Name", "one");
  request.add_field("Other", "two");
  request.add_field("name", "three");
  EXPECT_EQ(request.remove_field(request.field_at(0).name), 2U);
  EXPECT_EQ(request.field_count(), 1U);
  EXPECT_EQ(request.field("Other"), "two");
}

TEST(Message, ReplacesAFieldByItself) {
  Request request;
  request.add_field("Name", "value that is long enough to move");
  request.add_field("Other", "more");
  request.set_field("Name", request.field("Name"));
  EXPECT_EQ(request.field("Name"), "value that is long enough to move");
  EXPECT_EQ(request.field("Other"), "more");
  EXPECT_EQ(request.field_count(), 2U);
}

}  // namespace
}  // namespace httpteleport
