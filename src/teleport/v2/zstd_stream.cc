#include "teleport/v2/zstd_stream.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "teleport/v2/coding.h"

namespace httpteleport::teleport::v2 {

namespace {

// The hash table of a fast level, which its memory would else make much larger.
constexpr int kFastHashLog = 17;
// From this window on, matches far back are found by their own table.
constexpr uint32_t kLongWindowLog = 24;

// What a frame begins with. The library would also read others: those of its versions before 0.8,
// whose windows it does not limit.
constexpr std::string_view kMagic = "\x28\xb5\x2f\xfd";

// One more than a piece may become, so that one that becomes too much is seen.
constexpr size_t kRoomBytesMax = kBatchBytesMax + 1;

void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
  const size_t result = ZSTD_CCtx_setParameter(context, parameter, value);
  HT_ASSERT(ZSTD_isError(result) == 0);
}

}  // namespace

History::History(const TableSizes& sizes)
    : bytes_max_(std::min(kPrefixBytes, size_t{1} << sizes.window_log)) {}

void History::append(std::string_view bytes) {
  // Memory that is not used yet costs nothing; growing would copy what there is.
  if (bytes_.empty()) bytes_.reserve(2 * bytes_max_);
  if (bytes_.size() > bytes_max_ && bytes_.size() + bytes.size() > 2 * bytes_max_)
    bytes_.erase(0, bytes_.size() - bytes_max_);
  bytes_.append(bytes);
}

std::string_view History::last() const {
  const std::string_view all = bytes_;
  return all.size() > bytes_max_ ? all.substr(all.size() - bytes_max_) : all;
}

void ZstdEncoder::Free::operator()(ZSTD_CCtx* context) const {
  ZSTD_freeCCtx(context);
}

ZstdEncoder::ZstdEncoder(int level, const TableSizes& sizes)
    : context_(ZSTD_createCCtx()),
      sizes_(sizes),
      history_(sizes),
      level_(level),
      wanted_level_(level) {
  HT_ASSERT(context_ != nullptr);
  configure();
}

ZstdEncoder::~ZstdEncoder() = default;

void ZstdEncoder::configure() {
  set(context_.get(), ZSTD_c_compressionLevel, level_);
  set(context_.get(), ZSTD_c_windowLog, static_cast<int>(sizes_.window_log));
  set(context_.get(), ZSTD_c_hashLog, level_ <= 1 ? kFastHashLog : 0);
  if (sizes_.window_log < kLongWindowLog) return;
  set(context_.get(), ZSTD_c_enableLongDistanceMatching, 1);
  set(context_.get(), ZSTD_c_ldmHashRateLog, 4);
  set(context_.get(), ZSTD_c_ldmMinMatch, 64);
}

bool ZstdEncoder::encode(std::string_view main, std::string& out) {
  const bool new_frame = !begun_ || (wanted_level_ != level_ && frame_bytes_ >= kFrameBytesMin);
  if (new_frame && begun_) {
    run({}, ZSTD_e_end, out);
    level_ = wanted_level_;
    configure();
    prefix_ = history_.last();
    const size_t result = ZSTD_CCtx_refPrefix(context_.get(), prefix_.data(), prefix_.size());
    HT_ASSERT(ZSTD_isError(result) == 0);
  }
  if (new_frame) frame_bytes_ = 0;
  begun_ = true;
  frame_bytes_ += main.size();
  run(main, ZSTD_e_flush, out);
  history_.append(main);
  return new_frame;
}

void ZstdEncoder::run(std::string_view main, int directive, std::string& out) {
  ZSTD_inBuffer in{main.data(), main.size(), 0};
  for (size_t left = 1; left > 0;) {
    const size_t before = out.size();
    out.resize(before + ZSTD_compressBound(in.size - in.pos) + 64);
    ZSTD_outBuffer piece{out.data() + before, out.size() - before, 0};
    left = ZSTD_compressStream2(context_.get(), &piece, &in,
                                static_cast<ZSTD_EndDirective>(directive));
    HT_ASSERT(ZSTD_isError(left) == 0);
    out.resize(before + piece.pos);
  }
}

void ZstdDecoder::Free::operator()(ZSTD_DCtx* context) const {
  ZSTD_freeDCtx(context);
}

ZstdDecoder::ZstdDecoder(const TableSizes& sizes) : context_(ZSTD_createDCtx()), history_(sizes) {
  HT_ASSERT(context_ != nullptr);
  const size_t result = ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax,
                                               static_cast<int>(sizes.window_log));
  HT_ASSERT(ZSTD_isError(result) == 0);
}

ZstdDecoder::~ZstdDecoder() = default;

bool ZstdDecoder::grow() {
  if (room_bytes_ == kRoomBytesMax) return false;
  const size_t bytes = std::min(std::max(kBatchBytesGoal, room_bytes_ * 2), kRoomBytesMax);
  auto room = std::make_unique_for_overwrite<char[]>(bytes);
  if (room_bytes_ > 0) std::memcpy(room.get(), room_.get(), room_bytes_);
  room_ = std::move(room);
  room_bytes_ = bytes;
  return true;
}

Result<std::string_view> ZstdDecoder::decode(std::string_view piece, bool new_frame, Source peer) {
  const Error broken{Code::kMalformed, peer, 0, "a batch of the link cannot be decompressed"};
  if (new_frame == begun_ && (!begun_ || frame_bytes_ < kFrameBytesMin)) return broken;
  bool ends = new_frame && begun_;  // the end of the frame before comes first
  if (new_frame) frame_bytes_ = 0;
  begun_ = true;
  ZSTD_inBuffer in{piece.data(), piece.size(), 0};
  size_t bytes = 0;
  // All of a piece is out when it is read to its end and there is room left. Not called again then:
  // the library takes calls without progress for a fault.
  for (bool full = false; in.pos < in.size || full; full = bytes == room_bytes_) {
    if (bytes == room_bytes_ && !grow()) return broken;
    if (at_start_ && !piece.substr(in.pos).starts_with(kMagic)) return broken;
    at_start_ = false;
    ZSTD_outBuffer out{room_.get(), room_bytes_, bytes};
    const size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
    bytes = out.pos;
    if (ZSTD_isError(left) != 0) return broken;
    if (left > 0) continue;
    if (!ends || bytes > 0) return broken;
    ends = false;
    at_start_ = true;
    prefix_ = history_.last();
    const size_t result = ZSTD_DCtx_refPrefix(context_.get(), prefix_.data(), prefix_.size());
    HT_ASSERT(ZSTD_isError(result) == 0);
  }
  if (ends || bytes > kBatchBytesMax) return broken;
  history_.append({room_.get(), bytes});
  frame_bytes_ += bytes;
  return std::string_view(room_.get(), bytes);
}

}  // namespace httpteleport::teleport::v2
