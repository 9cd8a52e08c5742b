#include "compress/snappy_framing.h"

#include <snappy.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/assert.h"
#include "compress/crc32c.h"

namespace httpteleport::compress {
namespace {

constexpr size_t kPlainBytesMax = 64 * 1024;  // of one chunk
constexpr size_t kHeaderBytes = 4;
constexpr size_t kChecksumBytes = 4;

constexpr uint8_t kTypeCompressed = 0x00;
constexpr uint8_t kTypePlain = 0x01;
constexpr uint8_t kTypeSkippableFirst = 0x80;
constexpr uint8_t kTypeIdentifier = 0xff;

constexpr std::string_view kIdentifierChunk{"\xff\x06\x00\x00sNaPpY", 10};
constexpr std::string_view kIdentifierText = kIdentifierChunk.substr(kHeaderBytes);

size_t compressed_bytes_max() {
  return snappy::MaxCompressedLength(kPlainBytesMax);
}

void store_little_endian(uint32_t value, size_t bytes, char* place) {
  for (size_t i = 0; i < bytes; ++i)
    place[i] = static_cast<char>(value >> (8 * i));
}

uint32_t load_little_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value |= uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

class SnappyEncoder final : public Encoder {
 public:
  SnappyEncoder() : gathered_(std::make_unique_for_overwrite<char[]>(kPlainBytesMax)) {}

  void encode(std::string_view plain, BufferChain& wire) override {
    while (!plain.empty()) {
      const size_t take = std::min(plain.size(), kPlainBytesMax - gathered_bytes_);
      if (take == kPlainBytesMax) {
        write_chunk(plain.substr(0, take), wire);
      } else {
        std::memcpy(gathered_.get() + gathered_bytes_, plain.data(), take);
        gathered_bytes_ += take;
        if (gathered_bytes_ == kPlainBytesMax) flush(wire);
      }
      plain.remove_prefix(take);
    }
  }

  void flush(BufferChain& wire) override {
    if (gathered_bytes_ == 0) return;
    write_chunk({gathered_.get(), gathered_bytes_}, wire);
    gathered_bytes_ = 0;
  }

 private:
  static constexpr size_t kPreambleBytes = kHeaderBytes + kChecksumBytes;

  static void store_preamble(uint8_t type, size_t body_bytes, uint32_t checksum, char* place) {
    place[0] = static_cast<char>(type);
    store_little_endian(static_cast<uint32_t>(kChecksumBytes + body_bytes), 3, place + 1);
    store_little_endian(checksum, kChecksumBytes, place + kHeaderBytes);
  }

  void write_chunk(std::string_view plain, BufferChain& wire) {
    if (!identified_) {
      wire.append(kIdentifierChunk);
      identified_ = true;
    }
    const uint32_t checksum = crc32c_masked(crc32c(plain));
    // snappy must be given room for the worst case. Where a block of the pool has it, the chunk is
    // made in place; a larger one would cost an allocation each, so it is made aside and copied.
    const size_t room_bytes = kPreambleBytes + snappy::MaxCompressedLength(plain.size());
    const bool in_place = room_bytes <= BlockPool::kLargeBytes;
    char* const room = in_place ? wire.prepare(room_bytes).data() : scratch();
    size_t body_bytes = 0;
    snappy::RawCompress(plain.data(), plain.size(), room + kPreambleBytes, &body_bytes);

    if (body_bytes >= plain.size() - plain.size() / 8) {
      char preamble[kPreambleBytes];
      store_preamble(kTypePlain, plain.size(), checksum, preamble);
      wire.append({preamble, kPreambleBytes});
      wire.append(plain);
      return;
    }
    store_preamble(kTypeCompressed, body_bytes, checksum, room);
    if (in_place) {
      wire.commit(kPreambleBytes + body_bytes);
    } else {
      wire.append({room, kPreambleBytes + body_bytes});
    }
  }

