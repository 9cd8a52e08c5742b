// The sender of a v2 link.
#pragma once

#include "metrics/worker_metrics.h"
#include "teleport/v2/level_control.h"
#include "teleport/v2/multiplexer.h"
#include "upstream/batch_schedule.h"

namespace httpteleport::upstream {

// With `adaptive`, the level follows the connection and the thread (LevelControl).
class V2LinkSender final : public BatchSchedule {
 public:
  // Told at the end of a turn. Must not destroy the sender.
  class Events {
   public:
    // A batch is with the connection.
    virtual void on_batch_sent() = 0;

   protected:
    ~Events() = default;
  };

  // The references outlive the sender.
  V2LinkSender(net::Connection& connection, metrics::LinkMetrics& metrics, Events& events,
               teleport::v2::Multiplexer& multiplexer, const BatchTiming& timing, bool adaptive)
      : BatchSchedule(connection, timing),
        metrics_(metrics),
        events_(events),
        multiplexer_(multiplexer),
        adaptive_(adaptive) {}

  // To be called when the multiplexer may have got something to send.
  void on_work() { schedule(); }
  bool has_work() const override { return multiplexer_.has_work(); }

 private:
  size_t queued_bytes() const override { return multiplexer_.queued_bytes(); }
  void send_batch() override;
  void adapt();
  void count();

  metrics::LinkMetrics& metrics_;
  Events& events_;
  teleport::v2::Multiplexer& multiplexer_;
  const bool adaptive_;
  teleport::v2::LevelControl level_;
  teleport::v2::MultiplexerCounts counted_;
};

}  // namespace httpteleport::upstream
