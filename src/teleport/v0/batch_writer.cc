#include "teleport/v0/batch_writer.h"

#include <cstring>
#include <utility>

namespace httpteleport::teleport::v0 {

BatchWriter::BatchWriter(const compress::Settings& settings, BlockPool& pool)
    : encoder_(compress::make_encoder(settings)), current_(pool) {}

void BatchWriter::add(OutgoingFrame& frame) {
  if (queue_.empty()) queued_bytes_ = queued_count_ = 0;
  queued_bytes_ += frame.message.size();
  ++queued_count_;
  queue_.push_back(frame);
}

size_t BatchWriter::encode(BufferChain& wire, IntrusiveList<OutgoingFrame>& begun) {
  size_t plain_bytes = 0;
  while (plain_bytes < kPlainBytesPerStep && has_work()) {
    if (current_.empty()) {
      OutgoingFrame& frame = queue_.pop_front();
      queued_bytes_ -= frame.message.size();
      --queued_count_;
      char id[4];
      std::memcpy(id, &frame.id, sizeof id);  // little endian, see frame_reader.cc
      encoder_->encode({id, sizeof id}, wire);
      plain_bytes += sizeof id;
      current_ = std::move(frame.message);
      begun.push_back(frame);
    }
    while (!current_.empty() && plain_bytes < kPlainBytesPerStep) {
      const std::string_view run = current_.front();
      encoder_->encode(run, wire);
      plain_bytes += run.size();
      current_.consume(run.size());
    }
  }
  encoder_->flush(wire);
  return plain_bytes;
}

}  // namespace httpteleport::teleport::v0
