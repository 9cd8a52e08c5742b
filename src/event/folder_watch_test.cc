#include "event/folder_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "support/deadline.h"
#include "support/temporary_folder.h"

namespace httpteleport::event {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class FolderWatchTest : public testing::Test {
 protected:
  // Without polling, unless told otherwise.
  void start(Duration poll_interval = 10h, std::string folder = "") {
    watch_ = std::make_unique<FolderWatch>(
        loop_, folder.empty() ? folder_.path() : folder,
        FolderWatch::Options{.quiet_time = 20ms, .poll_interval = poll_interval},
        [this] { ++calls_; });
  }
  template <class Condition>
  bool run_until(Condition&& condition) {
    const test::Deadline deadline = test::after();
    while (!condition()) {
      if (test::Clock::now() >= deadline) return false;
      loop_.run_once(1ms);
    }
    return true;
  }
  bool run_until_called() {
    const int before = calls_;
    return run_until([&] { return calls_ > before; });
  }
  void run_for(Duration time) {
    const TimePoint start = loop_.now();
    EXPECT_TRUE(run_until([&] { return loop_.now() - start > time; }));
  }

  const test::TemporaryFolder folder_;
  Loop loop_;
  int calls_ = 0;
  std::unique_ptr<FolderWatch> watch_;
};

TEST_F(FolderWatchTest, TellsOfFilesThatComeChangeAndGo) {
  start();
  ASSERT_TRUE(watch_->is_told());
  const std::string file = folder_.write("a", "1");
  ASSERT_TRUE(run_until_called());
  folder_.write("a", "2");
  ASSERT_TRUE(run_until_called());
  fs::rename(file, folder_.file("b"));
  ASSERT_TRUE(run_until_called());
  fs::create_symlink("b", folder_.file("link"));
  ASSERT_TRUE(run_until_called());
  fs::remove(folder_.file("b"));
  ASSERT_TRUE(run_until_called());
  run_for(50ms);
  EXPECT_EQ(calls_, 5);
}

TEST_F(FolderWatchTest, TellsOnceOfManyChangesInARow) {
  start();
  for (int i = 0; i < 300; ++i)
    folder_.write("f" + std::to_string(i), "x");
  ASSERT_TRUE(run_until_called());
  run_for(50ms);
  EXPECT_EQ(calls_, 1);
}

TEST_F(FolderWatchTest, DoesNotWaitForQuietForEver) {
  start();
  const test::Deadline deadline = test::after();
  while (calls_ == 0 && test::Clock::now() < deadline) {
    folder_.write("a", "x");
    loop_.run_once(1ms);
  }
  EXPECT_EQ(calls_, 1);
}

TEST_F(FolderWatchTest, AsksToLookWhereNothingIsTold) {
  start(5ms, folder_.file("none"));
  EXPECT_FALSE(watch_->is_told());
  ASSERT_TRUE(run_until_called());
  fs::create_directory(folder_.file("none"));
  EXPECT_TRUE(run_until([&] { return watch_->is_told(); }));
}

TEST_F(FolderWatchTest, FollowsAFolderThatIsReplaced) {
  const std::string folder = folder_.file("it");
  fs::create_directory(folder);
  start(5ms, folder);
  EXPECT_TRUE(watch_->is_told());
  fs::remove(folder);
  ASSERT_TRUE(run_until([&] { return !watch_->is_told(); }));
  fs::create_directory(folder);
  EXPECT_TRUE(run_until([&] { return watch_->is_told(); }));
}

TEST_F(FolderWatchTest, MayEndInsideItsCall) {
  watch_ = std::make_unique<FolderWatch>(loop_, folder_.path(),
                                         FolderWatch::Options{.quiet_time = 1ms}, [this] {
                                           ++calls_;
                                           watch_.reset();
                                         });
  folder_.write("a", "1");
  ASSERT_TRUE(run_until_called());
  folder_.write("a", "2");
  run_for(10ms);
  EXPECT_EQ(calls_, 1);
}

}  // namespace
}  // namespace httpteleport::event
