// Timers and letters between threads.
#include <memory>
#include <vector>

#include "event/mailbox.h"
#include "event/timer.h"
#include "micro/costs.h"

namespace httpteleport::bench {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1000h};

struct Waiting {
  void on_time() { ++fired; }
  uint64_t fired = 0;
  event::MemberTimer<Waiting, &Waiting::on_time> timer{*this};
};

// A wheel that holds so many timers, seconds to minutes away, as idle connections have them.
class Wheel {
 public:
  explicit Wheel(int64_t others) {
    for (int64_t i = 0; i < others; ++i) {
      others_.push_back(std::make_unique<Waiting>());
      wheel.set(others_.back()->timer, kStart + 10s + i * 7ms);
    }
  }

  event::TimerWheel wheel{kStart};

 private:
  std::vector<std::unique_ptr<Waiting>> others_;
};

void BM_TimerSetAndCancel(benchmark::State& state) {
  Wheel others(state.range(0));
  Waiting waiting;
  Costs costs(state);
  for (auto _ : state) {
    others.wheel.set(waiting.timer, kStart + 3s);
    waiting.timer.cancel();
  }
  costs.done();
}
BENCHMARK(BM_TimerSetAndCancel)->ArgName("others")->Arg(0)->Arg(10'000);

// Put off before it is due, as an idle timeout is by every request.
void BM_TimerSetAgain(benchmark::State& state) {
  Wheel others(state.range(0));
  Waiting waiting;
  Duration after = 3s;
  Costs costs(state);
  for (auto _ : state) {
    others.wheel.set(waiting.timer, kStart + after);
    after += 1us;
  }
  costs.done();
}
BENCHMARK(BM_TimerSetAgain)->ArgName("others")->Arg(0)->Arg(10'000);

// A timer a turn, turns of so many microseconds; the time of the turn is asked for too.
void BM_TimerFire(benchmark::State& state) {
  event::TimerWheel wheel{kStart};
  Waiting waiting;
  TimePoint now = kStart;
  const Duration turn = std::chrono::microseconds(state.range(0));
  Costs costs(state);
  for (auto _ : state) {
    wheel.set(waiting.timer, now + turn);
    benchmark::DoNotOptimize(wheel.next_expiry());
    now += turn + event::TimerWheel::kTick;
    wheel.advance(now);
  }
  costs.done();
  check(waiting.fired == static_cast<uint64_t>(state.iterations()), "a timer did not fire");
}
BENCHMARK(BM_TimerFire)->ArgName("us")->Arg(100)->Arg(5000)->Arg(1'000'000);

// A turn of 50 us in which no timer is due, among 10,000 that are set.
void BM_TimerAdvanceIdle(benchmark::State& state) {
  TimePoint now = kStart;
  auto others = std::make_unique<Wheel>(10'000);
  Costs costs(state);
  for (auto _ : state) {
    now += 50us;
    others->wheel.advance(now);
    benchmark::DoNotOptimize(others->wheel.next_expiry());
  }
  costs.done();
}
// Short of the first timer's time.
BENCHMARK(BM_TimerAdvanceIdle)->Iterations(190'000);

// An operation is one letter, so many to a delivery.
void BM_Mailbox(benchmark::State& state) {
  event::Mailbox mailbox;
  uint64_t delivered = 0;
  const auto letters = static_cast<benchmark::IterationCount>(state.range(0));
  Costs costs(state);
  while (state.KeepRunningBatch(letters)) {
    for (benchmark::IterationCount i = 0; i < letters; ++i)
      mailbox.post([&delivered] { ++delivered; });
    mailbox.deliver();
  }
  costs.done();
  check(delivered == static_cast<uint64_t>(state.iterations()), "a letter was lost");
}
BENCHMARK(BM_Mailbox)->ArgName("letters")->Arg(1)->Arg(16);

}  // namespace
}  // namespace httpteleport::bench
