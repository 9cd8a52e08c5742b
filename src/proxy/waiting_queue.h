// Exchanges that wait for their turn when a worker, or every endpoint, has as much to do as it may.
#pragma once

#include <array>

#include "base/intrusive_list.h"
#include "event/loop.h"
#include "metrics/worker_metrics.h"

namespace httpteleport::proxy {

// What an exchange waits for.
enum class WaitFor : uint8_t {
  kSlot,      // fewer exchanges on this worker
  kEndpoint,  // fewer exchanges at an endpoint; it has a slot already
};

class Waiter : public IntrusiveNode {
 protected:
  virtual ~Waiter() = default;

 private:
  friend class WaitingQueue;

  // Goes on if that is possible now, and has left the queue then.
  virtual bool try_go_on() = 0;
  // Has waited too long; has left the queue.
  virtual void on_waited_too_long() = 0;

  TimePoint deadline_{};
  WaitFor wait_for_ = WaitFor::kSlot;
};

// One a worker, whatever configuration its exchanges began under. First come, first served, among
// those who wait for the same. Those who wait for an endpoint have slots that the others need, so
// they are served first. All calls are O(1); waking one waiter costs what its going on costs.
class WaitingQueue final : private event::TurnEndTask {
 public:
  struct Options {
    size_t length_max = 1024;  // more are refused at once
    Duration timeout = std::chrono::seconds(1);
    // How often it is looked whether somebody can go on whom nobody wakes, because what has ended
    // was another worker's, or because time has passed; 0: never.
    Duration look_interval{};
  };

  WaitingQueue(event::Loop& loop, metrics::WorkerMetrics& metrics, const Options& options)
      : loop_(loop), metrics_(metrics), options_(options) {}

  // For those who come from now on.
  void set_options(const Options& options) { options_ = options; }

  // False when too many wait already, which is counted as a refusal.
  bool try_add(Waiter& waiter, WaitFor wait_for);
  // Nothing happens if it does not wait.
  void remove(Waiter& waiter);
  bool is_empty(WaitFor wait_for) { return list(wait_for).empty(); }
  // Something has ended: lets whoever can go on do so, at the end of the turn.
  void wake() {
    if (length_ > 0) loop_.at_turn_end(*this);
  }

 private:
  IntrusiveList<Waiter>& list(WaitFor wait_for) { return lists_[static_cast<size_t>(wait_for)]; }
  void on_turn_end() override;
  void on_timer();
  void set_timer();
  void on_look();

  event::Loop& loop_;
  metrics::WorkerMetrics& metrics_;
  Options options_;
  std::array<IntrusiveList<Waiter>, 2> lists_;  // by WaitFor; each in the order of deadlines
  size_t length_ = 0;
  event::MemberTimer<WaitingQueue, &WaitingQueue::on_timer> timer_{*this};
  event::MemberTimer<WaitingQueue, &WaitingQueue::on_look> look_timer_{*this};
};

}  // namespace httpteleport::proxy
