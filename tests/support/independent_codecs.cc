#include "support/independent_codecs.h"

#include <snappy.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "support/fd.h"

namespace httpteleport::test {

namespace {

uint32_t little_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

std::string to_little_endian(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i)
    bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

// Raw DEFLATE (RFC 1951) that is never ended, only flushed.
Unpacked inflate_all(std::string_view wire) {
  Unpacked result;
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK) die("inflateInit2");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(wire.data()));
  stream.avail_in = static_cast<uInt>(wire.size());
  std::array<char, 64 * 1024> room;
  int status = Z_OK;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = room.size();
    status = inflate(&stream, Z_SYNC_FLUSH);
    result.plain.append(room.data(), room.size() - stream.avail_out);
  } while (status == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
  if (status == Z_STREAM_END) {
    result.error = "the deflate stream has a final block";
  } else if (status != Z_OK && status != Z_BUF_ERROR) {
    result.error = stream.msg != nullptr ? stream.msg : "inflate failed";
  }
  inflateEnd(&stream);
  result.at_flush = wire.empty() || wire.ends_with(std::string_view("\0\0\xff\xff", 4));
  return result;
}

std::string deflate_all(std::string_view plain) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) die("deflateInit2");
  std::string wire(deflateBound(&stream, plain.size()) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(wire.data());
  stream.avail_out = static_cast<uInt>(wire.size());
  deflate(&stream, Z_SYNC_FLUSH);
  wire.resize(wire.size() - stream.avail_out);
  deflateEnd(&stream);
  return wire;
}

constexpr size_t kChunkBytesMax = 65536;
constexpr std::string_view kStreamIdentifier("\xff\x06\x00\x00sNaPpY", 10);

uint32_t masked_crc(std::string_view text) {
  const uint32_t crc = crc32c_by_bits(text);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

// Reads the data of one chunk, its checksum included, to the back of `plain`. Returns what is
// wrong.
std::string read_snappy_chunk(uint8_t type, std::string_view data, std::string& plain) {
  if (type >= 0x80) return {};  // padding and chunks that may be skipped
  if (type > 1) return "an unknown chunk that must not be skipped";
  if (data.size() < 4) return "a data chunk without a checksum";
  const uint32_t masked = little_endian(data.substr(0, 4));
  data.remove_prefix(4);
  std::string text(data);
  if (type == 0) {
    size_t size = 0;
    if (!snappy::GetUncompressedLength(data.data(), data.size(), &size)) return "no length";
    if (size > kChunkBytesMax) return "a chunk of more than 64 KiB";
    text.resize(size);
    if (!snappy::RawUncompress(data.data(), data.size(), text.data())) return "not snappy";
  }
  if (text.size() > kChunkBytesMax) return "a chunk of more than 64 KiB";
  if (masked != masked_crc(text)) return "a wrong checksum";
  plain += text;
  return {};
}

Unpacked unframe_snappy(std::string_view wire) {
  Unpacked result;
  if (wire.empty()) return {.at_flush = true};
  if (!wire.starts_with(kStreamIdentifier.substr(0, wire.size()))) {
    return {.error = "the stream does not begin with the stream identifier"};
  }
  while (wire.size() >= 4) {
    const auto type = static_cast<uint8_t>(wire[0]);
    const size_t size = little_endian(wire.substr(1, 3));
    if (wire.size() < 4 + size) return result;
    const std::string_view data = wire.substr(4, size);
    if (type == 0xff) {
      if (data != kStreamIdentifier.substr(4)) result.error = "a wrong stream identifier";
    } else {
      result.error = read_snappy_chunk(type, data, result.plain);
    }
    if (!result.error.empty()) return result;
    wire.remove_prefix(4 + size);
  }
  result.at_flush = wire.empty();
  return result;
}

std::string frame_snappy(std::string_view plain) {
  std::string wire(kStreamIdentifier);
  for (; !plain.empty(); plain.remove_prefix(std::min(plain.size(), kChunkBytesMax))) {
    const std::string_view text = plain.substr(0, kChunkBytesMax);
    std::string data;
    snappy::Compress(text.data(), text.size(), &data);
    wire += '\0' + to_little_endian(static_cast<uint32_t>(data.size() + 4)).substr(0, 3) +
            to_little_endian(masked_crc(text)) + data;
  }
  return wire;
}

// Reads one message off the front of `plain`; false when it is not complete or wrong.
bool take_message(MessageParser& parser, std::string_view plain, LinkFrame& frame, size_t& used) {
  used = 0;
  while (!parser.done() && !parser.failed()) {
    const MessageParser::Step step = parser.step(plain.substr(used));
    frame.body += step.body;
    used += step.consumed;
    if (step.consumed == 0) break;
  }
  frame.head = parser.head();
  return parser.done();
}

template <class Expect>
LinkFrames split(std::string_view plain, Expect&& expect) {
  LinkFrames result;
  while (plain.size() >= 4) {
    LinkFrame frame;
    frame.id = little_endian(plain.substr(0, 4));
    MessageParser parser;
    expect(parser, frame.id);
    size_t used = 0;
    if (!take_message(parser, plain.substr(4), frame, used)) {
      result.error = parser.error();
      break;
    }
    frame.raw = plain.substr(0, 4 + used);
    plain.remove_prefix(4 + used);
    result.frames.push_back(std::move(frame));
  }
  result.rest = plain;
  return result;
}

}  // namespace

const char* link_coding_name(LinkCoding coding) {
  switch (coding) {
    case LinkCoding::kFlate:
      return "flate";
    case LinkCoding::kNone:
      return "none";
    case LinkCoding::kSnappy:
      return "snappy";
  }
  return "?";
}

std::string link_handshake(LinkCoding coding, bool tls) {
  std::string bytes = "httpteleport";
  bytes.push_back('\0');
  bytes.push_back(static_cast<char>(coding));
  bytes.push_back(tls ? '\1' : '\0');
  return bytes;
}

uint32_t crc32c_by_bits(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit)
      crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
  }
  return ~crc;
}

Unpacked unpack(LinkCoding coding, std::string_view wire) {
  switch (coding) {
    case LinkCoding::kFlate:
      return inflate_all(wire);
    case LinkCoding::kNone:
      return {.plain = std::string(wire), .at_flush = true};
    case LinkCoding::kSnappy:
      return unframe_snappy(wire);
  }
  return {.error = "no such coding"};
}

std::string pack(LinkCoding coding, std::string_view plain) {
  switch (coding) {
    case LinkCoding::kFlate:
      return deflate_all(plain);
    case LinkCoding::kNone:
      return std::string(plain);
    case LinkCoding::kSnappy:
      return frame_snappy(plain);
  }
  return {};
}

std::string link_frame(uint32_t id, std::string_view message) {
  return to_little_endian(id) + std::string(message);
}

const LinkFrame* LinkFrames::find(uint32_t id) const {
  for (const LinkFrame& frame : frames) {
    if (frame.id == id) return &frame;
  }
  return nullptr;
}

LinkFrames split_requests(std::string_view plain) {
  return split(plain, [](MessageParser& parser, uint32_t) { parser.expect_request(); });
}

LinkFrames split_responses(std::string_view plain, const std::function<bool(uint32_t)>& is_head) {
  return split(plain, [&](MessageParser& parser, uint32_t id) {
    parser.expect_response(is_head && is_head(id));
  });
}

}  // namespace httpteleport::test
