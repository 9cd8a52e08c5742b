#include "config/go_flags.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/flag_texts.h"

namespace httpteleport::config {
namespace {

using namespace std::chrono_literals;
using testing::Test;

// A few flags of each type, as the programs have them.
class GoFlagsTest : public Test {
 protected:
  GoFlagsTest() {
    flags.begin_group("In");
    flags.add({"in", "ADDRESS", "address to listen on"}, in);
    flags.add({"concurrency", "NUMBER", "most requests at one time"}, concurrency);
    flags.add({"inGetOnly", "", "take GET only"}, get_only);
    flags.begin_group("Time");
    flags.add({"inDelay", "TIME", "longest wait for a batch"}, delay);
    flags.add({"outTimeout", "TIME", "longest wait for an answer"}, timeout);
  }

  GoFlags::Outcome parse(const std::vector<std::string>& arguments) {
    return flags.parse(arguments);
  }
  // What is said about arguments that must not be accepted.
  std::string error_of(const std::vector<std::string>& arguments) {
    EXPECT_EQ(flags.parse(arguments), GoFlags::Outcome::kError);
    EXPECT_EQ(flags.error().find('\n'), std::string::npos);
    return flags.error();
  }

  std::string in = "127.0.0.1:8080";
  int64_t concurrency = 100;
  bool get_only = false;
  Duration delay{};
  Duration timeout = 3s;
  GoFlags flags;
};

using Outcome = GoFlags::Outcome;

TEST_F(GoFlagsTest, KeepsTheDefaultsOfFlagsThatAreNotGiven) {
  EXPECT_EQ(parse({}), Outcome::kOk);
  EXPECT_EQ(in, "127.0.0.1:8080");
  EXPECT_EQ(concurrency, 100);
  EXPECT_EQ(timeout, 3s);
  EXPECT_TRUE(flags.ignored().empty());
}

TEST_F(GoFlagsTest, TakesEveryWayToWriteAFlagAndTheLastOneWins) {
  EXPECT_EQ(parse({"-in", "a", "--in", "b", "-in=c", "--in=d"}), Outcome::kOk);
  EXPECT_EQ(in, "d");
  EXPECT_EQ(parse({"-in=x=y"}), Outcome::kOk);
  EXPECT_EQ(in, "x=y");
  EXPECT_EQ(parse({"-in="}), Outcome::kOk);
  EXPECT_EQ(in, "");
  // What follows a flag is its value, whatever it looks like.
  EXPECT_EQ(parse({"-in", "-inGetOnly"}), Outcome::kOk);
  EXPECT_EQ(in, "-inGetOnly");
  EXPECT_FALSE(get_only);
  EXPECT_EQ(parse({"-in", ""}), Outcome::kOk);
  EXPECT_EQ(in, "");
}

TEST_F(GoFlagsTest, NamesAnUnknownFlagAndTheOneThatWasPerhapsMeant) {
  EXPECT_EQ(error_of({"-nope"}), "flag provided but not defined: -nope");
  EXPECT_EQ(error_of({"-outTimeot=1s"}),
            "flag provided but not defined: -outTimeot; did you mean -outTimeout?");
  EXPECT_EQ(error_of({"-INGETONLY"}),
            "flag provided but not defined: -INGETONLY; did you mean -inGetOnly?");
}

TEST_F(GoFlagsTest, WantsUnitsInDurations) {
  EXPECT_EQ(error_of({"-outTimeout=3"}),
            "invalid value \"3\" for flag -outTimeout: parse error; a duration with its unit, like "
            "3s or 500ms is accepted");
  EXPECT_TRUE(error_of({"-outTimeout=1.5"})
                  .starts_with("invalid value \"1.5\" for flag -outTimeout: parse error"));
  EXPECT_EQ(parse({"-outTimeout=0"}), Outcome::kOk);
  EXPECT_EQ(timeout, 0s);
  EXPECT_EQ(parse({"-outTimeout=1h2m3.5s", "-inDelay=-5ms"}), Outcome::kOk);
  EXPECT_EQ(timeout, 1h + 2min + 3500ms);
  EXPECT_EQ(delay, -5ms);
}

TEST_F(GoFlagsTest, TakesNumbersWithBasePrefixesAndUnderscores) {
  EXPECT_EQ(parse({"-concurrency=0x10"}), Outcome::kOk);
  EXPECT_EQ(concurrency, 16);
  EXPECT_EQ(parse({"-concurrency", "1_000"}), Outcome::kOk);
  EXPECT_EQ(concurrency, 1000);
  EXPECT_EQ(error_of({"-concurrency=abc"}),
            "invalid value \"abc\" for flag -concurrency: parse error; a number is accepted");
  EXPECT_EQ(concurrency, 1000);
}

TEST_F(GoFlagsTest, TakesTruthValuesBehindAnEqualsSignOnly) {
  EXPECT_EQ(parse({"-inGetOnly"}), Outcome::kOk);
  EXPECT_TRUE(get_only);
  EXPECT_EQ(parse({"--inGetOnly=F"}), Outcome::kOk);
  EXPECT_FALSE(get_only);
  EXPECT_EQ(
      error_of({"-inGetOnly=maybe"}),
      "invalid boolean value \"maybe\" for -inGetOnly: parse error; true or false is accepted");
  EXPECT_TRUE(error_of({"-inGetOnly="}).starts_with("invalid boolean value \"\" for -inGetOnly"));
}

// A known trap of Go's grammar, kept and warned of: everything behind the first argument that is no
// flag is ignored.
TEST_F(GoFlagsTest, StopsAtTheFirstArgumentThatIsNoFlag) {
  EXPECT_EQ(parse({"-inGetOnly", "false", "-in=x"}), Outcome::kOk);
  EXPECT_TRUE(get_only);
  EXPECT_EQ(in, "127.0.0.1:8080");
  EXPECT_EQ(flags.ignored(), (std::vector<std::string>{"false", "-in=x"}));
}

TEST_F(GoFlagsTest, EndsAtADashTwoDashesAndEmptyArguments) {
  using List = std::vector<std::string>;
  EXPECT_EQ(parse({"-in=a", "-", "-in=b"}), Outcome::kOk);
  EXPECT_EQ(flags.ignored(), (List{"-", "-in=b"}));
  EXPECT_EQ(parse({"-in=c", "--", "-in=d"}), Outcome::kOk);
  EXPECT_EQ(flags.ignored(), (List{"-in=d"}));
  EXPECT_EQ(in, "c");
  EXPECT_EQ(parse({"", "-in=e"}), Outcome::kOk);
  EXPECT_EQ(flags.ignored(), (List{"", "-in=e"}));
  EXPECT_EQ(parse({"extra", "more"}), Outcome::kOk);
  EXPECT_EQ(flags.ignored(), (List{"extra", "more"}));
  EXPECT_EQ(in, "c");
}

TEST_F(GoFlagsTest, SaysWhenAValueIsMissing) {
  EXPECT_EQ(error_of({"-in"}), "flag needs an argument: -in");
  EXPECT_EQ(error_of({"-inGetOnly", "--concurrency"}), "flag needs an argument: -concurrency");
}

TEST_F(GoFlagsTest, RefusesOddSyntax) {
  for (const std::string argument : {"---in=x", "-=x", "--=x", "---", "-=", "--=", "---x"})
    EXPECT_EQ(error_of({argument}), "bad flag syntax: " + argument);
}

TEST_F(GoFlagsTest, OffersHelp) {
  for (const std::string argument : {"-h", "-help", "--h", "--help"})
    EXPECT_EQ(parse({argument, "-nope"}), Outcome::kHelp) << argument;
}

TEST_F(GoFlagsTest, KeepsAValueOfAStrongerLayer) {
  ASSERT_EQ(parse({"-in=flag"}), Outcome::kOk);
  const Origin file{.layer = Layer::kFile, .where = "x:1"};
  const Origin variable{.layer = Layer::kEnvironment, .where = "X"};
  EXPECT_EQ(flags.set(*flags.find("in"), "file", file), "");
  EXPECT_EQ(in, "flag");
  EXPECT_EQ(flags.find("in")->origin.text(), "flag");
  EXPECT_EQ(flags.set(*flags.find("concurrency"), "1", variable), "");
  EXPECT_EQ(flags.set(*flags.find("concurrency"), "2", file), "");
  EXPECT_EQ(flags.set(*flags.find("concurrency"), "x", file), "a number is accepted");
  EXPECT_EQ(concurrency, 1);
  EXPECT_EQ(flags.find("concurrency")->origin.text(), "env X");
  EXPECT_EQ(flags.set(*flags.find("inDelay"), "1s", file), "");
  EXPECT_EQ(flags.set(*flags.find("inDelay"), "2s", file), "");
  EXPECT_EQ(delay, 2s);
  EXPECT_EQ(flags.find("inDelay")->origin.text(), "x:1");
  EXPECT_EQ(flags.find("outTimeout")->origin.text(), "default");
}

TEST_F(GoFlagsTest, HasAHelpByGroupInEightyColumns) {
  std::string deep = "words that do not all fit into a line, and a_long_one_too";
  deep.append(60, 'g');
  flags.add({"aVeryLongNameOfAFlag", "PLACEHOLDER", deep.c_str()}, in);
  EXPECT_EQ(help_text(flags),
            "In:\n"
            "  -in ADDRESS                  address to listen on (default 127.0.0.1:8080)\n"
            "  -concurrency NUMBER          most requests at one time (default 100)\n"
            "  -inGetOnly                   take GET only\n"
            "\nTime:\n"
            "  -inDelay TIME                longest wait for a batch\n"
            "  -outTimeout TIME             longest wait for an answer (default 3s)\n"
            "  -aVeryLongNameOfAFlag PLACEHOLDER\n"
            "                               words that do not all fit into a line, and\n"
            "                               a_long_one_too" +
                std::string(60, 'g') +
                "\n"
                "                               (default 127.0.0.1:8080)\n");
}

TEST_F(GoFlagsTest, EscapesWhatTheManPageWouldTakeForMarkup) {
  flags.add({"rule", "TEXT", "a_b, *c* or [d]\\e"}, in);
  EXPECT_TRUE(man_options(flags).ends_with(
      "\n*-rule* _TEXT_\n\ta\\_b, \\*c\\* or \\[d\\]\\\\e. Default: 127.0.0.1:8080.\n"));
}

// What another program than httptp has.
class MoreKinds : public Test {
 protected:
  MoreKinds() {
    flags.begin_group("More");
    flags.add({"wait", "TIME", "how long", FlagInfo::kNoDefault}, wait);
    flags.add({"host", "NAME", "may be repeated", FlagInfo::kNoDefault}, hosts);
  }

