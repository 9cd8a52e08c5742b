#include "teleport/v0/batch_writer.h"

#include <cstring>
#include <utility>

namespace httpteleport::teleport::v0 {

BatchWriter::BatchWriter(const compress::Settings& settings, BlockPool& pool)
    : encoder_(compress::make_encoder(settings)), current_(pool), ready_(pool) {}

void BatchWriter::add(OutgoingFrame& frame) {
  if (queue_.empty()) queued_bytes_ = queued_count_ = 0;
  queued_bytes_ += frame.size();
  ++queued_count_;
  queue_.push_back(frame);
}

void BatchWriter::add_message(uint32_t id, BufferChain&& message) {
  char id_bytes[sizeof id];
  std::memcpy(id_bytes, &id, sizeof id);  // little endian, see frame_reader.cc
  ready_.append({id_bytes, sizeof id_bytes});
  if (message.size() > kCopiedBytesMax) return ready_.append(std::move(message));
  message.for_each_run([this](std::string_view run) {
    ready_.append(run);
    return true;
  });
  message.clear();
}

size_t BatchWriter::encode_id(uint32_t id, BufferChain& wire) {
  char bytes[sizeof id];
  std::memcpy(bytes, &id, sizeof id);
  encoder_->encode({bytes, sizeof bytes}, wire);
  return sizeof bytes;
}

size_t BatchWriter::encode_some(BufferChain& from, size_t bytes_max, BufferChain& wire) {
  size_t bytes = 0;
  while (!from.empty() && bytes < bytes_max) {
    const std::string_view run = from.front();
    encoder_->encode(run, wire);
    bytes += run.size();
    from.consume(run.size());
  }
  return bytes;
}

size_t BatchWriter::begin_frame(BufferChain& wire, IntrusiveList<OutgoingFrame>& begun) {
  OutgoingFrame& frame = queue_.pop_front();
  queued_bytes_ -= frame.size();
  --queued_count_;
  size_t bytes = encode_id(frame.id, wire);
  if (!frame.text.empty()) {
    encoder_->encode(frame.text, wire);
    bytes += frame.text.size();
    frame.text = {};
  }
  current_ = std::move(frame.message);
  begun.push_back(frame);
  return bytes;
}

size_t BatchWriter::encode(BufferChain& wire, IntrusiveList<OutgoingFrame>& begun) {
  size_t bytes = 0;
  while (bytes < kPlainBytesPerStep && has_work()) {
    if (!current_.empty()) {
      bytes += encode_some(current_, kPlainBytesPerStep - bytes, wire);
    } else if (!ready_.empty()) {
      bytes += encode_some(ready_, kPlainBytesPerStep - bytes, wire);
    } else {
      bytes += begin_frame(wire, begun);
    }
  }
  encoder_->flush(wire);
  return bytes;
}

}  // namespace httpteleport::teleport::v0
