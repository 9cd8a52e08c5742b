// Bodies that nobody has to hold: every byte follows from (kind, seed, offset), so the sender makes
// it when it is sent and the receiver makes it again to compare. And the hash that stands for a
// body where only its sender can make it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace httpteleport::test {

// A good mixing of all 64 bits; the source of every pseudo-random choice in the tests.
constexpr uint64_t mix64(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// A description of one body. A value type; any part can be made at any time from any thread at a
// cost linear in the part.
class Content {
 public:
  // An empty body.
  Content() = default;
  // `size` pseudo-random bytes, which do not compress.
  static Content bytes(uint64_t size, uint64_t seed) { return {Kind::kBytes, size, seed}; }
  // One JSON array of exactly `size` bytes: records with names, numbers and uuids, which compress
  // as such documents do.
  static Content json(uint64_t size, uint64_t seed) { return {Kind::kJson, size, seed}; }
  // Runs of kMixedRunBytes, each with a seed of its own: such a document and such bytes in turn.
  static Content mixed(uint64_t size, uint64_t seed) { return {Kind::kMixed, size, seed}; }
  static constexpr uint64_t kMixedRunBytes = 48 * 1024;

  uint64_t size() const { return size_; }
  uint64_t seed() const { return seed_; }

  // Makes the bytes from `offset` on; offset + out.size() must not be over size().
  void read(uint64_t offset, std::span<char> out) const;
  // Whether `got` is exactly what stands at `offset`. False when it reaches beyond the end.
  bool matches(uint64_t offset, std::string_view got) const;
  // All of it, for small bodies.
  std::string to_string() const;

 private:
  enum class Kind : uint8_t { kBytes, kJson, kMixed };
  Content(Kind kind, uint64_t size, uint64_t seed) : kind_(kind), size_(size), seed_(seed) {}

  void read_bytes(uint64_t offset, std::span<char> out) const;
  void read_json(uint64_t offset, std::span<char> out) const;
  void read_mixed(uint64_t offset, std::span<char> out) const;

  Kind kind_ = Kind::kBytes;
  uint64_t size_ = 0;
  uint64_t seed_ = 0;
};

// A 64-bit hash of a byte stream; how the stream is cut does not matter. Not for secrets.
class Hash64 {
 public:
  void update(std::string_view bytes);
  // The hash of all bytes so far; more may follow.
  uint64_t value() const;
  uint64_t length() const { return length_; }
  // What `POST /hash` of the origin answers: 16 hex digits, a space, the length, a newline.
  std::string line() const;

 private:
  uint64_t state_ = 0x243f6a8885a308d3;
  uint64_t tail_ = 0;  // the last length_ % 8 bytes
  uint64_t length_ = 0;
};

}  // namespace httpteleport::test
