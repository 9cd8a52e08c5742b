#include "teleport/v0/handshake.h"

#include <algorithm>

namespace httpteleport::teleport::v0 {

namespace {

constexpr std::string_view kMagic = "httpteleport";
constexpr char kVersion = 0;

// The wire's numbers are not the enumeration's.
char wire_number(compress::Method method) {
  switch (method) {
    case compress::Method::kFlate:
      return 0;
    case compress::Method::kNone:
      return 1;
    case compress::Method::kSnappy:
      return 2;
  }
  return 1;
}

}  // namespace

std::array<char, kHandshakeBytes> encode_handshake(const Handshake& handshake) {
  std::array<char, kHandshakeBytes> bytes;
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  bytes[12] = kVersion;
  bytes[13] = wire_number(handshake.compression);
  bytes[14] = handshake.tls ? 1 : 0;
  return bytes;
}

bool may_be_handshake(std::string_view bytes) {
  const size_t compared = std::min(bytes.size(), kMagic.size());
  return bytes.substr(0, compared) == kMagic.substr(0, compared);
}

Result<Handshake> parse_handshake(std::string_view bytes, Source peer) {
  HT_ASSERT(bytes.size() == kHandshakeBytes);
  if (!may_be_handshake(bytes))
    return Error{Code::kMalformed, peer, 0, "the peer does not speak teleport"};
  if (bytes[12] != kVersion)
    return Error{Code::kBadVersion, peer, 0, "the peer speaks a teleport version other than 0"};
  Handshake handshake;
  for (const auto method :
       {compress::Method::kFlate, compress::Method::kNone, compress::Method::kSnappy}) {
    if (bytes[13] != wire_number(method)) continue;
    handshake.compression = method;
    handshake.tls = bytes[14] != 0;
    return handshake;
  }
  return Error{Code::kMalformed, peer, 0, "the peer names a compression that is not known"};
}

}  // namespace httpteleport::teleport::v0
