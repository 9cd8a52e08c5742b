#include "upstream/v2_link_sender.h"

#include <utility>

namespace httpteleport::upstream {

void V2LinkSender::send_batch() {
  BufferChain wire(loop().pool());
  metrics_.raw_sent.add(multiplexer_.make_batch(wire));
  if (wire.empty()) return;
  metrics_.wire_sent.add(wire.size());
  metrics_.batches_sent.add();
  connection().write(std::move(wire));
  events_.on_batch_sent();
}

}  // namespace httpteleport::upstream
