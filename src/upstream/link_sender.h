// The send side of a teleport link: when a batch is due, and how it gets onto the connection.
//
// Both ends of a link send in the same way, so proxy/teleport_session uses this too. One sender
// serves one connection, from the time it may carry messages; a link that connects anew makes
// another. The loop's thread.
#pragma once

#include "metrics/worker_metrics.h"
#include "net/connection.h"
#include "teleport/v0/batch_writer.h"

namespace httpteleport::upstream {

// What a sender tells its owner, at the end of a turn. Neither may destroy the sender.
class BatchEvents {
 public:
  // `frame` is on its way, at least in part, and cannot be taken back. It has no message any more,
  // and may be destroyed.
  virtual void on_frame_begun(teleport::v0::OutgoingFrame& /*frame*/) {}
  // A batch is with the connection; comes after its frames have been told.
  virtual void on_batch_sent() = 0;

 protected:
  ~BatchEvents() = default;
};

// Messages wait for others until a batch is due: at the end of the turn if there is no delay, else
// when the delay is over or `batch_bytes` wait. A connection that is write-blocked holds a batch
// back. Work over BatchWriter::kPlainBytesPerStep goes on in the next turn.
class LinkSender final : private event::TurnEndTask {
 public:
  struct Options {
    compress::Settings compression;
    Duration batch_delay{};          // 0: a batch is what one loop turn brings
    size_t batch_bytes = 64 * 1024;  // a batch that has grown to this waits no longer
  };

  // The references outlive the sender.
  LinkSender(net::Connection& connection, metrics::LinkMetrics& metrics, BatchEvents& events,
             const Options& options);

  // Queues `frame`, which stays the caller's and must live until it has begun or is unlinked, which
  // takes it back. Nothing is sent or told inside the call.
  void add(teleport::v0::OutgoingFrame& frame);
  // The same for a message that is never taken back, and of which nothing is told. It is empty
  // afterwards.
  void add_message(uint32_t id, BufferChain&& message);
  // The connection has room again (ConnectionHandler::on_write_unblocked).
  void on_write_unblocked() { schedule(); }

  // Messages wait, or the rest of one that has begun does.
  bool has_work() const { return writer_.has_work(); }
  // Bytes that wait, with what each message costs beside them.
  size_t queued_memory() const { return writer_.queued_memory(); }

 private:
  void schedule();
  void on_delay_over();
  void on_turn_end() override;
  void send_batch();
  event::Loop& loop() { return connection_.loop(); }

  net::Connection& connection_;
  metrics::LinkMetrics& metrics_;
  BatchEvents& events_;
  const Duration batch_delay_;
  const size_t batch_bytes_;
  teleport::v0::BatchWriter writer_;
  bool due_ = false;
  event::MemberTimer<LinkSender, &LinkSender::on_delay_over> delay_timer_{*this};
};

}  // namespace httpteleport::upstream
