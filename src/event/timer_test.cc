#include "event/timer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace httpteleport::event {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1000h};
constexpr Duration kTick = TimerWheel::kTick;
constexpr Duration kDay = 24h;
// The span of all levels: 64^6 ticks, about 79 days.
constexpr Duration kSpan = kTick * (int64_t{1} << 36);

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void()> action) : action_(std::move(action)) {}

 private:
  void fire() override {
    EXPECT_FALSE(is_set());
    action_();
  }
  std::function<void()> action_;
};

// A wheel, the made-up time, and what has fired.
class TimerWheelTest : public testing::Test {
 protected:
  std::unique_ptr<TestTimer> recorder(int id) {
    return std::make_unique<TestTimer>([this, id] { fired.push_back(id); });
  }
  void advance_to(TimePoint time) {
    now = time;
    wheel.advance(now);
  }
  // Advances as a loop does: only when the wheel asks for it.
  void advance_by_expiries(TimePoint until) {
    while (true) {
      const auto next = wheel.next_expiry();
      if (!next || *next > until) return;
      ASSERT_GT(*next, now);
      advance_to(*next);
    }
  }

  TimePoint now = kStart;
  TimerWheel wheel{kStart};
  std::vector<int> fired;
};

TEST_F(TimerWheelTest, FiresNeverEarlyAndAtMostATickLate) {
  for (const Duration after :
       {Duration(1),  kTick - 1ns, kTick,         kTick + 1ns,   63 * kTick,
        64 * kTick,   65 * kTick,  4095 * kTick,  4096 * kTick,  Duration(1s),
        Duration(1h), kDay,        30 * kDay,     kSpan - kTick, kSpan - 1ns,
        kSpan,        kSpan + 1ns, kSpan + kTick, 2 * kSpan,     3 * kSpan + 17 * kTick,
        3650 * kDay}) {
    SCOPED_TRACE(after.count());
    fired.clear();
    const TimePoint when = now + after;
    auto timer = recorder(1);
    wheel.set(*timer, when);
    EXPECT_TRUE(timer->is_set());
    // Right before, it is quiet; the wheel asks for nothing later than the timer.
    while (true) {
      const auto next = wheel.next_expiry();
      ASSERT_TRUE(next);
      ASSERT_LT(*next, when + kTick);
      if (*next >= when) break;
      advance_to(*next);
      ASSERT_TRUE(fired.empty());
    }
    advance_to(when - 1ns);
    EXPECT_TRUE(fired.empty());
    advance_to(when + kTick);
    EXPECT_EQ(fired, std::vector<int>{1});
    EXPECT_FALSE(timer->is_set());
    EXPECT_EQ(wheel.next_expiry(), std::nullopt);
  }
}

TEST_F(TimerWheelTest, FiresOnceHoweverFarTheTimeJumps) {
  auto near = recorder(1);
  auto far = recorder(2);
  wheel.set(*near, now + 1ms);
  wheel.set(*far, now + 100 * kDay);
  advance_to(now + 1000 * kDay);
  EXPECT_EQ(fired, (std::vector<int>{1, 2}));
  advance_to(now + 1000 * kDay);
  EXPECT_EQ(fired.size(), 2u);
}

TEST_F(TimerWheelTest, FiresWhatIsPastOnTheNextTick) {
  advance_to(now + 10s);
  auto timer = recorder(1);
  wheel.set(*timer, kStart - 5s);
  advance_to(now);
  EXPECT_TRUE(fired.empty());
  ASSERT_TRUE(wheel.next_expiry());
  EXPECT_LE(*wheel.next_expiry(), now + kTick);
  advance_to(now + kTick);
  EXPECT_EQ(fired, std::vector<int>{1});
}

