#include "service/state_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "service/test_registry.h"
#include "support/temporary_folder.h"

namespace httpteleport::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ConfigDocument document(const std::string& text) {
  return {text, {}, {}};
}

TEST(StateFile, CallsBackOnceTheDocumentIsThere) {
  const test::TemporaryFolder folder;
  TestLoop loop;
  StateFile state(folder.file("s"), loop.post());
  std::vector<std::string> problems;
  std::string seen;
  state.submit(document("one"), "", [&](const std::string& problem) {
    problems.push_back(problem);
    seen = test::read_file(folder.file("s"));
  });
  EXPECT_TRUE(loop.run_until([&] { return !problems.empty(); }));
  EXPECT_THAT(problems, ElementsAre(""));
  EXPECT_EQ(seen, "one");
}

TEST(StateFile, WritesOnlyTheNewestOfWhatWaitsAndAnswersInOrder) {
  const test::TemporaryFolder folder;
  TestLoop loop;
  StateFile state(folder.file("s"), loop.post());
  std::vector<int> answered;
  for (int i = 0; i < 200; ++i) {
    state.submit(document(std::to_string(i)), "", [&answered, i](const std::string& problem) {
      EXPECT_EQ(problem, "");
      answered.push_back(i);
    });
  }
  EXPECT_TRUE(loop.run_until([&] { return answered.size() == 200; }));
  EXPECT_TRUE(std::ranges::is_sorted(answered));
  EXPECT_EQ(test::read_file(folder.file("s")), "199");
}

TEST(StateFile, NeverShowsAFileThatIsNotWhole) {
  const test::TemporaryFolder folder;
  TestLoop loop;
  StateFile state(folder.file("s"), loop.post());
  const auto text = [](int i) {
    return std::string(100'000, static_cast<char>('a' + i % 26)) + "end";
  };
  int answered = 0;
  for (int i = 0; i < 50; ++i) {
    state.submit(document(text(i)), "", [&](const std::string&) { ++answered; });
    const std::string seen = test::read_file(folder.file("s"));
    EXPECT_TRUE(seen.empty() || seen == text(seen[0] - 'a')) << seen.size();
    EXPECT_TRUE(loop.run_until([&] { return answered >= i; }));
  }
}

TEST(StateFile, WritesWhatWaitsBeforeItEnds) {
  const test::TemporaryFolder folder;
  TestLoop loop;
  {
    StateFile state(folder.file("s"), loop.post());
    state.submit(document("one"), "", [](const std::string&) {});
    state.submit(document("two"), "", [](const std::string&) {});
  }
  EXPECT_EQ(test::read_file(folder.file("s")), "two");
}

TEST(StateFile, SaysWhyItCannotBeWrittenAndTriesAgain) {
  const test::TemporaryFolder folder;
  TestLoop loop;
  StateFile state(folder.file("d/s"), loop.post());
  std::vector<std::string> problems;
  const auto note = [&](const std::string& problem) { problems.push_back(problem); };
  state.submit(document("one"), "", note);
  state.after_writes(note);
  EXPECT_TRUE(loop.run_until([&] { return problems.size() == 2; }));
  EXPECT_THAT(problems, testing::Each(HasSubstr("No such file or directory")));
  std::filesystem::create_directory(folder.file("d"));
  state.after_writes(note);
  EXPECT_TRUE(loop.run_until([&] { return problems.size() == 3; }));
  EXPECT_EQ(problems.back(), "");
  EXPECT_EQ(test::read_file(folder.file("d/s")), "one");
}

TEST(StateFile, IsOfOneProgramAtATime) {
  const test::TemporaryFolder folder;
  TestLoop loop;
  {
    StateFile first(folder.file("s"), loop.post());
    EXPECT_EQ(first.lock(), "");
    StateFile second(folder.file("s"), loop.post());
    EXPECT_EQ(second.lock(), folder.file("s") + " is the state of another process, which holds " +
                                 folder.file("s.lock"));
    StateFile other(folder.file("other"), loop.post());
    EXPECT_EQ(other.lock(), "");
  }
  StateFile third(folder.file("s"), loop.post());
  EXPECT_EQ(third.lock(), "");
}

TEST(StateFile, KeepsABrokenOneAndItsBackup) {
  const test::TemporaryFolder folder;
  folder.write("s", "broken");
  folder.write("s.bak", "good once");
  TestLoop loop;
  StateFile state(folder.file("s"), loop.post());
  state.keep_broken();
  int answered = 0;
  state.submit(document("one"), "", [&](const std::string&) { ++answered; });
  EXPECT_TRUE(loop.run_until([&] { return answered == 1; }));
  EXPECT_EQ(test::read_file(folder.file("s.broken")), "broken");
  EXPECT_EQ(test::read_file(folder.file("s.bak")), "good once");
  state.submit(document("two"), "", [&](const std::string&) { ++answered; });
  EXPECT_TRUE(loop.run_until([&] { return answered == 2; }));
  EXPECT_EQ(test::read_file(folder.file("s.broken")), "broken");
  EXPECT_EQ(test::read_file(folder.file("s.bak")), "one");
}

}  // namespace
}  // namespace httpteleport::service
