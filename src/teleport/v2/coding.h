// What the two ends of a batch share: how a frame is written into the main part, and the limits
// (docs/protocol/teleport-v2.md, "Batches", "Coding").
#pragma once

#include <cstddef>
#include <cstdint>

namespace httpteleport::teleport::v2 {

// The first byte of a frame in the main part: its type in the low 5 bits, and how it is coded.
inline constexpr uint8_t kTypeMask = 0x1f;

enum class HeadCoding : uint8_t {
  kRaw = 0x00,      // length; the bytes are beside, because there may be secrets among them
  kRequest = 0x20,  // lines; " HTTP/1.1" at the end of the first one is left out
  kLines = 0x40,    // lines
};
enum class DataCoding : uint8_t {
  kRaw = 0x00,     // bytes, in the main part
  kPacked = 0x20,  // text with holes, in the main part
  kBeside = 0x40,  // bytes, beside the main part: nothing to gain, or nothing to be learned
  kKnown = 0x60,   // sent before: its distance
};
inline constexpr uint8_t kCodingMask = 0x60;
// Of a head: the length of its body stands in front of the lines, and a data frame with all of the
// body is next. Of data: it is that frame, and has that length.
inline constexpr uint8_t kBodyLength = 0x80;

// The first byte of a line of a head.
enum class LineStart : uint8_t {
  kEnd = 0x00,     // no line: the head ends
  kSecret = 0x0e,  // name, colon and space, newline; the value is beside
  kText = 0x0f,    // text follows; for a line that begins with a byte that means something
  kNumber = 0x80,  // the high 7 bits of the number of a line that was sent before; 8 more follow
};

// Flags of a batch.
inline constexpr uint8_t kCompressed = 0x01;  // the main part is a piece of a zstd frame
inline constexpr uint8_t kNewFrame = 0x02;    // which begins here, behind the end of the last one

// Of a batch: frames, main part and what is beside it, each. Over it the link ends.
inline constexpr size_t kBatchBytesMax = 1024 * 1024;
// A sender ends a batch before it is larger than this, so that none is near the limit, and a
// receiver is never busy with one for long.
inline constexpr size_t kBatchBytesGoal = 128 * 1024;
// What a sender puts into a batch at most. The coding can make it half as much again, with stream
// numbers that are far from each other, and the receiver must still take it.
inline constexpr size_t kBatchFramesMax = kBatchBytesMax / 2;
// Flags, three numbers, checksum.
inline constexpr size_t kBatchHeadMax = 1 + 3 + 3 + 4;
// The text that a new zstd frame begins with as its prefix, and how much main part there must have
// been since the last one began.
inline constexpr size_t kPrefixBytes = 1024 * 1024;
inline constexpr size_t kFrameBytesMin = 256 * 1024;

}  // namespace httpteleport::teleport::v2
