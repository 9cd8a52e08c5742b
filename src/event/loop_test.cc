#include "event/loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace httpteleport::event {
namespace {

using namespace std::chrono_literals;

// Long enough that a turn which waits without reason shows as a test that hangs.
constexpr Duration kLong = 1h;

class SocketPair {
 public:
  SocketPair() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_), 0);
  }
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;
  ~SocketPair() {
    close(fds_[0]);
    close(fds_[1]);
  }
  int ours() const { return fds_[0]; }
  void peer_writes(std::string_view text) {
    EXPECT_EQ(write(fds_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void peer_ends() { EXPECT_EQ(shutdown(fds_[1], SHUT_WR), 0); }
  std::string read_ours() {
    char bytes[64];
    const ssize_t count = read(fds_[0], bytes, sizeof bytes);
    return count > 0 ? std::string(bytes, static_cast<size_t>(count)) : "";
  }

 private:
  int fds_[2] = {-1, -1};
};

class Handler final : public IoHandler {
 public:
  void on_ready(Readiness readiness) override {
    ++calls;
    last = readiness;
    if (action) action();
  }
  int calls = 0;
  Readiness last;
  std::function<void()> action;
};

class Task final : public TurnEndTask {
 public:
  explicit Task(std::function<void()> action) : action_(std::move(action)) {}
  void on_turn_end() override { action_(); }

 private:
  std::function<void()> action_;
};

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void()> action) : action_(std::move(action)) {}

 private:
  void fire() override { action_(); }
  std::function<void()> action_;
};

class Doomed final : public Deletable {
 public:
  explicit Doomed(std::function<void()> action) : action_(std::move(action)) {}
  ~Doomed() override { action_(); }

 private:
  std::function<void()> action_;
};

void spin_until(TimePoint time) {
  while (std::chrono::steady_clock::now() < time) {
  }
}

TEST(Loop, TellsABoundedNumberInOneTurnAndTheRestLater) {
  constexpr int kCount = 300;
  constexpr int kTurnMax = 256;
  Loop loop;
  Handler handler;
  std::vector<std::unique_ptr<SocketPair>> pairs;
  for (int i = 0; i < kCount; ++i) {
    pairs.push_back(std::make_unique<SocketPair>());
    ASSERT_TRUE(loop.watch(pairs.back()->ours(), handler));
  }
  loop.run_once(Duration::zero());
  EXPECT_EQ(handler.calls, kTurnMax);
  loop.run_once(Duration::zero());
  EXPECT_EQ(handler.calls, kCount);
  for (const auto& pair : pairs)
    loop.unwatch(pair->ours());
}

TEST(Loop, KeepsTheOrderOfATurn) {
  std::vector<std::string> order;
  const auto note = [&order](const char* what) {
    return [&order, what] { order.push_back(what); };
  };
  SocketPair sockets;
  Loop loop;
  Handler handler;
  Task task(note("turn end"));
  handler.action = [&] {
    order.push_back("ready");
    loop.delete_later(std::make_unique<Doomed>(note("deleted")));
    loop.at_turn_end(task);
  };
  TestTimer timer(note("timer"));
  loop.post(note("letter"));
  loop.set_timer(timer, 1us);
  ASSERT_TRUE(loop.watch(sockets.ours(), handler));
  spin_until(loop.now() + 2 * TimerWheel::kTick);
  loop.run_once(kLong);
  EXPECT_EQ(order, (std::vector<std::string>{"ready", "timer", "letter", "turn end", "deleted"}));
}

TEST(Loop, ReportsEachChangeOnce) {
  SocketPair sockets;
  Loop loop;
  Handler handler;
  ASSERT_TRUE(loop.watch(sockets.ours(), handler));
  loop.run_once(kLong);
  EXPECT_EQ(handler.calls, 1);
  EXPECT_TRUE(handler.last.writable);
  EXPECT_FALSE(handler.last.readable);

  sockets.peer_writes("abc");
  loop.run_once(kLong);
  EXPECT_EQ(handler.calls, 2);
  EXPECT_TRUE(handler.last.readable);
  EXPECT_FALSE(handler.last.peer_closed);
  // Nothing is read, nothing changes: no call.
  loop.run_once(Duration::zero());
  EXPECT_EQ(handler.calls, 2);

  sockets.peer_writes("def");
  loop.run_once(kLong);
  EXPECT_EQ(handler.calls, 3);
  EXPECT_EQ(sockets.read_ours(), "abcdef");

  sockets.peer_ends();
  loop.run_once(kLong);
  EXPECT_EQ(handler.calls, 4);
  EXPECT_TRUE(handler.last.peer_closed);
  EXPECT_FALSE(handler.last.failed);

  loop.unwatch(sockets.ours());
  loop.run_once(Duration::zero());
  EXPECT_EQ(handler.calls, 4);
}