  char* scratch() {
    if (scratch_ == nullptr) {
      scratch_ = std::make_unique_for_overwrite<char[]>(kPreambleBytes + compressed_bytes_max());
    }
    return scratch_.get();
  }

  std::unique_ptr<char[]> gathered_;
  size_t gathered_bytes_ = 0;
  std::unique_ptr<char[]> scratch_;  // null until the first large chunk
  bool identified_ = false;
};

class SnappyDecoder final : public Decoder {
 public:
  explicit SnappyDecoder(Source peer) : peer_(peer) {}

  Result<Step> decode(std::string_view wire, std::span<char> plain) override {
    Step step;
    while (step.produced < plain.size()) {
      if (held_begin_ < held_end_) {
        step.produced += give_held(plain.subspan(step.produced));
        continue;
      }
      if (step.consumed == wire.size()) break;
      const Result<Step> part = advance(wire.substr(step.consumed), plain.subspan(step.produced));
      if (!part) return part.error();
      step.consumed += part->consumed;
      step.produced += part->produced;
    }
    return step;
  }

 private:
  enum class State : uint8_t { kHeader, kIdentifier, kData, kSkipped };

  // The one place where the state changes. `bytes` is how much of the stream the new state spans.
  void enter(State state, size_t bytes) {
    state_ = state;
    wanted_bytes_ = bytes;
    seen_bytes_ = 0;
  }

  // One move of the state machine. `wire` and `plain` are not empty; at least one byte is consumed.
  Result<Step> advance(std::string_view wire, std::span<char> plain) {
    const size_t take = std::min(wire.size(), wanted_bytes_ - seen_bytes_);
    const std::string_view part = wire.substr(0, take);
    switch (state_) {
      case State::kHeader:
        return read_header(part);
      case State::kIdentifier:
        return read_identifier(part);
      case State::kData:
        return read_data(part, plain);
      case State::kSkipped:
        seen_bytes_ += take;
        if (seen_bytes_ == wanted_bytes_) enter(State::kHeader, kHeaderBytes);
        return Step{.consumed = take};
    }
    HT_ASSERT(false);
  }

  Result<Step> read_header(std::string_view part) {
    std::memcpy(header_ + seen_bytes_, part.data(), part.size());
    seen_bytes_ += part.size();
    if (seen_bytes_ < kHeaderBytes) return Step{.consumed = part.size()};
    const Result<void> begun = begin_chunk(static_cast<uint8_t>(header_[0]),
                                           load_little_endian({header_ + 1, kHeaderBytes - 1}));
    if (!begun) return begun.error();
    return Step{.consumed = part.size()};
  }

  Result<void> begin_chunk(uint8_t type, size_t bytes) {
    if (type == kTypeIdentifier) {
      if (bytes != kIdentifierText.size())
        return malformed("snappy: stream identifier of wrong length");
      enter(State::kIdentifier, bytes);
      return {};
    }
    if (!identified_) return malformed("snappy: no stream identifier at the start");
    if (type == kTypeCompressed || type == kTypePlain) {
      if (bytes < kChecksumBytes) return malformed("snappy: chunk too short for its checksum");
      const size_t body_bytes_max =
          type == kTypeCompressed ? compressed_bytes_max() : kPlainBytesMax;
      if (bytes - kChecksumBytes > body_bytes_max) return malformed("snappy: chunk too large");
      type_ = type;
      enter(State::kData, bytes);
      return {};
    }
    if (type < kTypeSkippableFirst)
      return malformed("snappy: reserved chunk that must be understood");
    if (bytes > 0) {
      enter(State::kSkipped, bytes);
    } else {
      enter(State::kHeader, kHeaderBytes);
    }
    return {};
  }

  Result<Step> read_identifier(std::string_view part) {
    if (part != kIdentifierText.substr(seen_bytes_, part.size())) {
      return malformed("snappy: wrong stream identifier");
    }
    seen_bytes_ += part.size();
    if (seen_bytes_ == wanted_bytes_) {
      identified_ = true;
      enter(State::kHeader, kHeaderBytes);
    }
    return Step{.consumed = part.size()};
  }

