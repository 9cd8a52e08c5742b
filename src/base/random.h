// Chance for choices that nobody gains from guessing: a few shifts and a multiplication.
#pragma once

#include <cstdint>

namespace httpteleport {

// Turns neighbours into strangers: each bit of the result depends on every bit of `value`.
inline uint64_t mix_bits(uint64_t value) {
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93u;
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93u;
  value ^= value >> 32;
  return value;
}

// A Weyl sequence, mixed: period 2^64, any seed is good. Not for secrets.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() { return mix_bits(state_ += 0x9e3779b97f4a7c15u); }
  // 0..bound-1; `bound` > 0. The bias is below bound / 2^32.
  uint32_t below(uint32_t bound) {
    return static_cast<uint32_t>(((next() >> 32) * uint64_t{bound}) >> 32);
  }

 private:
  uint64_t state_;
};

}  // namespace httpteleport