TEST(Loop, ReportsWhatIsThereAgainAndAgainWhenWatchingTheLevel) {
  SocketPair sockets;
  Loop loop;
  Handler handler;
  ASSERT_TRUE(loop.watch_level(sockets.ours(), handler));
  loop.run_once(Duration::zero());
  EXPECT_EQ(handler.calls, 0);
  sockets.peer_writes("a");
  for (int turn = 1; turn <= 3; ++turn) {
    loop.run_once(kLong);
    EXPECT_EQ(handler.calls, turn);
  }
  EXPECT_EQ(sockets.read_ours(), "a");
  loop.run_once(Duration::zero());
  EXPECT_EQ(handler.calls, 3);
}

TEST(Loop, SaysWhenADescriptorCannotBeWatched) {
  Loop loop;
  Handler handler;
  const Result<void> watched = loop.watch(-1, handler);
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().code, Code::kSystem);
  EXPECT_EQ(watched.error().sys_errno, EBADF);
  SocketPair sockets;
  ASSERT_TRUE(loop.watch(sockets.ours(), handler));
  EXPECT_FALSE(loop.watch(sockets.ours(), handler));
}

TEST(Loop, LetsAHandlerUnwatchItself) {
  SocketPair sockets;
  Loop loop;
  Handler handler;
  handler.action = [&] { loop.unwatch(sockets.ours()); };
  ASSERT_TRUE(loop.watch(sockets.ours(), handler));
  loop.run_once(kLong);
  sockets.peer_writes("a");
  loop.run_once(Duration::zero());
  EXPECT_EQ(handler.calls, 1);
}

TEST(Loop, WaitsForATimerAndNotLonger) {
  Loop loop;
  bool fired = false;
  TestTimer timer([&] { fired = true; });
  const TimePoint due = loop.now() + 2ms;
  loop.set_timer_at(timer, due);
  int turns = 0;
  for (; !fired && turns < 10; ++turns)
    loop.run_once(kLong);
  EXPECT_TRUE(fired);
  EXPECT_GE(loop.now(), due);
  EXPECT_LE(turns, 2);
}

TEST(Loop, RunsATurnEndTaskOnceHoweverOftenItIsAskedFor) {
  Loop loop;
  std::vector<int> order;
  Task second([&] { order.push_back(2); });
  Task first([&] {
    order.push_back(1);
    loop.at_turn_end(second);  // in this turn still
  });
  loop.at_turn_end(first);
  loop.at_turn_end(first);
  loop.at_next_turn(first);
  loop.run_once(Duration::zero());
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  loop.run_once(Duration::zero());
  EXPECT_EQ(order.size(), 2u);
}

TEST(Loop, ForgetsATaskThatIsGone) {
  Loop loop;
  bool ran = false;
  {
    Task task([&] { ran = true; });
    loop.at_turn_end(task);
  }
  loop.run_once(Duration::zero());
  EXPECT_FALSE(ran);
}

TEST(Loop, DoesNotWaitInTheTurnThatWorkWasPutOffTo) {
  Loop loop;
  int runs = 0;
  Task task([&] {
    if (++runs < 5) loop.at_next_turn(task);
  });
  loop.at_turn_end(task);
  loop.run_once(Duration::zero());
  for (int turn = 2; turn <= 5; ++turn) {
    EXPECT_EQ(runs, turn - 1);
    loop.run_once(kLong);
  }
  EXPECT_EQ(runs, 5);
}