  // A chunk that lies whole in the caller's bytes is decoded from there; else it is collected
  // first.
  Result<Step> read_data(std::string_view part, std::span<char> plain) {
    std::string_view chunk = part;
    if (part.size() < wanted_bytes_) {
      if (chunk_ == nullptr) {
        chunk_ = std::make_unique_for_overwrite<char[]>(kChecksumBytes + compressed_bytes_max());
      }
      std::memcpy(chunk_.get() + seen_bytes_, part.data(), part.size());
      seen_bytes_ += part.size();
      if (seen_bytes_ < wanted_bytes_) return Step{.consumed = part.size()};
      chunk = {chunk_.get(), wanted_bytes_};
    }
    enter(State::kHeader, kHeaderBytes);
    const Result<size_t> produced = decode_data(chunk, plain);
    if (!produced) return produced.error();
    return Step{.consumed = part.size(), .produced = *produced};
  }

  // `chunk` is a checksum and a body. Decodes straight into `plain` when all of it fits there, else
  // into the buffer that decode() then gives out of. Returns the bytes put into `plain`.
  Result<size_t> decode_data(std::string_view chunk, std::span<char> plain) {
    const uint32_t checksum = load_little_endian(chunk.substr(0, kChecksumBytes));
    const std::string_view body = chunk.substr(kChecksumBytes);
    size_t bytes = body.size();
    if (type_ == kTypeCompressed) {
      if (!snappy::GetUncompressedLength(body.data(), body.size(), &bytes)) {
        return malformed("snappy: block without a length");
      }
      if (bytes > kPlainBytesMax) return malformed("snappy: block decodes to more than 64 KiB");
    }

    const bool fits = bytes <= plain.size();
    char* const target = fits ? plain.data() : held();
    if (type_ == kTypePlain) {
      std::memcpy(target, body.data(), bytes);
    } else if (!snappy::RawUncompress(body.data(), body.size(), target)) {
      return malformed("snappy: corrupt block");
    }
    if (crc32c_masked(crc32c({target, bytes})) != checksum) {
      return malformed("snappy: wrong checksum");
    }
    if (fits) return bytes;
    held_begin_ = 0;
    held_end_ = bytes;
    return size_t{0};
  }

  size_t give_held(std::span<char> plain) {
    const size_t count = std::min(plain.size(), held_end_ - held_begin_);
    std::memcpy(plain.data(), held_.get() + held_begin_, count);
    held_begin_ += count;
    return count;
  }

  char* held() {
    if (held_ == nullptr) held_ = std::make_unique_for_overwrite<char[]>(kPlainBytesMax);
    return held_.get();
  }

  Error malformed(const char* detail) const {
    return Error{.code = Code::kMalformed, .source = peer_, .detail = detail};
  }

  Source peer_;
  State state_ = State::kHeader;
  uint8_t type_ = 0;  // of the chunk in State::kData
  bool identified_ = false;
  char header_[kHeaderBytes] = {};
  size_t wanted_bytes_ = kHeaderBytes;  // of the current state
  size_t seen_bytes_ = 0;               // of those
  std::unique_ptr<char[]> chunk_;       // null until a chunk first comes in pieces
  std::unique_ptr<char[]> held_;        // null until a chunk first exceeds the caller's span
  size_t held_begin_ = 0;               // decoded bytes not yet given out: [begin, end) of held_
  size_t held_end_ = 0;
};

}  // namespace

std::unique_ptr<Encoder> make_snappy_encoder() {
  return std::make_unique<SnappyEncoder>();
}

std::unique_ptr<Decoder> make_snappy_decoder(Source peer) {
  return std::make_unique<SnappyDecoder>(peer);
}

}  // namespace httpteleport::compress