  std::chrono::milliseconds wait{0};
  std::vector<std::string> hosts;
  GoFlags flags;
};

TEST_F(MoreKinds, MillisecondsAreWrittenWithAUnitOrWithout) {
  for (const auto& [text, count] : std::vector<std::pair<std::string, int64_t>>{
           {"10s", 10'000}, {"10000", 10'000}, {"0x10", 16}, {"1m0.5s", 60'500}, {"0", 0}}) {
    EXPECT_EQ(flags.parse({"-wait", text}), Outcome::kOk) << text;
    EXPECT_EQ(wait.count(), count) << text;
  }
  for (const char* text : {"10 s", "1.5", "100us", "", "s"}) {
    EXPECT_EQ(flags.parse({"-wait", text}), Outcome::kError) << text;
    EXPECT_EQ(flags.error(), "invalid value \"" + std::string(text) +
                                 "\" for flag -wait: parse error; a duration like 3s or 500ms, or "
                                 "a number of milliseconds is accepted");
  }
}

TEST_F(MoreKinds, AListGrowsWithinALayerAndBeginsAnewWithAStrongerOne) {
  EXPECT_EQ(flags.set(*flags.find("host"), "weak", {.layer = Layer::kEnvironment}), "");
  EXPECT_EQ(flags.set(*flags.find("host"), "weaker still", {.layer = Layer::kDefault}), "");
  EXPECT_EQ(hosts, std::vector<std::string>{"weak"});
  EXPECT_EQ(flags.parse({"-host", "a", "-host=b"}), Outcome::kOk);
  EXPECT_EQ(hosts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(flags.find("host")->text(), "a,b");
}

TEST_F(MoreKinds, ShowNoDefaultThatIsNotUsed) {
  EXPECT_EQ(help_text(flags).find("default"), std::string::npos);
  EXPECT_EQ(man_options(flags).find("Default"), std::string::npos);
}

}  // namespace
}  // namespace httpteleport::config
