// A hash of short texts for the sender's tables. Not for the wire: each end may use another one.
// The seed is random, so that nobody can choose texts of one bucket.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace httpteleport::teleport::v2 {

uint64_t random_seed();

inline uint64_t hash_of(std::string_view text, uint64_t seed) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
  uint64_t hash = seed ^ (text.size() * kMultiplier);
  size_t at = 0;
  const auto mix = [&](uint64_t word) {
    const unsigned __int128 product = static_cast<unsigned __int128>(hash ^ word) * kMultiplier;
    hash = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    mix(word);
  }
  uint64_t last = 0;
  if (at < text.size()) std::memcpy(&last, text.data() + at, text.size() - at);
  mix(last);
  return hash;
}

}  // namespace httpteleport::teleport::v2
