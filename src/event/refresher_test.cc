#include "event/refresher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "support/deadline.h"

namespace httpteleport::event {
namespace {

using namespace std::chrono_literals;

// What a job does, shared with threads that may outlive the test's refresher.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool closed = false;
  int permits = 0;  // so many may pass although it is closed
  int waiting = 0;

  void let_one_pass() {
    const std::lock_guard lock(mutex);
    ++permits;
    changed.notify_all();
  }
  void open() {
    const std::lock_guard lock(mutex);
    closed = false;
    changed.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.wait(lock, [this] { return !closed || permits > 0; });
    if (closed) --permits;
    --waiting;
  }
  int waiting_now() {
    const std::lock_guard lock(mutex);
    return waiting;
  }
};

class RefresherTest : public testing::Test {
 protected:
  struct Job final : RefreshJob {
    std::shared_ptr<Gate> gate = std::make_shared<Gate>();
    std::function<void()> told;  // on the loop's thread
    std::atomic<int> runs{0};
    std::atomic<int> ended{0};
    bool ends_when_cancelled = false;
    Duration again_after{};

    Outcome run() override {
      ++runs;
      gate->pass();
      ++ended;
      return {.letter = told, .again_after = again_after};
    }
    void cancel() override {
      if (ends_when_cancelled) gate->open();
    }
  };

  ~RefresherTest() override {
    for (const auto& job : jobs_)
      job->gate->open();
  }
  void start(const Refresher::Options& options) { refresher_.emplace(loop_, options); }
  // A job that counts what it tells.
  std::shared_ptr<Job> new_job() {
    auto job = std::make_shared<Job>();
    job->told = [this] { ++told_; };
    jobs_.push_back(job);
    return job;
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

  Loop loop_;
  int told_ = 0;
  std::vector<std::shared_ptr<Job>> jobs_;
  std::optional<Refresher> refresher_;
};

TEST_F(RefresherTest, RunsAJobAtOnceAndAgainAfterEachInterval) {
  start({.interval = 5ms});
  const auto job = new_job();
  refresher_->add(job);
  EXPECT_TRUE(run_until([&] { return told_ >= 3; }));
}

TEST_F(RefresherTest, RunsAJobAtOnceOnlyIfItIsAsked) {
  start({.interval = 10h});
  const auto now = new_job();
  const auto later = new_job();
  refresher_->add(later, false);
  refresher_->add(now);
  EXPECT_TRUE(run_until([&] { return told_ == 1; }));
  EXPECT_EQ(later->runs, 0);
}

TEST_F(RefresherTest, LetsAJobChooseWhenItRunsNext) {
  start({.interval = 10h});
  const auto job = new_job();
  job->again_after = 2ms;
  refresher_->add(job);
  EXPECT_TRUE(run_until([&] { return told_ >= 3; }));
}

TEST_F(RefresherTest, ForgetsWhatIsRemoved) {
  start({.interval = 2ms});
  const auto job = new_job();
  job->gate->closed = true;
  const Refresher::Id id = refresher_->add(job);
  ASSERT_TRUE(run_until([&] { return job->gate->waiting_now() == 1; }));
  refresher_->remove(id);
  refresher_->remove(id);
  job->gate->open();
  const auto other = new_job();
  refresher_->add(other);
  ASSERT_TRUE(run_until([&] { return other->runs >= 3; }));
  EXPECT_EQ(job->runs, 1);
  jobs_.erase(jobs_.begin());
  ASSERT_TRUE(run_until([&] { return job.use_count() == 1; }));
}

TEST_F(RefresherTest, IsNotHeldUpByJobsThatTakeLong) {
  start({.interval = 2ms, .threads_max = 3, .slow_after = 1ms});
  std::vector<std::shared_ptr<Job>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(new_job());
    slow.back()->gate->closed = true;
    refresher_->add(slow.back());
    // Found to be slow one after the other.
    ASSERT_TRUE(run_until([&] { return slow.back()->gate->waiting_now() == 1; }));
    const TimePoint since = loop_.now();
    ASSERT_TRUE(run_until([&] { return loop_.now() - since > 5ms; }));
    slow.back()->gate->let_one_pass();
    ASSERT_TRUE(run_until([&] { return slow.back()->ended == 1; }));
  }
  const auto all_waiting = [&] {
    int waiting = 0;
    for (const auto& job : slow)
      waiting += job->gate->waiting_now();
    return waiting;
  };
  ASSERT_TRUE(run_until([&] { return all_waiting() == 2; }));
  const auto quick = new_job();
  refresher_->add(quick);
  ASSERT_TRUE(run_until([&] { return quick->runs >= 5; }));
  EXPECT_LE(all_waiting(), 2);
}

TEST_F(RefresherTest, EndsWhileAJobHangs) {
  start({.interval = 2ms});
  const auto job = new_job();
  job->gate->closed = true;
  refresher_->add(job);
  ASSERT_TRUE(run_until([&] { return job->gate->waiting_now() == 1; }));
  refresher_.reset();
  job->gate->open();
  ASSERT_TRUE(run_until([&] { return job->ended == 1; }));
  loop_.run_once(1ms);
  EXPECT_EQ(told_, 0);
}

TEST_F(RefresherTest, CancelsJobsAndWaitsForThemIfItIsAsked) {
  start({.interval = 2ms, .wait_for_jobs = true});
  const auto job = new_job();
  job->gate->closed = true;
  job->ends_when_cancelled = true;
  refresher_->add(job);
  ASSERT_TRUE(run_until([&] { return job->gate->waiting_now() == 1; }));
  refresher_.reset();
  EXPECT_EQ(job->ended, 1);
}

TEST_F(RefresherTest, EndsWhileItWaits) {
  start({.interval = 10h});
  refresher_->add(new_job());
  ASSERT_TRUE(run_until([&] { return told_ == 1; }));
  refresher_.reset();
}

}  // namespace
}  // namespace httpteleport::event
