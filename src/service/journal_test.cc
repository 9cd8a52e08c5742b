#include "service/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "service/start.h"
#include "service/test_registry.h"
#include "service/whole_file.h"
#include "support/temporary_folder.h"

namespace httpteleport::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<const ServiceConfig> service(const std::string& name, int64_t fall) {
  ServiceConfig config;
  config.name = name;
  config.fall = fall;
  config.error_pages = {{"text:<&>\n", {503}}};  // still one line
  config.backends.resize(1);
  config.backends.front().name = "b";
  config.backends.front().address = "h:1";
  config.backends.front().state = "drain";
  return std::make_shared<const ServiceConfig>(config);
}

class JournalTest : public testing::Test {
 protected:
  // A state file of version 1 with services a and b, and an empty journal.
  void SetUp() override {
    write(1);
    journal.restart();
    ASSERT_TRUE(journal.is_open());
  }
  void write(uint64_t version) {
    ConfigText text;
    text.put(*before);
    text.put(*gone);
    ASSERT_EQ(write_whole(path, text.state_document({}, version), Replaced::kDrop), "");
  }
  // Version 2.
  std::string change() const {
    const std::vector<ServiceChange> changes = {{before, after}, {gone, nullptr}, {nullptr, added}};
    Globals globals;
    globals.rise = 7;
    return journal_lines(globals, 2, changes);
  }
  StartConfig read() const { return read_start_config({path, {}, {}}); }

  test::TemporaryFolder folder;
  const std::string path = folder.file("state");
  const std::shared_ptr<const ServiceConfig> before = service("a", 2);
  const std::shared_ptr<const ServiceConfig> after = service("a", 3);
  const std::shared_ptr<const ServiceConfig> gone = service("b", 2);
  const std::shared_ptr<const ServiceConfig> added = service("c", 4);
  Journal journal{path};
};

TEST_F(JournalTest, LeadsFromTheStateFileToTheLastChange) {
  ASSERT_TRUE(journal.append(change()));
  ASSERT_TRUE(journal.append(journal_lines({}, 3, std::vector<ServiceChange>{{nullptr, gone}})));
  const StartConfig start = read();
  EXPECT_THAT(start.problems, IsEmpty());
  EXPECT_THAT(start.warnings, IsEmpty());
  EXPECT_EQ(start.version, 3u);
  EXPECT_EQ(start.config.globals, Globals());
  ASSERT_EQ(start.config.services.size(), 3u);
  EXPECT_EQ(*start.config.services.at("a"), *after);
  EXPECT_EQ(*start.config.services.at("b"), *gone);
  EXPECT_EQ(*start.config.services.at("c"), *added);
}

TEST_F(JournalTest, LeavesOutAChangeThatIsNotWhole) {
  const std::string lines = change();
  for (size_t cut = 0; cut <= lines.size(); ++cut) {
    journal.restart();
    ASSERT_TRUE(journal.append(lines.substr(0, cut)));
    const StartConfig start = read();
    ASSERT_THAT(start.problems, IsEmpty());
    ASSERT_EQ(start.version, cut == lines.size() ? 2u : 1u) << cut;
    ASSERT_EQ(start.config.services.contains("b"), cut < lines.size());
    ASSERT_EQ(start.config.globals.rise, cut < lines.size() ? 0 : 7);
  }
}

TEST_F(JournalTest, IsNotUsedWithAnotherStateFile) {
  ASSERT_TRUE(journal.append(change()));
  write(1);
  std::filesystem::last_write_time(path, std::filesystem::file_time_type());
  const StartConfig start = read();
  EXPECT_EQ(start.version, 1u);
  EXPECT_THAT(start.warnings, ElementsAre(HasSubstr("left out")));
}

// As it is when the program is killed between the two.
TEST_F(JournalTest, IsPassedOverInSilenceWhenTheStateFileHasItsChanges) {
  ASSERT_TRUE(journal.append(change()));
  write(2);
  std::filesystem::last_write_time(path, std::filesystem::file_time_type());
  const StartConfig start = read();
  EXPECT_EQ(start.version, 2u);
  EXPECT_THAT(start.warnings, IsEmpty());
}

TEST_F(JournalTest, GoesWhenItIsRemoved) {
  journal.remove();
  EXPECT_FALSE(journal.is_open());
  EXPECT_FALSE(std::filesystem::exists(path + ".journal"));
}

// Services "s0" to "s999", or so many of them, with that many failed checks.
std::string many_services(int count, int fall) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    all += (i == 0 ? "" : ",") + std::string(R"({"name": "s)") + std::to_string(i) +
           R"(", "fall": )" + std::to_string(fall) +
           R"(, "backends": [{"name": "b", "address": "h:1"}]})";
  }
  return R"({"services": [)" + all + "]}";
}

TEST(StateJournal, IsNeverLongerThanAQuarterOfTheStateFile) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("state");
  FakeRuntime runtime;
  TestLoop loop;
  StateFile state(path, loop.post());
  Registry registry(runtime, &state, {});
  registry.start({});
  uintmax_t longest = 0;
  for (int i = 0; i < 10; ++i) {
    Answer answer;
    registry.put_config(many_services(i == 0 ? 1000 : 200, 10 + i), {}, answer.done());
    ASSERT_TRUE(loop.run_until([&] { return answer.outcome.has_value(); }));
    const uintmax_t bytes = std::filesystem::file_size(path + ".journal");
    longest = std::max(longest, bytes);
    // Its first line beside.
    EXPECT_LE(bytes, std::filesystem::file_size(path) / 4 + 100);
  }
  EXPECT_GT(longest, 1000u);
  EXPECT_GT(check_config_text(test::read_file(path), {}).version, 2u);
}

// Large enough that changes are journaled.
TEST(StateJournal, KeepsEveryChangeOfALargeConfigurationFromItsAnswerOn) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("state");
  FakeRuntime runtime;
  TestLoop loop;
  {
    StateFile state(path, loop.post());
    Registry registry(runtime, &state, {});
    registry.start({});
    for (int i = 0; i < 20; ++i) {
      Answer answer;
      const std::string json =
          i == 0 ? many_services(1000, 2)
                 : R"({"services": [{"name": "s7", "fall": )" + std::to_string(i + 10) + "}]}";
      registry.put_config(json, {}, answer.done());
      ASSERT_TRUE(loop.run_until([&] { return answer.outcome.has_value(); }));
      ASSERT_EQ(answer.outcome->message, "");
      const StartConfig now = read_start_config({path, {}, {}});
      ASSERT_EQ(now.version, registry.version());
      ASSERT_EQ(*now.config.services.at("s7"), *registry.find("s7"));
    }
    EXPECT_TRUE(std::filesystem::exists(path + ".journal"));
  }
  EXPECT_FALSE(std::filesystem::exists(path + ".journal"));
  EXPECT_EQ(check_config_text(test::read_file(path), {}).version, 21u);
}

}  // namespace
}  // namespace httpteleport::service
