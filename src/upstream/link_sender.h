// The send side of a teleport link: when a batch is due, and how it gets onto the connection.
//
// Both ends of a link send in the same way, so proxy/teleport_session uses this too. One sender
// serves one connection, from the time it may carry messages; a link that connects anew makes
// another. The loop's thread.
#pragma once

#include "metrics/worker_metrics.h"
#include "teleport/v0/batch_writer.h"
#include "upstream/batch_schedule.h"

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

// The sender of a v0 link. Work over BatchWriter::kPlainBytesPerStep goes on in the next turn.
class LinkSender final : public BatchSchedule {
 public:
  struct Options {
    compress::Settings compression;
    BatchTiming timing;
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

  // Messages wait, or the rest of one that has begun does.
  bool has_work() const override { return writer_.has_work(); }
  size_t queued_bytes() const override { return writer_.queued_bytes(); }
  // Bytes that wait, with what each message costs beside them.
  size_t queued_memory() const { return writer_.queued_memory(); }

 private:
  void send_batch() override;

  metrics::LinkMetrics& metrics_;
  BatchEvents& events_;
  teleport::v0::BatchWriter writer_;
};

}  // namespace httpteleport::upstream