TEST(Loop, RunsWhatACallbackPutsOffBehindTheOtherTasksOfItsTurn) {
  SocketPair sockets;
  Loop loop;
  std::vector<std::string> order;
  const auto note = [&order](const char* what) {
    return [&order, what] { order.push_back(what); };
  };
  Task of_callback(note("callback's"));
  Task of_timer(note("timer's"));
  Task of_letter(note("letter's"));
  Task task(note("task"));
  Handler handler;
  handler.action = [&] {
    loop.at_next_turn(of_callback);
    loop.at_next_turn(of_callback);
    loop.at_turn_end(task);
  };
  TestTimer timer([&] { loop.at_next_turn(of_timer); });
  loop.set_timer(timer, 1us);
  loop.post([&] { loop.at_next_turn(of_letter); });
  ASSERT_TRUE(loop.watch(sockets.ours(), handler));
  spin_until(loop.now() + 2 * TimerWheel::kTick);
  loop.run_once(kLong);
  EXPECT_EQ(order, (std::vector<std::string>{"task", "callback's", "timer's", "letter's"}));
}

TEST(Loop, RunsInTheNextTurnWhatATaskPutsOff) {
  Loop loop;
  std::vector<int> order;
  Task put_off([&] { order.push_back(2); });
  Task task([&] {
    order.push_back(1);
    loop.at_next_turn(put_off);
  });
  loop.at_turn_end(task);
  loop.run_once(Duration::zero());
  EXPECT_EQ(order, std::vector<int>{1});
  loop.run_once(kLong);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(Loop, DestroysDoomedObjectsAtTheEndOfTheTurn) {
  Loop loop;
  std::vector<int> gone;
  loop.delete_later(nullptr);
  loop.delete_later(std::make_unique<Doomed>([&] {
    gone.push_back(1);
    loop.delete_later(std::make_unique<Doomed>([&] { gone.push_back(2); }));
  }));
  loop.post([&] { EXPECT_TRUE(gone.empty()); });
  EXPECT_TRUE(gone.empty());
  loop.run_once(kLong);
  EXPECT_EQ(gone, (std::vector<int>{1, 2}));
}

// One by one: a list that destroyed itself in depth would need a stack as deep as it is long.
TEST(Loop, DestroysManyObjects) {
  Loop loop;
  int gone = 0;
  for (int i = 0; i < 200'000; ++i)
    loop.delete_later(std::make_unique<Doomed>([&gone] { ++gone; }));
  loop.run_once(Duration::zero());
  EXPECT_EQ(gone, 200'000);
}

TEST(Loop, DestroysWhatIsDoomedWhenItIsDestroyed) {
  int gone = 0;
  {
    Loop loop;
    loop.delete_later(std::make_unique<Doomed>([&] { ++gone; }));
    loop.delete_later(std::make_unique<Doomed>([&] { ++gone; }));
  }
  EXPECT_EQ(gone, 2);
}

TEST(Loop, RunsLettersInOrderAndThoseOfALetterInTheNextTurn) {
  Loop loop;
  std::vector<int> order;
  loop.post([&] {
    order.push_back(1);
    loop.post([&] { order.push_back(3); });
  });
  loop.post([&] { order.push_back(2); });
  loop.run_once(kLong);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  loop.run_once(kLong);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Loop, WakesForALetterOfAnotherThread) {
  Loop loop;
  int delivered = 0;
  std::thread::id runner;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) {
      loop.post([&] {
        ++delivered;
        runner = std::this_thread::get_id();
      });
    }
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  other.join();
  EXPECT_EQ(delivered, 1000);
  EXPECT_EQ(runner, std::this_thread::get_id());
}

TEST(Loop, RunsAgainAfterItWasStopped) {
  Loop loop;
  int turns = 0;
  for (int i = 0; i < 2; ++i) {
    loop.post([&] {
      ++turns;
      loop.stop();
    });
    loop.run();
  }
  EXPECT_EQ(turns, 2);
}

TEST(Loop, GivesAllBlocksBack) {
  Loop loop;
  {
    BufferChain chain(loop.pool());
    chain.append("x");
    EXPECT_GT(loop.pool().bytes_in_use(), 0u);
  }
  EXPECT_EQ(loop.pool().bytes_in_use(), 0u);
  EXPECT_EQ(loop.read_buffer().size(), Loop::kReadBufferBytes);
}

}  // namespace
}  // namespace httpteleport::event
