// The frames of a v2 link, as they stand in a batch once it is decoded
// (docs/protocol/teleport-v2.md, "Frames").
//
//     type u8 | stream varint | length varint | payload
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "teleport/v2/varint.h"

namespace httpteleport::teleport::v2 {

enum class FrameType : uint8_t {
  kHead = 1,      // of a request, or of a response; a body or another head follows
  kHeadEnd = 2,   // the same, and the message ends with it
  kData = 3,      // body bytes
  kDataEnd = 4,   // the same, and the message ends with them
  kTrailers = 5,  // fields behind a body; the message ends with them
  kReset = 6,     // the stream ends here: varint code, text
  kWindow = 7,    // the receiver takes so many more body bytes: varint
  kPing = 8,      // 8 bytes, which come back
  kPong = 9,
  kGoaway = 10,    // no stream after this one is served: varint last stream, varint code, text
  kDatagram = 11,  // of a stream that carries datagrams: one of them
  kTerms = 12,     // of the streams that begin behind it (terms.h)
};

inline constexpr uint8_t kFrameTypeMax = 12;
// Stream ids are 1 to this; 0 is the connection.
inline constexpr uint32_t kStreamMax = 0x7fffffff;

struct Frame {
  FrameType type = FrameType::kPing;
  uint32_t stream = 0;
  std::string_view payload;
};

inline bool is_data(FrameType type) {
  return type == FrameType::kData || type == FrameType::kDataEnd;
}
inline bool is_head(FrameType type) {
  return type == FrameType::kHead || type == FrameType::kHeadEnd;
}

inline void append_frame_head(std::string& plain, FrameType type, uint32_t stream, size_t length) {
  plain.push_back(static_cast<char>(type));
  append_varint(plain, stream);
  append_varint(plain, length);
}

inline void append_frame(std::string& plain, FrameType type, uint32_t stream,
                         std::string_view payload) {
  append_frame_head(plain, type, stream, payload.size());
  plain.append(payload);
}

// The next frame, whose payload points into the reader's text; nothing if there is none. A reader
// that has failed afterwards stood at something else than a frame.
inline std::optional<Frame> read_frame(ByteReader& plain) {
  if (plain.at_end()) return {};
  const uint8_t type = plain.byte();
  const uint64_t stream = plain.varint();
  const std::string_view payload = plain.bytes(plain.varint());
  if (type == 0 || type > kFrameTypeMax || stream > kStreamMax) plain.fail();
  if (plain.failed()) return {};
  return Frame{static_cast<FrameType>(type), static_cast<uint32_t>(stream), payload};
}

}  // namespace httpteleport::teleport::v2
