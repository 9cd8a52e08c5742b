#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "support/temporary_folder.h"

namespace httpteleport {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

class LogTest : public testing::Test {
 protected:
  void configure(LogFormat format, LogLevel level = LogLevel::kInfo) {
    ASSERT_TRUE(log_.configure({.file = path_, .format = format, .level = level}));
  }
  void write(LogLevel level, std::string_view text, std::initializer_list<LogField> fields = {}) {
    log_.write(level, text, {fields.begin(), fields.size()}, now_);
  }
  std::string written() const { return test::read_file(path_); }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::istringstream text(written());
    for (std::string line; std::getline(text, line);)
      all.push_back(line);
    return all;
  }

  test::TemporaryFolder folder_;
  std::string path_ = folder_.file("log");
  Log log_;
  TimePoint now_{1h};
};

TEST_F(LogTest, WritesGosFormAndThenTheFields) {
  configure(LogFormat::kText, LogLevel::kDebug);
  write(LogLevel::kInfo, "listening",
        {{"address", "127.0.0.1:80"}, {"absent", ""}, {"workers", 4}});
  write(LogLevel::kWarn, "endpoint fails", {{"endpoint", std::string("a b")}, {"errno", -1}});
  write(LogLevel::kError, "gone");
  write(LogLevel::kDebug, "seen");
  const std::string stamp = "[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} ";
  EXPECT_THAT(written(), MatchesRegex(stamp + "listening address=127.0.0.1:80 workers=4\n" + stamp +
                                      "warning: endpoint fails endpoint=\"a b\" errno=-1\n" +
                                      stamp + "error: gone\n" + stamp + "debug: seen\n"));
}

TEST_F(LogTest, WritesOneJsonObjectALine) {
  configure(LogFormat::kJson);
  write(LogLevel::kWarn, "it \"fails\"", {{"why", "a\xff\n"}, {"count", 18}});
  const auto line = nlohmann::json::parse(written());
  EXPECT_THAT(line["time"].get<std::string>(),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}.[0-9]{3}Z"));
  EXPECT_EQ(line["level"], "warn");
  EXPECT_EQ(line["msg"], "it \"fails\"");
  EXPECT_EQ(line["why"], "a\\xff\n");
  EXPECT_EQ(line["count"], 18);
}

TEST_F(LogTest, WritesLogfmt) {
  configure(LogFormat::kLogfmt);
  write(LogLevel::kInfo, "two words", {{"key", "value"}});
  EXPECT_THAT(written(), MatchesRegex("time=[-0-9]+T[:.0-9]+Z level=info msg=\"two words\" "
                                      "key=value\n"));
}

TEST_F(LogTest, LeavesOutWhatIsBelowItsLevel) {
  configure(LogFormat::kText, LogLevel::kWarn);
  EXPECT_FALSE(log_.wants(LogLevel::kInfo));
  write(LogLevel::kInfo, "unwanted");
  write(LogLevel::kWarn, "wanted");
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_THAT(lines()[0], EndsWith("warning: wanted"));
}

TEST_F(LogTest, LetsNobodyForgeALineOrAField) {
  const std::string evil = "x\n2026/01/01 00:00:00 error: forged\r\x1b[2J level=error\" admin=\"1";
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson, LogFormat::kLogfmt}) {
    std::filesystem::remove(path_);
    configure(format);
    write(LogLevel::kInfo, "peer said", {{"word", evil}});
    ASSERT_EQ(lines().size(), 1U);
    const std::string line = lines()[0];
    EXPECT_TRUE(std::none_of(line.begin(), line.end(), [](char c) { return c >= 0 && c < 0x20; }));
    EXPECT_THAT(line, HasSubstr(R"(\" admin=\"1)"));
    if (format == LogFormat::kJson) {
      EXPECT_EQ(nlohmann::json::parse(line)["word"], evil);
    }
  }
}

TEST_F(LogTest, BoundsALine) {
  const std::string longest(100'000, '\x01');
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson, LogFormat::kLogfmt}) {
    std::filesystem::remove(path_);
    configure(format);
    write(LogLevel::kInfo, longest,
          {{"a", longest},
           {"b", longest},
           {"c", longest},
           {"d", longest},
           {"e", longest},
           {"f", longest},
           {"g", longest},
           {"h", longest},
           {"i", longest},
           {"j", longest},
           {"k", longest},
           {"l", longest},
           {"left_out", longest}});
    ASSERT_EQ(lines().size(), 1U);
    EXPECT_LE(lines()[0].size(), Log::kLineBytesMax - 1);
    EXPECT_THAT(lines()[0], HasSubstr("..."));
    EXPECT_THAT(lines()[0], testing::Not(HasSubstr("left_out")));
  }
}

