#include "compress/flate.h"

#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>

#include "base/assert.h"

namespace httpteleport::compress {
namespace {

// Both libraries count in 32 bits, so larger input is handed over in pieces. Their running totals
// may wrap: neither library uses them for more than differences within its window.
constexpr size_t kPieceBytesMax = size_t{1} << 30;

// Below this a rest of a block is not worth writing to. Enough for the largest Huffman table, which
// ISA-L otherwise builds in memory of its own and copies.
constexpr size_t kRoomBytesMin = 512;
static_assert(kRoomBytesMin >= ISAL_DEF_MAX_HDR_SIZE);

// The libraries are C and take input through pointers to mutable bytes; they only read it.
uint8_t* input_of(std::string_view bytes) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
}

std::string_view next_piece(std::string_view& rest) {
  const std::string_view piece = rest.substr(0, kPieceBytesMax);
  rest.remove_prefix(piece.size());
  return piece;
}

class IsalEncoder final : public Encoder {
 public:
  static constexpr int kLevelMax = 3;

  explicit IsalEncoder(int level)
      : level_buffer_(std::make_unique_for_overwrite<uint8_t[]>(level_buffer_bytes(level))) {
    isal_deflate_init(&stream_);
    stream_.level = static_cast<uint32_t>(level);
    stream_.level_buf = level_buffer_.get();
    stream_.level_buf_size = level_buffer_bytes(level);
  }

  void encode(std::string_view plain, BufferChain& wire) override {
    while (!plain.empty()) {
      unflushed_ = true;
      run(next_piece(plain), NO_FLUSH, wire);
    }
  }

  void flush(BufferChain& wire) override {
    // ISA-L writes an empty block at each flush, asked for twice or not.
    if (!unflushed_) return;
    unflushed_ = false;
    run({}, SYNC_FLUSH, wire);
  }

 private:
  // Holds the symbols of the block being gathered, so it bounds the size of a block. The smallest
  // of ISA-L's proposals is also the best one here: on text it makes no difference up to 64 KiB a
  // batch, and beyond that it costs 5 % of the speed and saves as much or more of the output.
  static constexpr uint32_t level_buffer_bytes(int level) {
    constexpr uint32_t kBytes[] = {ISAL_DEF_LVL1_SMALL, ISAL_DEF_LVL2_SMALL, ISAL_DEF_LVL3_SMALL};
    return kBytes[level - 1];
  }

  void run(std::string_view piece, uint16_t flush_mode, BufferChain& wire) {
    stream_.next_in = piece.empty() ? &no_input_ : input_of(piece);
    stream_.avail_in = static_cast<uint32_t>(piece.size());
    stream_.flush = flush_mode;
    size_t wanted = kRoomBytesMin;
    for (;;) {
      const std::span<char> room = wire.prepare(wanted);
      const uint32_t in_before = stream_.avail_in;
      stream_.next_out = reinterpret_cast<uint8_t*>(room.data());
      stream_.avail_out = static_cast<uint32_t>(room.size());
      const int status = isal_deflate(&stream_);
      HT_ASSERT(status == COMP_OK);
      const size_t written = room.size() - stream_.avail_out;
      wire.commit(written);
      if (is_done(flush_mode)) return;
      HT_ASSERT(written > 0 || stream_.avail_in < in_before);
      wanted = BlockPool::kLargeBytes;
    }
  }

  // Room left in the output does not prove that a flush is complete, nor does a full output prove
  // that it is not. The state does: a flush ends where the next block's header would begin.
  bool is_done(uint16_t flush_mode) const {
    if (stream_.avail_in > 0) return false;
    return flush_mode == NO_FLUSH || stream_.internal_state.state == ZSTATE_NEW_HDR;
  }

