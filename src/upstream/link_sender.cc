#include "upstream/link_sender.h"

#include <utility>

namespace httpteleport::upstream {

namespace v0 = teleport::v0;

LinkSender::LinkSender(net::Connection& connection, metrics::LinkMetrics& metrics,
                       BatchEvents& events, const Options& options)
    : BatchSchedule(connection, options.timing),
      metrics_(metrics),
      events_(events),
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
  connection().write(std::move(wire));
  events_.on_batch_sent();
}

}  // namespace httpteleport::upstream
