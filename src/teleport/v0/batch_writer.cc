#include "teleport/v0/batch_writer.h"

#include <cstring>
#include <utility>

namespace httpteleport::teleport::v0 {

BatchWriter::BatchWriter(const compress::Settings& settings, BlockPool& pool)
    : encoder_(compress::make_encoder(settings)), begun_(pool) {}

void BatchWriter::add(OutgoingFrame& frame) {
  if (queue_.empty()) queued_bytes_ = queued_count_ = 0;
  queued_bytes_ += frame.size();
  ++queued_count_;
  queue_.push_back(frame);
}

void BatchWriter::add_message(uint32_t id, BufferChain&& message) {
  begin(id, {});
  if (message.size() > kCopiedBytesMax) return begun_.append(std::move(message));
  message.for_each_run([this](std::string_view run) {
    begun_.append(run);
    return true;
  });
  message.clear();
}

void BatchWriter::begin(uint32_t id, std::string_view text) {
  char id_bytes[sizeof id];
  std::memcpy(id_bytes, &id, sizeof id);  // little endian, see frame_reader.cc
  begun_.append({id_bytes, sizeof id_bytes});
  begun_.append(text);
}

void BatchWriter::begin_frame(IntrusiveList<OutgoingFrame>& begun) {
  OutgoingFrame& frame = queue_.pop_front();
  queued_bytes_ -= frame.size();
  --queued_count_;
  if (frame.message.empty()) {
    begin(frame.id, std::exchange(frame.text, {}));
  } else {
    add_message(frame.id, std::move(frame.message));
  }
  begun.push_back(frame);
}

// Many short messages are one run of bytes for the compressor.
size_t BatchWriter::encode(BufferChain& wire, IntrusiveList<OutgoingFrame>& begun) {
  while (begun_.size() < kPlainBytesPerStep && !queue_.empty())
    begin_frame(begun);
  size_t bytes = 0;
  if (begun_.size() <= kPlainBytesPerStep) {
    bytes = begun_.size();
    encoder_->encode_all(std::move(begun_), wire);
  }
  while (!begun_.empty() && bytes < kPlainBytesPerStep) {
    const std::string_view run = begun_.front();
    encoder_->encode(run, wire);
    bytes += run.size();
    begun_.consume(run.size());
  }
  encoder_->flush(wire);
  return bytes;
}

}  // namespace httpteleport::teleport::v0