  isal_zstream stream_{};
  std::unique_ptr<uint8_t[]> level_buffer_;
  uint8_t no_input_ = 0;  // ISA-L does arithmetic on the input pointer also without input
  bool unflushed_ = false;
};

class ZlibEncoder final : public Encoder {
 public:
  explicit ZlibEncoder(int level) {
    constexpr int kRawWindowBits = -15;
    constexpr int kMemoryLevel = 8;
    const int status =
        deflateInit2(&stream_, level, Z_DEFLATED, kRawWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY);
    HT_ASSERT(status == Z_OK);
  }
  ~ZlibEncoder() override { deflateEnd(&stream_); }
  ZlibEncoder(const ZlibEncoder&) = delete;
  ZlibEncoder& operator=(const ZlibEncoder&) = delete;

  void encode(std::string_view plain, BufferChain& wire) override {
    while (!plain.empty()) {
      unflushed_ = true;
      run(next_piece(plain), Z_NO_FLUSH, wire);
    }
  }

  void flush(BufferChain& wire) override {
    if (!unflushed_) return;
    unflushed_ = false;
    run({}, Z_SYNC_FLUSH, wire);
  }

 private:
  void run(std::string_view piece, int flush_mode, BufferChain& wire) {
    stream_.next_in = input_of(piece);
    stream_.avail_in = static_cast<uInt>(piece.size());
    size_t wanted = kRoomBytesMin;
    for (;;) {
      const std::span<char> room = wire.prepare(wanted);
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = static_cast<uInt>(room.size());
      const int status = deflate(&stream_, flush_mode);
      HT_ASSERT(status == Z_OK || status == Z_BUF_ERROR);
      wire.commit(room.size() - stream_.avail_out);
      // Only room left over says that nothing is pending. A flush that filled its room to the last
      // byte is asked for again and may then be marked twice, which costs five bytes.
      if (stream_.avail_out > 0) return;
      wanted = BlockPool::kLargeBytes;
    }
  }

  z_stream stream_{};
  bool unflushed_ = false;
};

class IsalDecoder final : public Decoder {
 public:
  explicit IsalDecoder(Source peer) : peer_(peer) { isal_inflate_init(&state_); }

  Result<Step> decode(std::string_view wire, std::span<char> plain) override {
    if (plain.empty()) return Step{};
    const std::string_view piece = wire.substr(0, kPieceBytesMax);
    const size_t room_bytes = std::min(plain.size(), kPieceBytesMax);
    state_.next_in = input_of(piece);
    state_.avail_in = static_cast<uint32_t>(piece.size());
    state_.next_out = reinterpret_cast<uint8_t*>(plain.data());
    state_.avail_out = static_cast<uint32_t>(room_bytes);
    const int status = isal_inflate(&state_);
    if (state_.bfinal != 0) return malformed("deflate: final block in a stream that does not end");
    if (status != ISAL_DECOMP_OK) return malformed(detail_of(status));

    const Step step{.consumed = piece.size() - state_.avail_in,
                    .produced = room_bytes - state_.avail_out};
    // ISA-L always takes input or gives output when it is offered input and room. A stream that
    // made it stand still would have the caller call for ever.
    if (step.consumed == 0 && step.produced == 0 && !wire.empty()) {
      return malformed("deflate: stream does not advance");
    }
    return step;
  }

 private:
  Error malformed(const char* detail) const {
    return Error{.code = Code::kMalformed, .source = peer_, .detail = detail};
  }

  static const char* detail_of(int status) {
    switch (status) {
      case ISAL_INVALID_BLOCK:
        return "deflate: invalid block header";
      case ISAL_INVALID_SYMBOL:
        return "deflate: invalid code";
      case ISAL_INVALID_LOOKBACK:
        return "deflate: distance reaches before the start";
      default:
        return "deflate: undecodable stream";
    }
  }

  // Zeroed, so that no fault in the window logic could ever send the memory of another link.
  inflate_state state_{};
  Source peer_;
};

}  // namespace

std::unique_ptr<Encoder> make_flate_encoder(int level) {
  HT_ASSERT(level >= 1 && level <= 9);
  if (level <= IsalEncoder::kLevelMax) return std::make_unique<IsalEncoder>(level);
  return std::make_unique<ZlibEncoder>(level);
}

std::unique_ptr<Decoder> make_flate_decoder(Source peer) {
  return std::make_unique<IsalDecoder>(peer);
}

}  // namespace httpteleport::compress
