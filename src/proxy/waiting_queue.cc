#include "proxy/waiting_queue.h"

#include <algorithm>

namespace httpteleport::proxy {

bool WaitingQueue::try_add(Waiter& waiter, WaitFor wait_for) {
  if (length_ >= options_.length_max) {
    metrics_.queue_refused.add();
    return false;
  }
  waiter.deadline_ = loop_.now() + options_.timeout;
  waiter.wait_for_ = wait_for;
  list(wait_for).push_back(waiter);
  ++length_;
  metrics_.queue_length.add(1);
  metrics_.queue_waits.add();
  if (!timer_.is_set()) set_timer();
  if (options_.look_interval > Duration::zero() && !look_timer_.is_set())
    loop_.set_timer(look_timer_, options_.look_interval);
  return true;
}

void WaitingQueue::remove(Waiter& waiter) {
  if (!waiter.is_linked()) return;
  waiter.unlink();
  --length_;
  metrics_.queue_length.add(-1);
}

void WaitingQueue::on_turn_end() {
  for (const WaitFor wait_for : {WaitFor::kEndpoint, WaitFor::kSlot}) {
    while (!is_empty(wait_for) && list(wait_for).front().try_go_on()) {
    }
  }
}

void WaitingQueue::on_look() {
  if (length_ == 0) return;
  wake();
  loop_.set_timer(look_timer_, options_.look_interval);
}

// Fires for the deadline of whoever was first when it was set, who may be gone meanwhile.
void WaitingQueue::on_timer() {
  for (const WaitFor wait_for : {WaitFor::kEndpoint, WaitFor::kSlot}) {
    while (!is_empty(wait_for) && list(wait_for).front().deadline_ <= loop_.now()) {
      Waiter& waiter = list(wait_for).front();
      remove(waiter);
      metrics_.queue_refused.add();
      waiter.on_waited_too_long();
    }
  }
  set_timer();
}

void WaitingQueue::set_timer() {
  TimePoint first = TimePoint::max();
  for (IntrusiveList<Waiter>& waiting : lists_) {
    if (!waiting.empty()) first = std::min(first, waiting.front().deadline_);
  }
  if (first != TimePoint::max()) loop_.set_timer_at(timer_, first);
}

}  // namespace httpteleport::proxy
