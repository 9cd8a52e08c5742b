#include "cli/texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "cli/client.h"

namespace httpteleport::cli {
namespace {

using testing::HasSubstr;

TEST(Texts, HelpHasEveryCommandWithin80Columns) {
  std::vector<std::string> texts = {help_text()};
  for (const Verb& verb : verbs()) {
    EXPECT_THAT(texts[0], HasSubstr("\n  " + std::string(verb.name)));
    texts.push_back(verb_help(verb));
    EXPECT_THAT(texts.back(), HasSubstr("usage: shuttle-cli " + std::string(verb.name)));
  }
  for (const std::string& text : texts) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(Texts, CompletionsNameEveryCommandAndFlag) {
  const AllFlags all;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto text = completion_text(shell);
    ASSERT_TRUE(text);
    for (const Verb& verb : verbs())
      EXPECT_THAT(*text, HasSubstr(verb.name));
    for (const auto& flag : all.flags().all())
      EXPECT_THAT(*text, HasSubstr(flag.info.name));
  }
  EXPECT_FALSE(completion_text("csh"));
}

TEST(Verbs, HaveNoFlagTwice) {
  for (const Verb& verb : verbs()) {
    for (const char* target : {"service", "service/backend"}) {
      Options options;
      FieldValues fields;
      config::GoFlags flags;
      add_common_flags(options, flags);
      add_verb_flags(verb, target, options, fields, flags);
      const auto names = flags.names();
      EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size())
          << verb.name;
    }
  }
}

TEST(AdminAddress, IsAHostAndPortOrAPath) {
  for (const auto& [text, authority] :
       std::vector<std::pair<std::string, std::string>>{{"127.0.0.1:9090", "127.0.0.1:9090"},
                                                        {"localhost", "localhost:9090"},
                                                        {":81", "127.0.0.1:81"},
                                                        {"[::1]:1", "[::1]:1"},
                                                        {"[::1]", "[::1]:9090"},
                                                        {"http://a:1/", "a:1"}}) {
    const auto address = AdminAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->authority, authority);
    EXPECT_EQ(address->unix_path, "");
  }
  EXPECT_EQ(AdminAddress::parse("/run/a b.sock")->unix_path, "/run/a b.sock");
  EXPECT_EQ(AdminAddress::parse("unix:a.sock")->unix_path, "a.sock");
  for (const char* text : {"", "unix:", "a b", "user@a:1", "a:1/x", "a:1?x", "https://a:1"})
    EXPECT_FALSE(AdminAddress::parse(text)) << text;
}

TEST(Encoded, LeavesNothingThatHasAMeaningInAPath) {
  EXPECT_EQ(encoded("a/b?c#d e%"), "a%2Fb%3Fc%23d%20e%25");
  EXPECT_EQ(encoded("web-1.x_y~"), "web-1.x_y~");
}

}  // namespace
}  // namespace httpteleport::cli