TEST_F(LogTest, HoldsRepeatsBackAndTellsHowManyWhenTheWindowEnds) {
  configure(LogFormat::kText);
  for (int i = 0; i < 332; ++i)
    write(LogLevel::kWarn, "it fails", {{"number", i}});
  write(LogLevel::kWarn, "another text");
  ASSERT_EQ(lines().size(), 21U);
  EXPECT_THAT(lines()[19], EndsWith("it fails number=19"));
  now_ += 9s;
  log_.tell_repeats(now_);
  EXPECT_EQ(lines().size(), 21U);

  now_ += 1s;
  write(LogLevel::kWarn, "it fails", {{"number", 1000}});
  ASSERT_EQ(lines().size(), 23U);
  EXPECT_THAT(lines()[21], EndsWith("warning: \u2026 312 more in 10 s: it fails"));
  EXPECT_THAT(lines()[22], EndsWith("it fails number=1000"));
}

TEST_F(LogTest, TellsOfHeldBackLinesWithoutAFurtherOne) {
  configure(LogFormat::kText);
  for (int i = 0; i < 22; ++i)
    write(LogLevel::kInfo, "again");
  now_ += 12s;
  log_.tell_repeats(now_);
  ASSERT_EQ(lines().size(), 21U);
  EXPECT_THAT(lines().back(), EndsWith("\u2026 2 more in 12 s: again"));
  log_.tell_repeats(now_ + 1h);
  EXPECT_EQ(lines().size(), 21U);
}

TEST_F(LogTest, TellsOfAllHeldBackLinesBeforeTheEnd) {
  configure(LogFormat::kText);
  for (int i = 0; i < 25; ++i)
    write(LogLevel::kInfo, "again");
  now_ += 3s;
  log_.tell_all_repeats(now_);
  EXPECT_THAT(lines().back(), EndsWith("\u2026 5 more in 3 s: again"));
}

TEST_F(LogTest, LosesNoCountWhenThereAreMoreTextsThanSlots) {
  configure(LogFormat::kText);
  for (int i = 0; i < 25; ++i)
    write(LogLevel::kInfo, "the first");
  for (size_t i = 0; i < Log::kTextsMax; ++i) {
    now_ += 1ms;
    write(LogLevel::kInfo, "text " + std::to_string(i));
  }
  EXPECT_THAT(written(), HasSubstr("\u2026 5 more in 0 s: the first\n"));
}

TEST_F(LogTest, ReopensTheFileUnderItsName) {
  configure(LogFormat::kText);
  write(LogLevel::kInfo, "before");
  std::filesystem::rename(path_, folder_.file("old"));
  write(LogLevel::kInfo, "between");
  log_.reopen();
  write(LogLevel::kInfo, "after");
  EXPECT_THAT(test::read_file(folder_.file("old")), MatchesRegex(".* before\n.* between\n"));
  EXPECT_THAT(written(), MatchesRegex("[^\n]* after\n"));
}

TEST_F(LogTest, KeepsTheOldFileWhenItCannotReopen) {
  const std::string inner = folder_.file("logs");
  std::filesystem::create_directory(inner);
  ASSERT_TRUE(log_.configure({.file = inner + "/log"}));
  std::filesystem::rename(inner, folder_.file("moved"));
  log_.reopen();
  write(LogLevel::kInfo, "goes on");
  const std::string text = test::read_file(folder_.file("moved/log"));
  EXPECT_THAT(text, HasSubstr("warning: the log file cannot be opened again, the old one stays"));
  EXPECT_THAT(text, HasSubstr("error=\"No such file or directory\""));
  EXPECT_THAT(text, EndsWith("goes on\n"));
}

TEST_F(LogTest, SaysWhenTheFileCannotBeOpenedAndChangesNothing) {
  configure(LogFormat::kText);
  const Result<void> result = log_.configure({.file = folder_.file("none/log")});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().sys_errno, ENOENT);
  write(LogLevel::kInfo, "still here");
  EXPECT_THAT(written(), EndsWith("still here\n"));
}

// Four threads, and a fifth that renames the file again and again: every line is in one of the
// files, whole, once.
TEST_F(LogTest, MixesAndLosesNoLineOfSeveralThreads) {
  constexpr int kThreads = 4;
  constexpr int kLines = 2000;
  ASSERT_TRUE(log_.configure({.file = path_, .format = LogFormat::kJson, .repeats_max = 0}));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      const std::string filler(static_cast<size_t>(100 * thread), 'x');
      for (int i = 0; i < kLines; ++i)
        write(LogLevel::kInfo, "line", {{"id", thread * kLines + i}, {"filler", filler}});
    });
  }
  constexpr int kRotations = 20;
  for (int i = 0; i < kRotations; ++i) {
    std::filesystem::rename(path_, folder_.file("old" + std::to_string(i)));
    log_.reopen();
  }
  for (std::thread& thread : threads)
    thread.join();

  std::set<int> ids;
  std::string all = written();
  for (int i = 0; i < kRotations; ++i)
    all += test::read_file(folder_.file("old" + std::to_string(i)));
  std::istringstream text(all);
  for (std::string line; std::getline(text, line);)
    EXPECT_TRUE(ids.insert(nlohmann::json::parse(line)["id"].get<int>()).second);
  EXPECT_EQ(ids.size(), size_t{kThreads} * kLines);
}

}  // namespace
}  // namespace httpteleport
