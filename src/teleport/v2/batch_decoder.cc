#include "teleport/v2/batch_decoder.h"

#include <cstring>

#include "compress/crc32c.h"
#include "teleport/v2/text_packer.h"

namespace httpteleport::teleport::v2 {

namespace {

constexpr std::string_view kVersion = " HTTP/1.1";

uint32_t read_u32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// Its bytes are all there, and may be cut off at the end only.
bool may_be_number(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size() && i < 3; ++i) {
    if (static_cast<uint8_t>(bytes[i]) < 0x80) return true;
  }
  return bytes.size() < 3;
}

}  // namespace

Result<BatchDecoder::Step> BatchDecoder::decode(std::string_view wire) {
  const std::string_view head = wire.substr(0, kBatchHeadMax);
  ByteReader reader(head);
  const uint8_t flags = reader.byte();
  if (!head.empty() && (flags > (kCompressed | kNewFrame) || flags == kNewFrame))
    return error("a batch of the link has flags that are not known");
  const uint64_t main_bytes = reader.varint();
  const uint64_t beside_bytes = reader.varint();
  const std::string_view checksum = reader.bytes(4);
  if (reader.failed()) {
    if (head.size() == kBatchHeadMax || (head.size() > 1 && !may_be_number(head.substr(1))))
      return error("a batch of the link has no length");
    return Step{};
  }
  if (main_bytes > kBatchBytesMax || beside_bytes > kBatchBytesMax)
    return error("a batch of the link is too large");
  const size_t head_bytes = head.size() - reader.left();
  const size_t bytes = head_bytes + main_bytes + beside_bytes;
  if (wire.size() < bytes) return Step{};
  std::string_view main = wire.substr(head_bytes, main_bytes);
  const std::string_view beside = wire.substr(head_bytes + main_bytes, beside_bytes);
  std::string_view frames = main;
  if ((flags & kCompressed) != 0) {
    if (!tables_) tables_ = std::make_unique<Tables>(sizes_);
    const auto plain = tables_->zstd.decode(main, (flags & kNewFrame) != 0, peer_);
    if (!plain) return plain.error();
    if (const auto read = read_frames(*plain, beside); !read) return read.error();
    frames = frames_;
  } else if (beside_bytes > 0) {
    return error("a batch of the link has parts that nothing refers to");
  }
  if (compress::crc32c(frames) != read_u32(checksum))
    return error("the checksum of a batch of the link is wrong");
  return Step{bytes, frames};
}

Result<void> BatchDecoder::read_frames(std::string_view main, std::string_view beside) {
  frames_.clear();
  ByteReader main_reader(main);
  ByteReader beside_reader(beside);
  while (!main_reader.at_end()) {
    if (!read_frame(main_reader, beside_reader) || main_reader.failed() || beside_reader.failed())
      return error("a frame of the link cannot be decoded");
  }
  if (!beside_reader.at_end() || body_bytes_)
    return error("a batch of the link has parts that nothing refers to");
  return {};
}

bool BatchDecoder::append(FrameType type, uint32_t stream, std::string_view payload) {
  const size_t head_bytes = 1 + varint_bytes(stream) + varint_bytes(payload.size());
  if (payload.size() > room() || head_bytes > room() - payload.size()) return false;
  append_frame(frames_, type, stream, payload);
  return true;
}

bool BatchDecoder::read_frame(ByteReader& main, ByteReader& beside) {
  const uint8_t start = main.byte();
  const auto type = static_cast<FrameType>(start & kTypeMask);
  if ((start & kTypeMask) == 0 || (start & kTypeMask) > kFrameTypeMax) return false;
  const int64_t expected = is_head(type) ? int64_t{last_head_} + 1 : last_stream_;
  const int64_t difference = unzigzag(main.varint());
  if (difference > kStreamMax || difference < -int64_t{kStreamMax} - 1) return false;
  const int64_t stream = expected + difference;
  if (stream < 0 || stream > kStreamMax || main.failed()) return false;
  last_stream_ = static_cast<uint32_t>(stream);
  if (is_head(type)) last_head_ = last_stream_;
  if (is_data(type)) return read_data(start, type, last_stream_, main, beside);
  if (body_bytes_) return false;
  if (is_head(type) || type == FrameType::kTrailers)
    return read_head(start, type, last_stream_, main, beside);
  if (start != static_cast<uint8_t>(type)) return false;
  const std::string_view payload = main.bytes(main.varint());
  return append(type, last_stream_, payload);
}

