// Hexadecimal runs in text, packed: "holes" in the text, whose bytes go beside it
// (docs/protocol/teleport-v2.md, "Holes").
#pragma once

#include <string>
#include <string_view>

#include "teleport/v2/id_table.h"
#include "teleport/v2/varint.h"

namespace httpteleport::teleport::v2 {

// What stands in the text in place of a run. Texts with bytes below kFirstTextByte cannot be
// packed.
enum class Hole : uint8_t {
  kUuid = 1,      // 16 bytes beside: 8-4-4-4-12 digits
  kHex = 2,       // a byte says how many bytes beside, two digits each
  kNearUuid = 3,  // a byte says which of the last identifiers
  kNearHex = 4,
  kFarUuid = 5,  // the same with a number beside
  kFarHex = 6,
  kLength = 7,  // in a head: the length of the body, in decimal digits
};
inline constexpr char kFirstTextByte = 8;

// Counts and near distances in the text are this plus the number, and so printable.
inline constexpr uint8_t kHoleNumber = 0x40;
inline constexpr uint64_t kNearMax = 8;

// Appends `text` with its runs packed to `packed`, and the bytes of the holes to `beside`. False if
// the text cannot be packed; what was appended is of no use then.
bool pack_text(std::string_view text, SentIds& ids, std::string& packed, std::string& beside);

// The other way: of the packed text at the front of `packed`, as much as becomes `length` bytes, or
// all of it. False, and perhaps some of it appended: that is no packed text, or it would become
// more than `length` bytes.
bool unpack_text(ByteReader& packed, ByteReader& beside, ReceivedIds& ids, size_t length,
                 std::string& text);

// The same for a line of a head, with the length of its body. The line is of at most `length`
// bytes.
bool unpack_line(std::string_view packed, ByteReader& beside, ReceivedIds& ids, uint64_t body_bytes,
                 size_t length, std::string& text);

// True if `text` has bytes that only a hole may be.
bool has_holes(std::string_view text);

}  // namespace httpteleport::teleport::v2
