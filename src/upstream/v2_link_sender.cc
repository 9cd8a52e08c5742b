#include "upstream/v2_link_sender.h"

#include <ctime>
#include <utility>

namespace httpteleport::upstream {

void V2LinkSender::send_batch() {
  BufferChain wire(loop().pool());
  metrics_.raw_sent.add(multiplexer_.make_batch(wire));
  if (wire.empty()) return;
  metrics_.wire_sent.add(wire.size());
  metrics_.batches_sent.add();
  count();
  connection().write(std::move(wire));
  if (adaptive_) adapt();
  events_.on_batch_sent();
}

void V2LinkSender::count() {
  const teleport::v2::MultiplexerCounts now = multiplexer_.counts();
  const teleport::v2::MultiplexerCounts before = std::exchange(counted_, now);
  metrics_.streams.add(now.streams - before.streams);
  metrics_.messages_sent.add(now.heads_sent - before.heads_sent);
  metrics_.resets_sent.add(now.resets_sent - before.resets_sent);
  metrics_.resets_received.add(now.resets_received - before.resets_received);
  metrics_.window_stalls.add(now.stalls - before.stalls);
  metrics_.lines.add(now.encoder.lines - before.encoder.lines);
  metrics_.known_lines.add(now.encoder.known_lines - before.encoder.known_lines);
  metrics_.bodies.add(now.encoder.bodies - before.encoder.bodies);
  metrics_.known_bodies.add(now.encoder.known_bodies - before.encoder.known_bodies);
  metrics_.encode_ns.add(now.encode_ns - before.encode_ns);
  metrics_.decode_ns.add(now.decode_ns - before.decode_ns);
}

void V2LinkSender::adapt() {
  if (connection().is_write_blocked()) level_.note_blocked();
  if (!level_.is_due(loop().now())) return;
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  const auto level = level_.update(
      loop().now(), std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec));
  if (level) multiplexer_.set_level(*level);
}

}  // namespace httpteleport::upstream
