// What each end of a v2 link says first, behind the handshake and TLS: what it has room for
// (docs/protocol/teleport-v2.md, "Hello").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "teleport/v2/table_sizes.h"

namespace httpteleport::teleport::v2 {

struct Hello {
  TableSizes tables;                        // of what the sender of this will receive
  uint32_t stream_window = 256 * 1024;      // body bytes of one stream that it takes unasked
  uint32_t link_window = 16 * 1024 * 1024;  // of all streams together
  uint32_t streams = 10'000;                // open at a time; of the end that serves them

  friend bool operator==(const Hello&, const Hello&) = default;
};

inline constexpr size_t kHelloBytesMax = 256;

std::string encode_hello(const Hello& hello);

// The hello at the front of `bytes`; `consumed` is its length, or 0 when it is not complete yet.
// Fields that are not known are skipped. Errors: kMalformed, of `peer`.
Result<Hello> parse_hello(std::string_view bytes, Source peer, size_t& consumed);

}  // namespace httpteleport::teleport::v2
