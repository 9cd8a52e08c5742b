// When what waits for a link is sent: both versions of the link send in the same way.
#pragma once

#include "net/connection.h"

namespace httpteleport::upstream {

struct BatchTiming {
  Duration delay{};          // 0: a batch is what one loop turn brings
  size_t bytes = 64 * 1024;  // a batch that has grown to this waits no longer
};

// What waits is sent at the end of the turn if there is no delay, else when the delay is over or
// enough bytes wait. A connection that is write-blocked holds a batch back. Work that one batch
// does not take goes on in the next turn. The loop's thread.
class BatchSchedule : private event::TurnEndTask {
 public:
  // The connection outlives the schedule.
  BatchSchedule(net::Connection& connection, const BatchTiming& timing)
      : connection_(connection), timing_(timing) {}
  BatchSchedule(const BatchSchedule&) = delete;
  BatchSchedule& operator=(const BatchSchedule&) = delete;

  // The connection has room again (ConnectionHandler::on_write_unblocked).
  void on_write_unblocked() { schedule(); }

 protected:
  ~BatchSchedule() = default;

  // There is something to send now, perhaps.
  void schedule();
  net::Connection& connection() const { return connection_; }
  event::Loop& loop() const { return connection_.loop(); }

 private:
  virtual bool has_work() const = 0;
  virtual size_t queued_bytes() const = 0;
  // Makes one batch and gives it to the connection.
  virtual void send_batch() = 0;

  void on_delay_over();
  void on_turn_end() override;

  net::Connection& connection_;
  const BatchTiming timing_;
  bool due_ = false;
  event::MemberTimer<BatchSchedule, &BatchSchedule::on_delay_over> delay_timer_{*this};
};

}  // namespace httpteleport::upstream
