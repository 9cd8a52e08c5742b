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
  connection().write(std::move(wire));
  if (adaptive_) adapt();
  events_.on_batch_sent();
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
