// The 15 bytes each end of a link sends first, whatever version it speaks from then on
// (docs/protocol/teleport-v0.md, "Handshake").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "compress/stream.h"

namespace httpteleport::teleport {

inline constexpr size_t kHandshakeBytes = 15;

// The wire's numbers.
enum class Version : uint8_t { kV0 = 0, kV2 = 2 };

// The wire's numbers. v0 has the first three, v2 kNone and kZstd.
enum class Coding : uint8_t { kFlate = 0, kNone = 1, kSnappy = 2, kZstd = 3 };

Coding coding_of(compress::Method method);
// Of a coding that v0 has.
compress::Method method_of(Coding coding);

struct Handshake {
  Version version = Version::kV0;
  Coding coding = Coding::kNone;  // of what the sender of this will write
  bool tls = false;
};

// The versions that an end is ready to speak.
struct AcceptedVersions {
  bool v0 = false;
  bool v2 = false;

  friend bool operator==(const AcceptedVersions&, const AcceptedVersions&) = default;
};

std::array<char, kHandshakeBytes> encode_handshake(const Handshake& handshake);

// True when `bytes` (any length) may be the beginning of a handshake; for refusing a peer that
// speaks something else before it has sent all 15 bytes.
bool may_be_handshake(std::string_view bytes);

// Takes exactly kHandshakeBytes bytes. Errors: kMalformed (wrong magic, a compression that the
// version does not have), kBadVersion (not one of `accepted`).
Result<Handshake> parse_handshake(std::string_view bytes, AcceptedVersions accepted, Source peer);

}  // namespace httpteleport::teleport