bool BatchDecoder::read_head(uint8_t start, FrameType type, uint32_t stream, ByteReader& main,
                             ByteReader& beside) {
  const auto coding = static_cast<HeadCoding>(start & kCodingMask);
  const bool has_body = (start & kBodyLength) != 0;
  if (has_body && (coding == HeadCoding::kRaw || !is_head(type))) return false;
  if (coding == HeadCoding::kRaw) {
    const std::string_view payload = beside.bytes(main.varint());
    return append(type, stream, payload);
  }
  if (coding != HeadCoding::kRequest && coding != HeadCoding::kLines) return false;
  const uint64_t body_bytes = has_body ? main.varint() : 0;
  head_.clear();
  for (bool first = true; main.rest().substr(0, 1) != std::string_view("\0", 1); first = false) {
    if (main.at_end() || !read_line(main, beside, body_bytes)) return false;
    if (first && coding == HeadCoding::kRequest) head_.append(kVersion);
    head_.append("\r\n");
    if (head_.size() > room()) return false;
  }
  main.byte();
  head_.append("\r\n");
  if (has_body) body_bytes_ = body_bytes;
  return append(type, stream, head_);
}

bool BatchDecoder::read_line(ByteReader& main, ByteReader& beside, uint64_t body_bytes) {
  const auto first = static_cast<uint8_t>(main.rest().front());
  if (first >= static_cast<uint8_t>(LineStart::kNumber)) {
    const uint32_t high = main.byte() & 0x7fu;
    const uint32_t number = high << 8 | main.byte();
    const auto line = tables_->lines.use(number);
    return line && read_known_line(*line, beside, body_bytes);
  }
  const bool secret = first == static_cast<uint8_t>(LineStart::kSecret);
  if (secret || first == static_cast<uint8_t>(LineStart::kText)) main.byte();
  const size_t size = main.rest().find('\n');
  if (size == std::string_view::npos) return false;
  const std::string_view text = main.bytes(size);
  main.byte();
  if (secret) return read_secret_line(text, beside);
  return read_text_line(text, beside, body_bytes);
}

bool BatchDecoder::read_text_line(std::string_view packed, ByteReader& beside,
                                  uint64_t body_bytes) {
  if (LineTable::takes(packed)) tables_->lines.insert(packed);
  return unpack_line(packed, beside, tables_->ids, body_bytes, room(), head_);
}

bool BatchDecoder::read_secret_line(std::string_view name, ByteReader& beside) {
  const size_t begin = head_.size();
  head_.append(name);
  if (!tables_->secrets.decode(beside, room(), head_)) return false;
  const std::string_view line = std::string_view(head_).substr(begin);
  if (has_holes(line)) return false;
  if (LineTable::takes(line)) tables_->lines.insert(line);
  return true;
}

bool BatchDecoder::read_known_line(std::string_view line, ByteReader& beside, uint64_t body_bytes) {
  return unpack_line(line, beside, tables_->ids, body_bytes, room(), head_);
}

bool BatchDecoder::read_data(uint8_t start, FrameType type, uint32_t stream, ByteReader& main,
                             ByteReader& beside) {
  const bool length_is_known = (start & kBodyLength) != 0;
  if (length_is_known != body_bytes_.has_value() || (length_is_known && stream != last_head_))
    return false;
  const uint64_t length = length_is_known ? *std::exchange(body_bytes_, {}) : main.varint();
  if (length > room()) return false;
  switch (static_cast<DataCoding>(start & kCodingMask)) {
    case DataCoding::kKnown: {
      const auto body = tables_->bodies.find(main.varint());
      return body && body->size() == length && append(type, stream, *body);
    }
    case DataCoding::kRaw:
      body_ = main.bytes(length);
      break;
    case DataCoding::kBeside:
      body_ = beside.bytes(length);
      break;
    case DataCoding::kPacked:
      body_.clear();
      if (!unpack_text(main, beside, tables_->ids, length, body_)) return false;
      break;
  }
  if (main.failed() || beside.failed()) return false;
  if (tables_->bodies.takes(body_)) tables_->bodies.add(body_);
  return append(type, stream, body_);
}

}  // namespace httpteleport::teleport::v2
