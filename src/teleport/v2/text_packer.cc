#include "teleport/v2/text_packer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace httpteleport::teleport::v2 {

namespace {

constexpr size_t kDigitsMin = kIdBytesMin * 2;
constexpr size_t kDigitsMax = kIdBytesMax * 2;
constexpr size_t kUuidChars = 36;
constexpr size_t kUuidBytes = 16;
constexpr std::array<size_t, 5> kUuidGroups = {8, 4, 4, 4, 12};

constexpr uint8_t kNoDigit = 0xff;

consteval std::array<uint8_t, 256> make_digit_values() {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (uint8_t i = 0; i < 10; ++i)
    values['0' + i] = i;
  for (uint8_t i = 0; i < 6; ++i)
    values['a' + i] = static_cast<uint8_t>(10 + i);
  return values;
}
constexpr std::array<uint8_t, 256> kDigitValues = make_digit_values();

uint8_t digit_value(char c) {
  return kDigitValues[static_cast<uint8_t>(c)];
}
bool is_digit(char c) {
  return digit_value(c) != kNoDigit;
}

// Bit i: byte i of the 64 at `at` is a lower-case hexadecimal digit, or is below kFirstTextByte.
struct Classes {
  uint64_t digits = 0;
  uint64_t controls = 0;
};

Classes classify(const char* at) {
  Classes classes;
#ifdef __SSE2__
  const auto is_between = [](__m128i bytes, char low, char high) {
    const __m128i distance = _mm_sub_epi8(bytes, _mm_set1_epi8(low));
    const __m128i width = _mm_set1_epi8(static_cast<char>(high - low));
    return _mm_cmpeq_epi8(_mm_min_epu8(distance, width), distance);
  };
  for (int i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i * 16));
    const __m128i digits = _mm_or_si128(is_between(bytes, '0', '9'), is_between(bytes, 'a', 'f'));
    const __m128i controls = is_between(bytes, 0, kFirstTextByte - 1);
    classes.digits |= static_cast<uint64_t>(_mm_movemask_epi8(digits)) << (i * 16);
    classes.controls |= static_cast<uint64_t>(_mm_movemask_epi8(controls)) << (i * 16);
  }
#else
  for (int i = 0; i < 64; ++i) {
    classes.digits |= uint64_t{is_digit(at[i])} << i;
    classes.controls |= uint64_t{static_cast<uint8_t>(at[i]) < kFirstTextByte} << i;
  }
#endif
  return classes;
}

Classes classify(std::string_view text) {
  if (text.size() >= 64) return classify(text.data());
  std::array<char, 64> padded;
  padded.fill(' ');
  std::memcpy(padded.data(), text.data(), text.size());
  return classify(padded.data());
}

// Of a text of `count` bytes.
constexpr size_t kNowhere = SIZE_MAX;

// Where the next eight digits in a row begin, or kNowhere. `controls` becomes true if control
// bytes were seen on the way.
size_t find_digits(std::string_view text, size_t from, bool& controls) {
  // A row may begin in any of the first 57 of 64 bytes and still be seen whole.
  for (size_t at = from; at < text.size(); at += 57) {
    const Classes classes = classify(text.substr(at));
    controls |= classes.controls != 0;
    uint64_t rows = classes.digits;
    rows &= rows >> 1;
    rows &= rows >> 2;
    rows &= rows >> 4;
    if (rows != 0) return at + static_cast<size_t>(std::countr_zero(rows));
  }
  return kNowhere;
}

bool is_uuid(std::string_view text) {
  if (text.size() < kUuidChars) return false;
  size_t at = 0;
  for (const size_t group : kUuidGroups) {
    if (at > 0 && text[at++] != '-') return false;
    for (size_t i = 0; i < group; ++i) {
      if (!is_digit(text[at++])) return false;
    }
  }
  return text.size() == kUuidChars || !is_digit(text[kUuidChars]);
}

struct Id {
  std::array<char, kIdBytesMax> bytes;
  size_t size = 0;
  std::string_view view() const { return {bytes.data(), size}; }
};

// Of digits, and hyphens among them.
Id read_digits(std::string_view text) {
  Id id;
  bool high = true;
  for (const char c : text) {
    if (c == '-') continue;
    const uint8_t value = digit_value(c);
    if (high) {
      id.bytes[id.size] = static_cast<char>(value << 4);
    } else {
      id.bytes[id.size] = static_cast<char>(static_cast<uint8_t>(id.bytes[id.size]) | value);
      ++id.size;
    }
    high = !high;
  }
  return id;
}

void write_digits(std::string_view bytes, std::string& text) {
  for (const char byte : bytes) {
    const auto value = static_cast<uint8_t>(byte);
    text.push_back("0123456789abcdef"[value >> 4]);
    text.push_back("0123456789abcdef"[value & 15]);
  }
}

void write_uuid(std::string_view bytes, std::string& text) {
  size_t at = 0;
  for (const size_t group : kUuidGroups) {
    if (at > 0) text.push_back('-');
    write_digits(bytes.substr(at, group / 2), text);
    at += group / 2;
  }
}

