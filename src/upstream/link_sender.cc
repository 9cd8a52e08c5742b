#include "upstream/link_sender.h"

#include <utility>

namespace httpteleport::upstream {

namespace v0 = teleport::v0;

LinkSender::LinkSender(net::Connection& connection, metrics::LinkMetrics& metrics,
                       BatchEvents& events, const Options& options)
    : connection_(connection),
      metrics_(metrics),
      events_(events),
      batch_delay_(options.batch_delay),
      batch_bytes_(options.batch_bytes),
      writer_(options.compression, connection.loop().pool()) {}

void LinkSender::add(v0::OutgoingFrame& frame) {
  writer_.add(frame);
  schedule();
}

void LinkSender::add_message(uint32_t id, BufferChain&& message) {
  metrics_.messages_sent.add();
  writer_.add_message(id, std::move(message));
  schedule();
}

void LinkSender::schedule() {
  if (!writer_.has_work()) return;
  if (batch_delay_ == Duration::zero() || writer_.queued_bytes() >= batch_bytes_) due_ = true;
  if (due_) {
    loop().at_turn_end(*this);
  } else if (!delay_timer_.is_set()) {
    loop().set_timer(delay_timer_, batch_delay_);
  }
}

void LinkSender::on_delay_over() {
  due_ = true;
  loop().at_turn_end(*this);
}

void LinkSender::on_turn_end() {
  if (connection_.is_write_blocked()) return;
  delay_timer_.cancel();
  if (writer_.has_work()) return send_batch();
  due_ = false;  // all of it was taken back
}

void LinkSender::send_batch() {
  BufferChain wire(loop().pool());
  IntrusiveList<v0::OutgoingFrame> begun;
  metrics_.raw_sent.add(writer_.encode(wire, begun));
  metrics_.wire_sent.add(wire.size());
  metrics_.batches_sent.add();
  while (!begun.empty()) {
    metrics_.messages_sent.add();
    events_.on_frame_begun(begun.pop_front());
  }
  due_ = writer_.has_work();
  if (due_) loop().at_next_turn(*this);
  connection_.write(std::move(wire));
  events_.on_batch_sent();
}

}  // namespace httpteleport::upstream
