#include "service/start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace httpteleport::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using From = StartConfig::From;

constexpr char kState[] = R"({"_version": 41, "services": [{"name": "state", "address": ":1",
    "maintenance_mode": true, "backends": [{"name": "b", "address": "h:1", "state": "drain"}]}]})";
constexpr char kInitial[] = R"({"services": [{"name": "initial", "address": ":2"}]})";

TEST(StartConfig, IsThatOfTheStateFileIfThereIsOne) {
  const test::TemporaryFolder folder;
  const StartConfig start =
      read_start_config({folder.write("state", kState), folder.write("initial", kInitial), {}});
  EXPECT_EQ(start.from, From::kState);
  EXPECT_EQ(start.version, 41);
  EXPECT_THAT(start.problems, IsEmpty());
  ASSERT_EQ(start.config.services.size(), 1);
  const ServiceConfig& service = *start.config.services.at("state");
  EXPECT_TRUE(service.maintenance_mode);
  EXPECT_EQ(service.backends[0].state, "drain");
}

TEST(StartConfig, IsTheInitialOneWithoutAState) {
  const test::TemporaryFolder folder;
  const StartConfig start =
      read_start_config({folder.file("state"), folder.write("initial", kInitial), {}});
  EXPECT_EQ(start.from, From::kInitial);
  EXPECT_EQ(start.version, 1);
  EXPECT_FALSE(start.state_is_broken);
  EXPECT_THAT(start.problems, IsEmpty());
  EXPECT_TRUE(start.config.services.contains("initial"));
}

TEST(StartConfig, IsTheInitialOneIfTheStateIsBrokenAndSaysSo) {
  const test::TemporaryFolder folder;
  folder.write("state.bak", R"({"_version": 9})");
  for (const char* broken :
       {"", "{\"services\": [", R"({"services": [{"name": "x", "fall": 1.0}]})",
        R"({"services": [{"name": "x", "network": "sctp"}]})"}) {
    const StartConfig start =
        read_start_config({folder.write("state", broken), folder.write("initial", kInitial), {}});
    EXPECT_TRUE(start.state_is_broken);
    EXPECT_EQ(start.from, From::kInitial);
    EXPECT_TRUE(start.config.services.contains("initial"));
    EXPECT_EQ(start.version, 1009);  // versions that were given out do not come again
    ASSERT_EQ(start.problems.size(), 1);
    EXPECT_THAT(start.problems[0], HasSubstr(folder.file("state") + ": "));
  }
  folder.write("state", "{\n  \"a\" 1}");
  EXPECT_THAT(read_start_config({folder.file("state"), {}, {}}).problems,
              ElementsAre(HasSubstr(": line 2 column 7: syntax error")));
}

TEST(StartConfig, HasAFatalProblemIfAFlagTakesAnAddressOfTheState) {
  const test::TemporaryFolder folder;
  const StartConfig start =
      read_start_config({folder.write("state", kState),
                         folder.write("initial", kInitial),
                         {ReservedAddress{.flag = "-admin", .address = "127.0.0.1:1"}}});
  EXPECT_TRUE(start.is_fatal);
  EXPECT_FALSE(start.state_is_broken);
  EXPECT_THAT(start.problems,
              ElementsAre(HasSubstr(folder.file("state") + ": service state: address=\":1\": " +
                                    "-admin listens on 127.0.0.1:1")));
  EXPECT_TRUE(start.config.services.empty());
}

TEST(StartConfig, IsEmptyIfNothingCanBeUsed) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(read_start_config({}).from, From::kNothing);
  const StartConfig start = read_start_config({folder.path(), folder.file("missing"), {}});
  EXPECT_EQ(start.from, From::kNothing);
  EXPECT_TRUE(start.state_is_broken);
  EXPECT_THAT(start.problems,
              ElementsAre(HasSubstr("Is a directory"), HasSubstr("there is no such file")));
}

TEST(CheckConfigText, TellsAllProblemsAndWarnings) {
  const StartConfig start = check_config_text(
      R"({"rise": -1, "balanse": "RR", "services": [
          {"name": "a", "address": "127.0.0.1:80"}, {"name": "b", "address": ":80"},
          {"name": "c", "address": "127.0.0.1:9090"}, {"name": "d", "fall": -1}]})",
      {ReservedAddress{.flag = "-admin", .address = "127.0.0.1:9090"}});
  EXPECT_THAT(
      start.problems,
      ElementsAre(HasSubstr("rise=-1"),
                  HasSubstr("service b: address=\":80\": service a listens on 127.0.0.1:80"),
                  HasSubstr("-admin listens on"), HasSubstr("service d: fall=-1")));
  EXPECT_THAT(start.warnings, ElementsAre(HasSubstr("did you mean balance?")));
  EXPECT_TRUE(start.config.services.empty());
}

TEST(CheckConfigText, LetsServicesShareAVirtualHost) {
  EXPECT_THAT(check_config_text(R"({"services": [{"name": "a", "virtual_hosts": ["h"]},
                                                 {"name": "b", "virtual_hosts": ["h"]}]})",
                                {})
                  .problems,
              IsEmpty());
}

}  // namespace
}  // namespace httpteleport::service
