#include "net/proxy_protocol.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace httpteleport::net {

namespace {

constexpr std::string_view kV1Begin = "PROXY ";
constexpr std::string_view kV2Begin("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kV2FixedBytes = 16;
constexpr uint8_t kV2Local = 0x20;  // version and command in one byte
constexpr uint8_t kV2Proxy = 0x21;
constexpr size_t kUnixBytes = 108;  // of one address
constexpr size_t kTlvHeadBytes = 3;

// The byte that says family and transport. Only streams reach us.
constexpr uint8_t kUnspec = 0x00;
constexpr uint8_t kTcp4 = 0x11;
constexpr uint8_t kTcp6 = 0x21;
constexpr uint8_t kUnixStream = 0x31;

Error malformed(const char* detail) {
  return {Code::kMalformed, Source::kDownstream, 0, detail};
}

uint8_t byte_at(std::string_view bytes, size_t index) {
  return static_cast<uint8_t>(bytes[index]);
}

size_t number_at(std::string_view bytes, size_t index) {
  return size_t{byte_at(bytes, index)} << 8 | byte_at(bytes, index + 1);
}

// `ip` and `port` in network order.
Address make_v4(const void* ip, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = port;
  std::memcpy(&address.sin_addr, ip, sizeof address.sin_addr);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

Address make_v6(const void* ip, uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = port;
  std::memcpy(&address.sin6_addr, ip, sizeof address.sin6_addr);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

// ---- Version 1.

// The part up to the next blank, which is used up too.
std::optional<std::string_view> next_part(std::string_view& line) {
  const size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const std::string_view part = line.substr(0, blank);
  line.remove_prefix(blank + 1);
  return part;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return htons(port);
}

std::optional<Address> parse_v1_address(bool v6, std::string_view ip_text,
                                        std::string_view port_text) {
  const std::optional<uint16_t> port = parse_port(port_text);
  std::array<uint8_t, 16> ip{};
  // A NUL would end the text early.
  if (!port || ip_text.find('\0') != std::string_view::npos) return std::nullopt;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, std::string(ip_text).c_str(), ip.data()) != 1)
    return std::nullopt;
  return v6 ? make_v6(ip.data(), *port) : make_v4(ip.data(), *port);
}

Result<void> parse_v1_line(std::string_view line, ProxyHeader& header) {
  // What follows UNKNOWN is not looked at, as the specification asks.
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return {};
  const auto family = next_part(line);
  const auto source_ip = next_part(line);
  const auto destination_ip = next_part(line);
  const auto source_port = next_part(line);
  if (!family || !source_ip || !destination_ip || !source_port)
    return malformed("a PROXY header has not all of its parts");
  if (*family != "TCP4" && *family != "TCP6")
    return malformed("a PROXY header names an unknown family");
  const bool v6 = *family == "TCP6";
  const auto source = parse_v1_address(v6, *source_ip, *source_port);
  const auto destination = parse_v1_address(v6, *destination_ip, line);
  if (!source || !destination) return malformed("a PROXY header has an address that is none");
  header.source = *source;
  header.destination = *destination;
  return {};
}

Result<size_t> parse_v1(std::string_view bytes, ProxyHeader& header) {
  const std::string_view room = bytes.substr(0, kProxyV1BytesMax);
  const size_t end = room.find('\n');
  if (end == std::string_view::npos) {
    if (room.size() < kProxyV1BytesMax) return size_t{0};
    return Error{Code::kHeadTooLarge, Source::kDownstream, 0, "a PROXY header is too long"};
  }
  std::string_view line = room.substr(0, end);
  if (!line.ends_with('\r')) return malformed("a PROXY header does not end with CRLF");
  line.remove_suffix(1);
  line.remove_prefix(kV1Begin.size());
  if (line.find('\r') != std::string_view::npos)
    return malformed("a PROXY header has a bare CR in it");
  header.version = ProxyVersion::kV1;
  if (const Result<void> parsed = parse_v1_line(line, header); !parsed) return parsed.error();
  return end + 1;
}

// ---- Version 2.

// Bytes of the two addresses; nothing for a family or transport that is not known.
std::optional<size_t> address_bytes(uint8_t family) {
  switch (family) {
    case kUnspec:
      return 0;
    case kTcp4:
      return 12;
    case kTcp6:
      return 36;
    case kUnixStream:
      return 2 * kUnixBytes;
    default:
      return std::nullopt;
  }
}

// An address of a client without a path is all zeros.
Result<Address> parse_unix(std::string_view bytes) {
  const bool is_abstract = bytes.front() == '\0' && bytes[1] != '\0';
  std::string path(bytes.substr(0, bytes.find('\0')));
  if (is_abstract) path = "@" + std::string(bytes.substr(1, bytes.find('\0', 1) - 1));
  if (path.empty()) {
    sockaddr unnamed{};
    unnamed.sa_family = AF_UNIX;
    return Address(&unnamed, sizeof unnamed.sa_family);
  }
  const Result<Address> address = Address::unix_path(path);
  if (!address) return malformed("a PROXY header has a path that is none");
  return *address;
}

Result<void> parse_v2_addresses(uint8_t family, std::string_view bytes, ProxyHeader& header) {
  if (family == kTcp4 || family == kTcp6) {
    const size_t ip_bytes = family == kTcp4 ? 4 : 16;
    const auto make = family == kTcp4 ? make_v4 : make_v6;
    const std::string_view ports = bytes.substr(2 * ip_bytes);
    header.source = make(bytes.data(), htons(static_cast<uint16_t>(number_at(ports, 0))));
    header.destination =
        make(bytes.data() + ip_bytes, htons(static_cast<uint16_t>(number_at(ports, 2))));
  } else if (family == kUnixStream) {
    const Result<Address> source = parse_unix(bytes.substr(0, kUnixBytes));
    const Result<Address> destination = parse_unix(bytes.substr(kUnixBytes, kUnixBytes));
    if (!source) return source.error();
    if (!destination) return destination.error();
    header.source = *source;
    header.destination = *destination;
  }
  return {};
}

// A type, a length of two bytes, and so many bytes; again and again.
bool are_additions_whole(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes.size() < kTlvHeadBytes) return false;
    const size_t size = kTlvHeadBytes + number_at(bytes, 1);
    if (bytes.size() < size) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

Result<size_t> parse_v2(std::string_view bytes, ProxyHeader& header) {
  if (bytes.size() > 12 && byte_at(bytes, 12) != kV2Local && byte_at(bytes, 12) != kV2Proxy)
    return malformed("a PROXY header has an unknown version or command");
  if (bytes.size() < kV2FixedBytes) return size_t{0};
  const size_t size = kV2FixedBytes + number_at(bytes, 14);
  if (size > kProxyV2BytesMax)
    return Error{Code::kHeadTooLarge, Source::kDownstream, 0, "a PROXY header is too long"};
  const bool is_local = byte_at(bytes, 12) == kV2Local;
  const uint8_t family = byte_at(bytes, 13);
  std::optional<size_t> fixed = address_bytes(family);
  // The family of LOCAL says nothing, nor does what follows it.
  if (!is_local && !fixed) return malformed("a PROXY header names an unknown family or transport");
  if (!is_local && size < kV2FixedBytes + *fixed)
    return malformed("a PROXY header is too short for its addresses");
  if (bytes.size() < size) return size_t{0};
  header.version = ProxyVersion::kV2;
  if (is_local) return size;
  const std::string_view body = bytes.substr(kV2FixedBytes, size - kV2FixedBytes);
  // What follows UNSPEC belongs to a family that the sender knows and we do not.
  if (family != kUnspec && !are_additions_whole(body.substr(*fixed)))
    return malformed("a PROXY header has an addition that is longer than the header");
  if (const Result<void> parsed = parse_v2_addresses(family, body, header); !parsed)
    return parsed.error();
  return size;
}

// ---- Encoding.

bool begins_like(std::string_view bytes, std::string_view begin) {
  const size_t size = std::min(bytes.size(), begin.size());
  return bytes.substr(0, size) == begin.substr(0, size);
}

// An IPv4 address mapped into IPv6 as IPv4: the two of a connection must be of one family, and a
// socket on :: has mapped ones.
Address without_mapping(const Address& address) {
  if (!address.is_ipv6()) return address;
  const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(address.get());
  if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return address;
  return make_v4(&v6.sin6_addr.s6_addr[12], v6.sin6_port);
}

void append_number(std::string& text, size_t number) {
  text += static_cast<char>(number >> 8 & 0xff);
  text += static_cast<char>(number & 0xff);
}

void append_ip(std::string& text, const Address& address) {
  if (address.is_ipv6()) {
    text.append(reinterpret_cast<const char*>(
                    &reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr),
                16);
  } else {
    text.append(reinterpret_cast<const char*>(
                    &reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr),
                4);
  }
}

void append_unix(std::string& text, const Address& address) {
  std::string path = address.path();
  if (path.starts_with('@')) path.front() = '\0';
  path.resize(kUnixBytes);
  text += path;
}

std::string encode_v1(const Address& source, const Address& destination) {
  return std::string(source.is_ipv6() ? "PROXY TCP6 " : "PROXY TCP4 ") + source.ip() + " " +
         destination.ip() + " " + std::to_string(source.port()) + " " +
         std::to_string(destination.port()) + "\r\n";
}

std::string encode_v2(uint8_t family, const Address& source, const Address& destination) {
  std::string text(kV2Begin);
  text += static_cast<char>(kV2Proxy);
  text += static_cast<char>(family);
  append_number(text, *address_bytes(family));
  if (family == kUnixStream) {
    append_unix(text, source);
    append_unix(text, destination);
    return text;
  }
  append_ip(text, source);
  append_ip(text, destination);
  append_number(text, source.port());
  append_number(text, destination.port());
  return text;
}

}  // namespace

Result<size_t> parse_proxy_header(std::string_view bytes, ProxyVersions accepted,
                                  ProxyHeader& header) {
  header = {};
  if (accepted.v1 && begins_like(bytes, kV1Begin))
    return bytes.size() < kV1Begin.size() ? size_t{0} : parse_v1(bytes, header);
  if (accepted.v2 && begins_like(bytes, kV2Begin))
    return bytes.size() < kV2Begin.size() ? size_t{0} : parse_v2(bytes, header);
  return malformed("the connection does not begin with a PROXY header of an accepted version");
}

std::string encode_proxy_header(const ProxyHeader& header) {
  const Address source = without_mapping(header.source);
  const Address destination = without_mapping(header.destination);
  const bool known =
      source.is_valid() && destination.is_valid() && source.family() == destination.family();
  if (header.version == ProxyVersion::kV1) {
    if (!known || source.is_unix()) return "PROXY UNKNOWN\r\n";
    return encode_v1(source, destination);
  }
  if (!known) {
    std::string local(kV2Begin);
    local += static_cast<char>(kV2Local);
    local += static_cast<char>(kUnspec);
    append_number(local, 0);
    return local;
  }
  if (source.is_unix()) return encode_v2(kUnixStream, source, destination);
  return encode_v2(source.is_ipv6() ? kTcp6 : kTcp4, source, destination);
}

}  // namespace httpteleport::net
