#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/documents.h"

namespace httpteleport::cli {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using Outcome = CommandLine::Outcome;

CommandLine parse(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  return parse_command_line(arguments, environment);
}

std::string error_of(const std::vector<std::string>& arguments) {
  const CommandLine line = parse(arguments);
  EXPECT_EQ(line.outcome, Outcome::kError) << testing::PrintToString(arguments);
  EXPECT_EQ(line.error.find('\n'), std::string::npos);
  return line.error;
}

// What the given flags send.
std::string body_of(const std::vector<std::string>& arguments) {
  const CommandLine line = parse(arguments);
  EXPECT_EQ(line.outcome, Outcome::kRun) << line.error;
  return change_body("", line.fields);
}

TEST(CommandLine, TakesFlagsOfEveryCommandOnBothSidesOfTheCommand) {
  const CommandLine line = parse({"-addr", "[::1]:1", "status", "-timeout=2s", "-o", "wide", "-w"});
  ASSERT_EQ(line.outcome, Outcome::kRun) << line.error;
  EXPECT_EQ(line.options.address, "[::1]:1");
  EXPECT_EQ(line.options.timeout, std::chrono::seconds(2));
  EXPECT_EQ(line.options.output, "wide");
  EXPECT_TRUE(line.options.watch);
  EXPECT_EQ(line.verb->id, VerbId::kStatus);
}

TEST(CommandLine, TakesFlagsAndArgumentsInAnyOrder) {
  for (const std::vector<std::string>& order :
       std::vector<std::vector<std::string>>{{"drain", "web/a", "-wait", "3s"},
                                             {"drain", "-wait", "3s", "web/a"},
                                             {"drain", "-wait", "3s", "--", "web/a"}}) {
    const CommandLine line = parse(order);
    ASSERT_EQ(line.outcome, Outcome::kRun) << line.error;
    EXPECT_THAT(line.arguments, ElementsAre("web/a"));
    EXPECT_EQ(line.options.wait, std::chrono::seconds(3));
  }
}

TEST(CommandLine, FlagsGoBeforeTheEnvironmentAndThatBeforeDefaults) {
  const Environment environment{.address = "/run/a.sock", .token_file = "/token"};
  EXPECT_EQ(parse({"status"}).options.address, "127.0.0.1:9090");
  EXPECT_EQ(parse({"status"}, environment).options.address, "/run/a.sock");
  EXPECT_EQ(parse({"status"}, environment).options.token_file, "/token");
  EXPECT_EQ(parse({"-addr=b:1", "status"}, environment).options.address, "b:1");
  EXPECT_EQ(parse({"status", "-addr=b:1"}, environment).options.address, "b:1");
}

TEST(CommandLine, SendsOnlyWhatIsGiven) {
  EXPECT_EQ(body_of({"update", "web"}), "{}");
  EXPECT_EQ(body_of({"update", "web", "-fall", "0"}), R"({"fall":0})");
  EXPECT_EQ(body_of({"config", "-balance", ""}), R"({"balance":""})");
  EXPECT_EQ(body_of({"update", "web/a", "-weight=3", "-check-address", "b:1"}),
            R"({"check_address":"b:1","weight":3})");
}

TEST(CommandLine, DurationsAreMillisecondsWithAUnitOrWithout) {
  EXPECT_EQ(body_of({"config", "-client-timeout", "10s"}), R"({"client_timeout":10000})");
  EXPECT_EQ(body_of({"config", "-client-timeout", "10000"}), R"({"client_timeout":10000})");
  EXPECT_EQ(body_of({"update", "web", "-dial-timeout=1m", "-check-interval=500ms"}),
            R"({"check_interval":500,"connect_timeout":60000})");
}

TEST(CommandLine, SwitchesAreTurnedOnAndOff) {
  EXPECT_EQ(body_of({"config", "-https-redirect"}), R"({"https-redirect":true})");
  EXPECT_EQ(body_of({"update", "web", "-maintenance-mode=false"}), R"({"maintenance_mode":false})");
  EXPECT_EQ(error_of({"config", "-https-redirect", "false"}),
            "config does not take \"false\"; a switch is turned off with -name=false");
}

TEST(CommandLine, VirtualHostsAreAList) {
  EXPECT_EQ(body_of({"update", "web", "-vhost", "a"}), R"({"virtual_hosts":["a"]})");
  EXPECT_EQ(body_of({"update", "web", "-vhost", "a", "-vhost=b"}),
            R"({"virtual_hosts":["a","b"]})");
  EXPECT_EQ(body_of({"update", "web", "-vhost="}), R"({"virtual_hosts":[]})");
}

TEST(CommandLine, OneErrorPageIsEnoughAndItsKeyIsTheUrl) {
  EXPECT_EQ(body_of({"update", "web", "-error-page", "http://a/|500,503"}),
            R"({"error_pages":{"http://a/":[500,503]}})");
  EXPECT_EQ(body_of({"update", "web", "-error-page", "http://a/|500", "-error-page=text:x|y|404"}),
            R"({"error_pages":{"http://a/":[500],"text:x|y":[404]}})");
  EXPECT_EQ(body_of({"update", "web", "-error-page", ""}), R"({"error_pages":{}})");
}

TEST(CommandLine, RefusesWhatIsNoErrorPage) {
  for (const char* page : {"http://a/", "http://a/|", "|500", "http://a/|5000", "http://a/|x",
                           "http://a/|500,", "http://a/|99"}) {
    EXPECT_EQ(error_of({"update", "web", "-error-page", page}),
              "invalid value \"" + std::string(page) +
                  "\" for flag -error-page: a page and its statuses like "
                  "'http://example.com/|500,503' are accepted");
  }
}

TEST(CommandLine, NestedFieldsAreOneObject) {
  EXPECT_EQ(body_of({"update", "web", "-check-type=http", "-check-status=200,204", "-burst", "5"}),
            R"({"check":{"type":"http","status":[200,204]},"limits":{"burst":5}})");
  EXPECT_THAT(error_of({"update", "web", "-check-status=ok"}), HasSubstr("-check-status"));
}

TEST(CommandLine, NamesTheNearestCommandAndFlag) {
  EXPECT_EQ(error_of({"staus"}),
            "there is no command \"staus\"; did you mean status? 'shuttle-cli -help' shows what "
            "there is");
  EXPECT_EQ(error_of({"frobnicate"}),
            "there is no command \"frobnicate\"; 'shuttle-cli -help' shows what there is");
  EXPECT_EQ(error_of({"update", "web", "-clienttimeout", "3"}),
            "flag provided but not defined: -clienttimeout; did you mean -client-timeout? see "
            "'shuttle-cli update -help'");
  EXPECT_EQ(error_of({"-adr", "x", "status"}),
            "flag provided but not defined: -adr; did you mean -addr? see 'shuttle-cli -help'");
}

TEST(CommandLine, ServicesAndBackendsHaveFlagsOfTheirOwn) {
  EXPECT_THAT(error_of({"update", "web", "-weight", "1"}), HasSubstr("not defined: -weight"));
  EXPECT_THAT(error_of({"update", "web/a", "-vhost", "x"}), HasSubstr("not defined: -vhost"));
  EXPECT_THAT(error_of({"update", "-fall", "3", "web"}),
              EndsWith("the service comes before its flags: write shuttle-cli update SERVICE | "
                       "SERVICE/BACKEND"));
  EXPECT_EQ(parse({"update", "-addr", "x:1", "web", "-fall=3"}).arguments[0], "web");
}

TEST(CommandLine, ChecksTargets) {
  for (const auto& [command, target] :
       std::vector<std::pair<std::string, std::string>>{{"drain", "web"},
                                                        {"drain", "/a"},
                                                        {"up", "web/"},
                                                        {"update", ""},
                                                        {"remove", "/"},
                                                        {"update", "web/"}})
    EXPECT_THAT(error_of({command, target}), HasSubstr("write shuttle-cli " + command)) << target;
  EXPECT_THAT(error_of({"maintenance", "web/a", "on"}), HasSubstr("is no SERVICE on|off"));
  EXPECT_THAT(error_of({"maintenance", "web", "yes"}), HasSubstr("neither on nor off"));
  EXPECT_THAT(error_of({"maintenance", "web"}), HasSubstr("needs an argument"));
  EXPECT_THAT(error_of({"remove", "web", "app"}), HasSubstr("does not take \"app\""));
  EXPECT_EQ(parse({"remove", "web/a/b"}).outcome, Outcome::kRun);
}

TEST(CommandLine, NamesOfPagesAreNoServices) {
  for (const char* command : {"update", "remove"})
    EXPECT_EQ(error_of({command, "_config"}),
              "\"_config\" is no service: their names do not begin with _");
  EXPECT_THAT(error_of({"drain", "_config/history"}), HasSubstr("is no service"));
}

TEST(CommandLine, TimesAreNotNegative) {
  EXPECT_THAT(error_of({"-timeout=0", "status"}), HasSubstr("-timeout: a time above 0"));
  EXPECT_THAT(error_of({"drain", "web/a", "-wait=-1s"}), HasSubstr("-wait: a time from 0 on"));
}

TEST(CommandLine, OutputsAreThoseOfTheCommand) {
  EXPECT_EQ(error_of({"status", "-o", "jason"}),
            "invalid value \"jason\" for flag -o: accepted are table json wide; did you mean "
            "json?");
  EXPECT_THAT(error_of({"history", "-o", "wide"}), HasSubstr("accepted are table json"));
}

TEST(CommandLine, HelpIsOfACommandOrOfAll) {
  for (const std::vector<std::string>& all :
       std::vector<std::vector<std::string>>{{"-help"}, {"-h"}, {"help"}}) {
    EXPECT_EQ(parse(all).outcome, Outcome::kHelp);
    EXPECT_EQ(parse(all).verb, nullptr);
  }
  for (const std::vector<std::string>& one : std::vector<std::vector<std::string>>{
           {"drain", "-help"}, {"drain", "web/a", "-h"}, {"help", "drain"}}) {
    EXPECT_EQ(parse(one).outcome, Outcome::kHelp);
    EXPECT_STREQ(parse(one).verb->name, "drain");
  }
  EXPECT_STREQ(parse({"update", "-h"}).verb->name, "update");
}

}  // namespace
}  // namespace httpteleport::cli
