// Unsigned integers of 1 to 10 bytes, 7 bits a byte, lowest first; the high bit says that more
// follow (docs/protocol/teleport-v2.md, "Numbers"). Only the shortest form is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace httpteleport::teleport::v2 {

inline constexpr size_t kVarintBytesMax = 10;

inline void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

inline size_t varint_bytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7)
    ++bytes;
  return bytes;
}

// Signed ones with small absolute values in few bytes: 0, -1, 1, -2 are 0, 1, 2, 3.
inline uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Takes bytes from the front of a text; whatever is not there, or not in the shortest form, leaves
// it failed, and everything taken from then on is zero or empty.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool failed() const { return failed_; }
  bool at_end() const { return at_ == end_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  std::string_view rest() const { return {at_, left()}; }

  uint8_t byte() {
    if (at_ == end_) return fail();
    return static_cast<uint8_t>(*at_++);
  }
  std::string_view bytes(size_t count) {
    if (count > left()) {
      fail();
      return {};
    }
    at_ += count;
    return {at_ - count, count};
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t next = byte();
      if (shift == 63 && next > 1) return fail();
      value |= static_cast<uint64_t>(next & 0x7f) << shift;
      if (next < 0x80) return next == 0 && shift > 0 ? fail() : value;
    }
    return fail();
  }
  uint8_t fail() {
    failed_ = true;
    at_ = end_;
    return 0;
  }

 private:
  const char* at_;
  const char* end_;
  bool failed_ = false;
};

}  // namespace httpteleport::teleport::v2
