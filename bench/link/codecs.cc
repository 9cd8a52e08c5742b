#include <cstdio>
#include <cstdlib>
#include <span>

#include "base/buffer.h"
#include "compress/stream.h"
#include "link/codec.h"
#include "teleport/v2/batch_decoder.h"
#include "teleport/v2/batch_encoder.h"

namespace httpteleport::bench {

namespace {

namespace v2 = teleport::v2;

// What v0 does: one stream, messages in a row.
class StreamCodec final : public Codec {
 public:
  explicit StreamCodec(const compress::Settings& settings)
      : encoder_(compress::make_encoder(settings)),
        decoder_(compress::make_decoder(settings.method, Source::kUpstream)),
        wire_(pool_),
        room_(256 * 1024) {}

  void encode(const std::vector<std::string_view>& messages) override {
    sent_.clear();
    for (const std::string_view message : messages)
      sent_.append("\1\0\0\0", 4).append(message);
    encoder_->encode(sent_, wire_);
    encoder_->flush(wire_);
    bytes_ += wire_.size();
  }

  bool decode() override {
    size_t at = 0;
    bool same = true;
    const auto step = [&](std::string_view wire) {
      const auto result = decoder_->decode(wire, room_);
      if (!result) std::abort();
      same &= std::string_view(sent_).substr(at, result->produced) ==
              std::string_view(room_.data(), result->produced);
      at += result->produced;
      return *result;
    };
    while (!wire_.empty())
      wire_.consume(step(wire_.front()).consumed);
    while (step({}).produced > 0) {
    }
    return same && at == sent_.size();
  }

  uint64_t wire_bytes() const override { return bytes_; }

 private:
  BlockPool pool_;
  std::unique_ptr<compress::Encoder> encoder_;
  std::unique_ptr<compress::Decoder> decoder_;
  BufferChain wire_;
  std::string sent_;
  std::vector<char> room_;
  uint64_t bytes_ = 0;
};

class BatchCodec final : public Codec {
 public:
  explicit BatchCodec(const v2::EncoderOptions& options)
      : encoder_(options), decoder_(options.sizes, Source::kUpstream), wire_(pool_) {}

  void encode(const std::vector<std::string_view>& messages) override {
    frames_.clear();
    wires_.clear();
    for (const std::string_view message : messages) {
      if (frames_.size() + message.size() > v2::kBatchBytesGoal && !frames_.empty()) flush();
      append(message);
    }
    flush();
  }

  bool decode() override {
    for (const auto& [frames, wire] : wires_) {
      const auto step = decoder_.decode(wire);
      if (!step || step->consumed != wire.size() || step->frames != frames) return false;
    }
    return true;
  }

  uint64_t wire_bytes() const override { return bytes_; }

 private:
  void append(std::string_view message) {
    const size_t head_bytes = message.find("\r\n\r\n") + 4;
    std::string_view body = message.substr(head_bytes);
    ++stream_;
    append_frame(frames_, body.empty() ? v2::FrameType::kHeadEnd : v2::FrameType::kHead, stream_,
                 message.substr(0, head_bytes));
    while (!body.empty()) {
      const std::string_view piece = body.substr(0, v2::kBatchBytesGoal / 2);
      body.remove_prefix(piece.size());
      append_frame(frames_, body.empty() ? v2::FrameType::kDataEnd : v2::FrameType::kData, stream_,
                   piece);
      if (frames_.size() > v2::kBatchBytesGoal) flush();
    }
  }

  void flush() {
    if (frames_.empty()) return;
    encoder_.encode(frames_, wire_);
    bytes_ += wire_.size();
    wires_.emplace_back(std::move(frames_), wire_.to_string());
    wire_.clear();
    frames_.clear();
  }

  BlockPool pool_;
  v2::BatchEncoder encoder_;
  v2::BatchDecoder decoder_;
  BufferChain wire_;
  std::string frames_;
  std::vector<std::pair<std::string, std::string>> wires_;
  uint64_t bytes_ = 0;
  uint32_t stream_ = 0;
};

std::unique_ptr<Codec> make_stream(compress::Method method, int level) {
  return std::make_unique<StreamCodec>(compress::Settings{.method = method, .level = level});
}

std::unique_ptr<Codec> make_batch(const v2::TableSizes& sizes, int level, bool keep_secrets) {
  v2::EncoderOptions options{.level = level, .sizes = sizes};
  if (!keep_secrets) options.secret_fields.clear();
  return std::make_unique<BatchCodec>(options);
}

}  // namespace

const std::vector<NamedCodec>& codecs() {
  static const std::vector<NamedCodec> all = {
      {"zlib6", [] { return make_stream(compress::Method::kFlate, 6); }},
      {"v0-flate1", [] { return make_stream(compress::Method::kFlate, 1); }},
      {"v0-flate2", [] { return make_stream(compress::Method::kFlate, 2); }},
      {"v0-flate3", [] { return make_stream(compress::Method::kFlate, 3); }},
      {"v0-snappy", [] { return make_stream(compress::Method::kSnappy, 1); }},
      {"v2", [] { return make_batch(v2::kNormalTables, 1, true); }},
      {"v2-open", [] { return make_batch(v2::kNormalTables, 1, false); }},
      {"v2-small", [] { return make_batch(v2::kSmallTables, 1, true); }},
      {"v2-large", [] { return make_batch(v2::kLargeTables, 1, true); }},
      {"v2-large-open", [] { return make_batch(v2::kLargeTables, 1, false); }},
      {"v2-level3", [] { return make_batch(v2::kNormalTables, 3, true); }},
      {"v2-level6", [] { return make_batch(v2::kNormalTables, 6, true); }},
  };
  return all;
}

}  // namespace httpteleport::bench
