#include "teleport/handshake.h"

#include <algorithm>
#include <optional>

namespace httpteleport::teleport {

namespace {

constexpr std::string_view kMagic = "httpteleport";

std::optional<Version> parse_version(char byte, AcceptedVersions accepted) {
  const auto version = static_cast<Version>(static_cast<uint8_t>(byte));
  if (version == Version::kV0 && accepted.v0) return version;
  if (version == Version::kV2 && accepted.v2) return version;
  return std::nullopt;
}

bool has_coding(Version version, Coding coding) {
  switch (coding) {
    case Coding::kFlate:
    case Coding::kSnappy:
      return version == Version::kV0;
    case Coding::kNone:
      return true;
    case Coding::kZstd:
      return version == Version::kV2;
  }
  return false;  // a number that is none of them
}

}  // namespace

Coding coding_of(compress::Method method) {
  switch (method) {
    case compress::Method::kFlate:
      return Coding::kFlate;
    case compress::Method::kNone:
      return Coding::kNone;
    case compress::Method::kSnappy:
      return Coding::kSnappy;
  }
  HT_ASSERT(false);
}

compress::Method method_of(Coding coding) {
  switch (coding) {
    case Coding::kFlate:
      return compress::Method::kFlate;
    case Coding::kNone:
      return compress::Method::kNone;
    case Coding::kSnappy:
      return compress::Method::kSnappy;
    case Coding::kZstd:
      break;
  }
  HT_ASSERT(false);
}

std::array<char, kHandshakeBytes> encode_handshake(const Handshake& handshake) {
  std::array<char, kHandshakeBytes> bytes;
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  bytes[12] = static_cast<char>(handshake.version);
  bytes[13] = static_cast<char>(handshake.coding);
  bytes[14] = handshake.tls ? 1 : 0;
  return bytes;
}

bool may_be_handshake(std::string_view bytes) {
  const size_t compared = std::min(bytes.size(), kMagic.size());
  return bytes.substr(0, compared) == kMagic.substr(0, compared);
}

Result<Handshake> parse_handshake(std::string_view bytes, AcceptedVersions accepted, Source peer) {
  HT_ASSERT(bytes.size() == kHandshakeBytes);
  if (!may_be_handshake(bytes))
    return Error{Code::kMalformed, peer, 0, "the peer does not speak teleport"};
  const std::optional<Version> version = parse_version(bytes[12], accepted);
  if (!version) {
    return Error{Code::kBadVersion, peer, 0,
                 accepted.v2 ? "the peer speaks a teleport version that is not spoken here"
                             : "the peer speaks a teleport version other than 0"};
  }
  const auto coding = static_cast<Coding>(static_cast<uint8_t>(bytes[13]));
  if (!has_coding(*version, coding))
    return Error{Code::kMalformed, peer, 0, "the peer names a compression that is not known"};
  return Handshake{.version = *version, .coding = coding, .tls = bytes[14] != 0};
}

}  // namespace httpteleport::teleport
