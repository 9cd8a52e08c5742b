// The PROXY protocol, versions 1 and 2: a header before everything else on a connection, in which a
// load balancer says whose connection it passes on.
//
// Sans-I/O: bytes in, a header out, and back. Stricter than the specification in that a header must
// be exactly as it is written there: one blank between the parts of version 1, numbers without
// leading zeros, addresses of the family that is named, and no bytes of version 2 that belong to
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/address.h"

namespace httpteleport::net {

enum class ProxyVersion : uint8_t { kV1, kV2 };

struct ProxyHeader {
  ProxyVersion version = ProxyVersion::kV1;
  // Both invalid when the header says nothing of them (UNKNOWN, LOCAL, UNSPEC): then the addresses
  // of the connection itself hold.
  Address source{};
  Address destination{};
};

// Bytes of a header of version 1 at most, CRLF included (section 2.1 of the specification).
inline constexpr size_t kProxyV1BytesMax = 107;
// Bytes of a header of version 2 at most; the format would allow 64 KiB of additions.
inline constexpr size_t kProxyV2BytesMax = 4096;

// Which versions are accepted.
struct ProxyVersions {
  bool v1 = false;
  bool v2 = false;

  bool any() const { return v1 || v2; }
};

// Reads the header that `bytes` begins with. Returns its size, or 0 when more bytes are needed;
// then `bytes` is shorter than kProxyV2BytesMax. The additions (TLV) of version 2 are checked for
// their lengths and skipped. Errors, all kMalformed or kHeadTooLarge of the downstream: not a
// header of an accepted version, or a broken or too long one. They may be found before the header
// is whole.
Result<size_t> parse_proxy_header(std::string_view bytes, ProxyVersions accepted,
                                  ProxyHeader& header);

// The header in its version. Without addresses, with two of different families, or with unix ones
// in version 1, it is UNKNOWN or LOCAL.
std::string encode_proxy_header(const ProxyHeader& header);

}  // namespace httpteleport::net