TEST_F(TimerWheelTest, FiresInTheOrderOfTicks) {
  std::vector<std::unique_ptr<TestTimer>> timers;
  const int64_t kTicks[] = {5000, 3, 64, 63, 4096, 1, 4097, 65, 262'144, 128, 2};
  std::vector<int> want;
  for (const int64_t ticks : kTicks) {
    timers.push_back(recorder(static_cast<int>(ticks)));
    wheel.set(*timers.back(), now + ticks * kTick);
    want.push_back(static_cast<int>(ticks));
  }
  std::sort(want.begin(), want.end());
  advance_to(now + 1h);
  EXPECT_EQ(fired, want);
}

TEST_F(TimerWheelTest, ForgetsATimerThatIsCancelledDestroyedOrSetAgain) {
  auto cancelled = recorder(1);
  auto destroyed = recorder(2);
  auto moved = recorder(3);
  for (TestTimer* timer : {cancelled.get(), destroyed.get(), moved.get()})
    wheel.set(*timer, now + 1s);
  cancelled->cancel();
  cancelled->cancel();
  EXPECT_FALSE(cancelled->is_set());
  destroyed.reset();
  wheel.set(*moved, now + 5s);
  advance_to(now + 2s);
  EXPECT_TRUE(fired.empty());
  advance_to(now + 4s);
  EXPECT_EQ(fired, std::vector<int>{3});
  EXPECT_EQ(wheel.next_expiry(), std::nullopt);
}

// Both are due in the same tick: the first to fire takes the others out.
TEST_F(TimerWheelTest, LetsATimerCancelOrDestroyOthersOfItsTick) {
  auto cancelled = recorder(2);
  auto destroyed = recorder(3);
  auto moved = recorder(4);
  TestTimer first([&] {
    fired.push_back(1);
    cancelled->cancel();
    destroyed.reset();
    wheel.set(*moved, now + 1s);
  });
  wheel.set(first, now + 1s);
  for (TestTimer* timer : {cancelled.get(), destroyed.get(), moved.get()})
    wheel.set(*timer, now + 1s);
  advance_to(now + 1s);
  EXPECT_EQ(fired, std::vector<int>{1});
  advance_to(now + 1s);
  EXPECT_EQ(fired, (std::vector<int>{1, 4}));
}

TEST_F(TimerWheelTest, LetsATimerSetItselfAgain) {
  int count = 0;
  TimePoint due = now;
  std::unique_ptr<TestTimer> periodic;
  periodic = std::make_unique<TestTimer>([&] {
    ++count;
    due += 10ms;
    wheel.set(*periodic, due);
  });
  due += 10ms;
  wheel.set(*periodic, due);
  for (int i = 0; i < 1000; ++i)
    advance_to(now + 1ms);
  EXPECT_EQ(count, 100);
  EXPECT_EQ(due, kStart + 1010ms);
  // One jump over many periods gives each of them its turn.
  advance_to(now + 1s);
  EXPECT_EQ(count, 200);
}

TEST_F(TimerWheelTest, ConsidersATimerSetByAnotherFromTheNextTickOn) {
  auto second = recorder(2);
  TestTimer first([&] {
    fired.push_back(1);
    wheel.set(*second, kStart);
    EXPECT_TRUE(second->is_set());
  });
  wheel.set(first, now + 5 * kTick);
  advance_to(now + 5 * kTick);
  EXPECT_EQ(fired, std::vector<int>{1});
  advance_to(now + kTick);
  EXPECT_EQ(fired, (std::vector<int>{1, 2}));
}

TEST_F(TimerWheelTest, IgnoresATimeThatGoesBack) {
  auto timer = recorder(1);
  advance_to(now + 1s);
  wheel.set(*timer, now + 1s);
  wheel.advance(now - 500ms);
  wheel.advance(kStart - 1h);
  EXPECT_TRUE(fired.empty());
  advance_to(now + 1s);
  EXPECT_EQ(fired, std::vector<int>{1});
}

class Owner {
 public:
  void on_timer() { ++count; }
  int count = 0;
  MemberTimer<Owner, &Owner::on_timer> timer{*this};
};

TEST_F(TimerWheelTest, CallsAMemberFunction) {
  Owner owner;
  wheel.set(owner.timer, now + 1ms);
  advance_to(now + 1ms);
  EXPECT_EQ(owner.count, 1);
}

// A wheel against a sorted list: timers are set, cancelled and fired at random, near and far.
class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed) {
    for (int id = 0; id < 64; ++id)
      timers_.push_back(std::make_unique<TestTimer>([this, id] { fired_.push_back(id); }));
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      const int id = static_cast<int>(random_() % timers_.size());
      TestTimer& timer = *timers_[static_cast<size_t>(id)];
      switch (random_() % 8) {
        case 0:
          timer.cancel();
          expiries_.erase(id);
          break;
        case 1:
          advance(now_ + random_delay());
          break;
        case 2:
          if (const auto next = wheel_.next_expiry()) advance(*next);
          break;
        default:
          set(id, timer, now_ + random_delay() - (random_() % 8 == 0 ? 1s : 0s));
          break;
      }
      check_next_expiry();
    }
  }

 private:
  // Every magnitude is as likely as any other, up to some 100 days.
  Duration random_delay() {
    const auto bits = random_() % 54;
    return Duration(static_cast<int64_t>(random_() & ((uint64_t{1} << bits) - 1)));
  }
  int64_t tick_now() const { return (now_ - kStart) / kTick; }

  void set(int id, TestTimer& timer, TimePoint when) {
    wheel_.set(timer, when);
    const int64_t rounded_up = (when - kStart + kTick - 1ns) / kTick;
    expiries_[id] = std::max(rounded_up, tick_now() + 1);
  }

  void advance(TimePoint to) {
    now_ = to;
    fired_.clear();
    wheel_.advance(now_);
    std::vector<int> want;
    for (const auto& [id, tick] : expiries_) {
      if (tick <= tick_now()) want.push_back(id);
    }
    EXPECT_TRUE(std::is_sorted(fired_.begin(), fired_.end(),
                               [this](int a, int b) { return expiries_[a] < expiries_[b]; }));
    for (const int id : want)
      expiries_.erase(id);
    std::sort(fired_.begin(), fired_.end());
    EXPECT_EQ(fired_, want);
  }

  void check_next_expiry() {
    const auto next = wheel_.next_expiry();
    ASSERT_EQ(next.has_value(), !expiries_.empty());
    if (!next) return;
    int64_t earliest = INT64_MAX;
    for (const auto& [id, tick] : expiries_)
      earliest = std::min(earliest, tick);
    EXPECT_LE(*next, kStart + earliest * kTick);
    EXPECT_GT(*next, now_);
  }

  std::mt19937_64 random_;
  TimePoint now_ = kStart;
  TimerWheel wheel_{kStart};
  std::vector<std::unique_ptr<TestTimer>> timers_;
  std::map<int, int64_t> expiries_;  // in ticks, of the timers that are set
  std::vector<int> fired_;
};

TEST(TimerWheelModel, AgreesWithASortedListWhateverIsDone) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model(seed).run(2000);
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace httpteleport::event
