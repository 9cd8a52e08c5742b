// Datagrams one behind the other, each behind its length in two bytes, the higher one first.
#pragma once

#include <string_view>

#include "base/buffer.h"

namespace httpteleport {

inline constexpr size_t kLengthPrefixBytes = 2;

// `bytes` are at most 65,535.
inline void append_prefixed(BufferChain& to, std::string_view bytes) {
  const char length[kLengthPrefixBytes] = {static_cast<char>(bytes.size() >> 8),
                                           static_cast<char>(bytes.size() & 0xff)};
  to.append({length, kLengthPrefixBytes});
  to.append(bytes);
}

// `prefix` has kLengthPrefixBytes at least.
inline size_t prefixed_length(std::string_view prefix) {
  return static_cast<size_t>(static_cast<unsigned char>(prefix[0])) << 8 |
         static_cast<unsigned char>(prefix[1]);
}

}  // namespace httpteleport
