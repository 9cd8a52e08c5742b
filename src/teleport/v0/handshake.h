// The 15 bytes each end of a v0 link sends first (docs/protocol/teleport-v0.md, "Handshake").
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"
#include "compress/stream.h"

namespace httpteleport::teleport::v0 {

inline constexpr size_t kHandshakeBytes = 15;

struct Handshake {
  compress::Method compression = compress::Method::kNone;  // of what the sender of this will write
  bool tls = false;
};

std::array<char, kHandshakeBytes> encode_handshake(const Handshake& handshake);

// True when `bytes` (any length) may be the beginning of a handshake; for refusing a peer that
// speaks something else before it has sent all 15 bytes.
bool may_be_handshake(std::string_view bytes);

// Takes exactly kHandshakeBytes bytes. Errors: kMalformed (wrong magic, unknown compression),
// kBadVersion.
Result<Handshake> parse_handshake(std::string_view bytes, Source peer);

}  // namespace httpteleport::teleport::v0
