#include "upstream/batch_schedule.h"

namespace httpteleport::upstream {

void BatchSchedule::schedule() {
  if (!has_work()) return;
  if (timing_.delay == Duration::zero() || queued_bytes() >= timing_.bytes) due_ = true;
  if (due_) {
    loop().at_turn_end(*this);
  } else if (!delay_timer_.is_set()) {
    loop().set_timer(delay_timer_, timing_.delay);
  }
}

void BatchSchedule::on_delay_over() {
  due_ = true;
  loop().at_turn_end(*this);
}

void BatchSchedule::on_turn_end() {
  if (connection_.is_write_blocked()) return;
  delay_timer_.cancel();
  due_ = false;  // perhaps all of it was taken back
  if (!has_work()) return;
  send_batch();
  due_ = has_work();
  if (due_) loop().at_next_turn(*this);
}

}  // namespace httpteleport::upstream
