// The send side of a v0 link direction: complete messages in, compressed batches out.
//
// Sans-I/O. Messages wait in a queue until the owner flushes: at the end of a loop turn, when the
// batch delay is over, or when the socket has room again. A message leaves the queue only to be
// encoded, so one that is given up before that costs nothing, and one that has begun is always
// finished: the wire has no way to abandon it. Used by both ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/buffer.h"
#include "base/intrusive_list.h"
#include "compress/stream.h"

namespace httpteleport::teleport::v0 {

// A message ready to go. Unlinking it takes it back.
class OutgoingFrame : public IntrusiveNode {
 public:
  // Longer texts belong into `message`.
  static constexpr size_t kTextBytesMax = 16 * 1024;

  explicit OutgoingFrame(BlockPool& pool) : message(pool) {}
  size_t size() const { return text.size() + message.size(); }

  uint32_t id = 0;
  // One whole HTTP/1.1 message, in one of the two:
  BufferChain message;
  std::string_view text;  // somebody else's, good until the frame has begun
};

class BatchWriter {
 public:
  // Plain bytes encoded in one call of encode(), at most, beyond the last message begun: bounds the
  // time a turn spends in the compressor.
  static constexpr size_t kPlainBytesPerStep = 256 * 1024;

  BatchWriter(const compress::Settings& settings, BlockPool& pool);

  // Queues `frame`, which stays the caller's and must live until it is in encode()'s `begun`.
  void add(OutgoingFrame& frame);

  // The same for a message that is never taken back. It is empty afterwards.
  void add_message(uint32_t id, BufferChain&& message);

  bool has_work() const { return !queue_.empty() || !begun_.empty(); }
  // Bytes of messages added and not yet begun, those taken back since included.
  size_t queued_bytes() const { return begun_.size() + (queue_.empty() ? 0 : queued_bytes_); }

  // The same with what each message costs beside its bytes.
  size_t queued_memory() const {
    return begun_.size() + (queue_.empty() ? 0 : queued_bytes_ + queued_count_ * kBytesPerFrame);
  }

  // Encodes up to kPlainBytesPerStep and ends with a flush of the compressor, so that the peer can
  // read all of it. The frames whose encoding has begun move to `begun`, without their messages.
  // Returns the plain bytes encoded, ids included.
  size_t encode(BufferChain& wire, IntrusiveList<OutgoingFrame>& begun);

 private:
  static constexpr size_t kBytesPerFrame = 2560;  // a block mostly empty, and the exchange
  // Up to this, copying a message is cheaper than a block for it alone.
  static constexpr size_t kCopiedBytesMax = 4096;

  // The id, and the message or its beginning: on their way from here on.
  void begin(uint32_t id, std::string_view text);
  void begin_frame(IntrusiveList<OutgoingFrame>& begun);

  std::unique_ptr<compress::Encoder> encoder_;
  IntrusiveList<OutgoingFrame> queue_;
  BufferChain begun_;  // ids and messages that are yet to be encoded, in order
  size_t queued_bytes_ = 0;
  size_t queued_count_ = 0;
};

}  // namespace httpteleport::teleport::v0