void pack_id(std::string_view digits, bool uuid, SentIds& ids, std::string& packed,
             std::string& beside) {
  const auto put = [&](Hole hole) { packed.push_back(static_cast<char>(hole)); };
  const Id id = read_digits(digits);
  const auto distance = ids.find_or_add(id.view());
  if (!distance) {
    put(uuid ? Hole::kUuid : Hole::kHex);
    if (!uuid) packed.push_back(static_cast<char>(kHoleNumber + id.size));
    beside.append(id.view());
  } else if (*distance <= kNearMax) {
    put(uuid ? Hole::kNearUuid : Hole::kNearHex);
    packed.push_back(static_cast<char>(kHoleNumber + *distance));
  } else {
    put(uuid ? Hole::kFarUuid : Hole::kFarHex);
    append_varint(beside, *distance);
  }
}

// The bytes of the identifier that a hole stands for.
std::optional<std::string_view> read_id(Hole hole, ByteReader& packed, ByteReader& beside,
                                        ReceivedIds& ids) {
  const bool is_new = hole == Hole::kUuid || hole == Hole::kHex;
  if (!is_new) {
    const bool near = hole == Hole::kNearUuid || hole == Hole::kNearHex;
    return ids.find(near ? packed.byte() - uint64_t{kHoleNumber} : beside.varint());
  }
  const size_t size = hole == Hole::kUuid ? kUuidBytes : packed.byte() - size_t{kHoleNumber};
  if (size < kIdBytesMin || size > kIdBytesMax) return {};
  const std::string_view bytes = beside.bytes(size);
  if (beside.failed()) return {};
  ids.add(bytes);
  return bytes;
}

bool unpack_hole(Hole hole, ByteReader& packed, ByteReader& beside, ReceivedIds& ids,
                 std::string& text) {
  const auto id = read_id(hole, packed, beside, ids);
  if (!id) return false;
  const bool uuid = hole == Hole::kUuid || hole == Hole::kNearUuid || hole == Hole::kFarUuid;
  if (!uuid) {
    write_digits(*id, text);
  } else if (id->size() != kUuidBytes) {
    return false;
  } else {
    write_uuid(*id, text);
  }
  return true;
}

// How many bytes from the front of `text` are no holes.
size_t count_plain(std::string_view text) {
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    // The high bit of each byte below 8, and perhaps of some behind the first such one.
    const uint64_t low = (word - 0x0808080808080808) & ~word & 0x8080808080808080;
    if (low != 0) return at + static_cast<size_t>(std::countr_zero(low)) / 8;
  }
  while (at < text.size() && static_cast<uint8_t>(text[at]) >= kFirstTextByte)
    ++at;
  return at;
}

}  // namespace

bool has_holes(std::string_view text) {
  return count_plain(text) < text.size();
}

bool pack_text(std::string_view text, SentIds& ids, std::string& packed, std::string& beside) {
  size_t done = 0;
  bool controls = false;
  for (size_t at = find_digits(text, 0, controls); at != kNowhere && !controls;
       at = find_digits(text, at, controls)) {
    // No farther than an identifier reaches: a run may be as long as the text.
    const size_t limit = std::min(text.size(), at + kDigitsMax);
    size_t end = at + 8;
    while (end < limit && is_digit(text[end]))
      ++end;
    const bool uuid = end - at == 8 && is_uuid(text.substr(at));
    if (uuid) {
      end = at + kUuidChars;
    } else if (end - at >= kDigitsMin) {
      end = at + ((end - at) & ~size_t{1});
    } else {
      at = end;
      continue;
    }
    packed.append(text.substr(done, at - done));
    pack_id(text.substr(at, end - at), uuid, ids, packed, beside);
    done = at = end;
  }
  packed.append(text.substr(done));
  return !controls;
}

bool unpack_text(ByteReader& packed, ByteReader& beside, ReceivedIds& ids, size_t length,
                 std::string& text) {
  const size_t end = text.size() + length;
  while (text.size() < end) {
    const std::string_view rest = packed.rest().substr(0, end - text.size());
    const size_t plain = count_plain(rest);
    text.append(packed.bytes(plain));
    if (text.size() == end) break;
    if (packed.at_end()) return false;
    const auto hole = static_cast<Hole>(packed.byte());
    if (hole < Hole::kUuid || hole > Hole::kFarHex) return false;
    if (!unpack_hole(hole, packed, beside, ids, text)) return false;
  }
  return text.size() == end;
}

bool unpack_line(std::string_view line, ByteReader& beside, ReceivedIds& ids, uint64_t body_bytes,
                 size_t length, std::string& text) {
  const size_t end = text.size() + length;
  ByteReader packed(line);
  while (text.size() <= end) {
    text.append(packed.bytes(count_plain(packed.rest())));
    if (packed.at_end()) break;
    const auto hole = static_cast<Hole>(packed.byte());
    if (hole == Hole::kLength) {
      std::array<char, 20> digits;
      text.append(digits.data(), std::to_chars(digits.begin(), digits.end(), body_bytes).ptr);
    } else if (hole < Hole::kUuid || hole > Hole::kFarHex ||
               !unpack_hole(hole, packed, beside, ids, text)) {
      return false;
    }
  }
  return text.size() <= end;
}

}  // namespace httpteleport::teleport::v2
