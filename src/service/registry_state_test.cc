#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "service/registry.h"
#include "service/test_registry.h"
#include "support/temporary_folder.h"

namespace httpteleport::service {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RegistryStateTest : public testing::Test {
 protected:
  StartConfig read() { return read_start_config({folder.file("state"), {}, {}}); }

  test::TemporaryFolder folder;
  TestLoop loop;
  FakeRuntime runtime;
  FakeListener listener;
  Answer answer;
};

TEST_F(RegistryStateTest, AnswersWhenTheChangeIsOnTheDisk) {
  StateFile state(folder.file("state"), loop.post());
  Registry registry(runtime, &state, {});
  registry.add_listener(listener);
  registry.start({});
  registry.put_service("web", R"({"address": ":80", "maintenance_mode": true,
      "backends": [{"name": "b", "address": "h:1", "state": "drain"}]})",
                       {}, answer.done());
  EXPECT_FALSE(answer.outcome);
  EXPECT_THAT(listener.heard, IsEmpty());
  ASSERT_TRUE(loop.run_until([&] { return answer.outcome.has_value(); }));
  EXPECT_TRUE(answer.outcome->ok());
  EXPECT_THAT(listener.heard, SizeIs(1));
  const StartConfig saved = read();
  EXPECT_THAT(saved.problems, IsEmpty());
  EXPECT_EQ(saved.version, 2);
  EXPECT_EQ(*saved.config.services.at("web"), *registry.find("web"));
}

TEST_F(RegistryStateTest, GoesOnWhereItWasAfterARestart) {
  {
    StateFile state(folder.file("state"), loop.post());
    Registry registry(runtime, &state, {});
    registry.start(read());
    registry.put_config(R"({"fall": 3, "services": [{"name": "a", "address": ":1"}]})", {},
                        answer.done());
  }
  StateFile state(folder.file("state"), loop.post());
  Registry registry(runtime, &state, {});
  EXPECT_TRUE(registry.start(read()).ok());
  EXPECT_EQ(registry.version(), 2);
  EXPECT_EQ(registry.config().globals.fall, 3);
  EXPECT_EQ(registry.find("a")->fall, 3);
}

TEST_F(RegistryStateTest, NeverAnswersAfterItsEnd) {
  StateFile state(folder.file("state"), loop.post());
  {
    Registry registry(runtime, &state, {});
    registry.start({});
    registry.put_service("a", "{}", {}, answer.done());
  }
  bool written = false;
  state.after_writes([&](const std::string&) { written = true; });
  EXPECT_TRUE(loop.run_until([&] { return written; }));
  EXPECT_FALSE(answer.outcome);
}

TEST_F(RegistryStateTest, SaysThatAChangeIsInForceButNotWritten) {
  StateFile state(folder.file("d/state"), loop.post());
  Registry registry(runtime, &state, {});
  registry.start({});
  registry.put_service("a", R"({"address": ":1"})", {}, answer.done());
  ASSERT_TRUE(loop.run_until([&] { return answer.outcome.has_value(); }));
  EXPECT_EQ(answer.outcome->kind, Outcome::Kind::kStateNotWritten);
  EXPECT_THAT(answer.outcome->message, HasSubstr("the change is in force, but will be lost"));
  EXPECT_NE(registry.find("a"), nullptr);
  // Asked for again, it is written.
  std::filesystem::create_directory(folder.file("d"));
  answer.outcome.reset();
  registry.put_service("a", R"({"address": ":1"})", {}, answer.done());
  ASSERT_TRUE(loop.run_until([&] { return answer.outcome.has_value(); }));
  EXPECT_TRUE(answer.outcome->ok());
  EXPECT_THAT(test::read_file(folder.file("d/state")), HasSubstr("\"_version\": 2"));
}

TEST_F(RegistryStateTest, KeepsABrokenStateFile) {
  folder.write("state", "{broken");
  StateFile state(folder.file("state"), loop.post());
  Registry registry(runtime, &state, {});
  const StartConfig start = read();
  EXPECT_TRUE(start.state_is_broken);
  registry.start(start);
  EXPECT_EQ(test::read_file(folder.file("state")), "{broken");
  registry.put_service("a", R"({"address": ":1"})", {}, answer.done());
  ASSERT_TRUE(loop.run_until([&] { return answer.outcome.has_value(); }));
  EXPECT_EQ(test::read_file(folder.file("state.broken")), "{broken");
  EXPECT_THAT(read().problems, IsEmpty());
}

TEST_F(RegistryStateTest, KeepsAStateThatCouldNotBeCarriedOut) {
  const char text[] = R"({"_version": 5, "services": [{"name": "a", "address": ":1"}]})";
  folder.write("state", text);
  StateFile state(folder.file("state"), loop.post());
  Registry registry(runtime, &state, {});
  runtime.refusal = Problem{"a", "address=\":1\": address already in use"};
  EXPECT_FALSE(registry.start(read()).ok());
  runtime.refusal.reset();
  registry.put_service("b", R"({"address": ":2"})", {}, answer.done());
  ASSERT_TRUE(loop.run_until([&] { return answer.outcome.has_value(); }));
  EXPECT_EQ(test::read_file(folder.file("state.broken")), text);
}

TEST_F(RegistryStateTest, ReadsTheStateOfTheOlderProgram) {
  folder.write("state", R"({"check_interval": 0, "fall": 0, "services": [
      {"name": "old", "address": "127.0.0.1:9000", "network": "tcp", "balance": "RR",
       "check_interval": 2000, "fall": 2, "rise": 2, "backends": [
          {"name": "b", "address": "127.0.0.1:9001", "check_address": "", "weight": 1}]}]})");
  Registry registry(runtime, nullptr, {});
  EXPECT_TRUE(registry.start(read()).ok());
  EXPECT_EQ(registry.find("old")->check_interval, 2000);
  EXPECT_EQ(registry.version(), 1);
}

}  // namespace
}  // namespace httpteleport::service
