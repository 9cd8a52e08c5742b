#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace httpteleport::net {

namespace {

Error bad(const char* detail) {
  return Error{Code::kBadConfig, Source::kInternal, 0, detail};
}

const sockaddr_in& as_v4(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in&>(storage);
}
const sockaddr_in6& as_v6(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in6&>(storage);
}

const sockaddr_un& as_unix(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_un&>(storage);
}

bool ipv6_is_available() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

Address any_address(uint16_t port) {
  if (ipv6_is_available()) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    return {reinterpret_cast<const sockaddr*>(&any), sizeof any};
  }
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  return {reinterpret_cast<const sockaddr*>(&any), sizeof any};
}

Result<std::vector<Address>> look_up(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) {
    return bad("the host name has no address");
  }
  std::vector<Address> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    addresses.emplace_back(entry->ai_addr, entry->ai_addrlen);
  }
  freeaddrinfo(list);
  if (addresses.empty()) return bad("the host name has no address");
  return addresses;
}

}  // namespace

Address::Address(const sockaddr* address, socklen_t length) : length_(length) {
  HT_ASSERT(length <= sizeof storage_);
  std::memcpy(&storage_, address, length);
}

Result<Address> Address::unix_path(std::string_view path) {
  static_assert(kUnixPathBytesMax + 1 == sizeof(sockaddr_un::sun_path));
  if (path.empty() || path == "@") return bad("the path of a unix socket is empty");
  if (path.find('\0') != std::string_view::npos) return bad("the path has a NUL in it");
  if (path.size() > kUnixPathBytesMax)
    return bad("the path of a unix socket has at most 107 bytes; a relative one may be shorter");
  const bool is_abstract = path.front() == '@';
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (is_abstract) address.sun_path[0] = '\0';
  // The NUL behind a path counts; an abstract name is as long as the address says.
  const size_t length =
      offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? size_t{0} : size_t{1});
  return Address(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length));
}

bool operator==(const Address& a, const Address& b) {
  return a.length_ == b.length_ && std::memcmp(&a.storage_, &b.storage_, a.length_) == 0;
}

std::string Address::path() const {
  constexpr size_t kPathAt = offsetof(sockaddr_un, sun_path);
  if (!is_unix() || length_ <= kPathAt) return "";
  const std::string_view bytes(as_unix(storage_).sun_path, length_ - kPathAt);
  if (bytes.front() == '\0') return "@" + std::string(bytes.substr(1));
  return std::string(bytes.substr(0, bytes.find('\0')));
}

uint16_t Address::port() const {
  if (is_unix()) return 0;
  return ntohs(is_ipv6() ? as_v6(storage_).sin6_port : as_v4(storage_).sin_port);
}

Address Address::with_port(uint16_t port) const {
  Address other = *this;
  if (family() == AF_INET) reinterpret_cast<sockaddr_in&>(other.storage_).sin_port = htons(port);
  if (is_ipv6()) reinterpret_cast<sockaddr_in6&>(other.storage_).sin6_port = htons(port);
  return other;
}

std::string Address::ip() const {
  if (!is_valid()) return "unknown";
  if (is_unix()) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!is_ipv6()) {
    inet_ntop(AF_INET, &as_v4(storage_).sin_addr, text.data(), text.size());
  } else if (const in6_addr& ip = as_v6(storage_).sin6_addr; IN6_IS_ADDR_V4MAPPED(&ip)) {
    inet_ntop(AF_INET, &ip.s6_addr[12], text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, &ip, text.data(), text.size());
  }
  return text.data();
}

std::string Address::to_string() const {
  if (is_unix()) return "unix:" + path();
  const std::string host = ip();
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(is_valid() ? port() : 0);
}

Address literal_address(const HostPort& target) {
  // A NUL would end the text early.
  if (target.host.find('\0') != std::string::npos) return {};
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(target.port);
  if (inet_pton(AF_INET, target.host.c_str(), &v4.sin_addr) == 1)
    return {reinterpret_cast<const sockaddr*>(&v4), sizeof v4};
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(target.port);
  if (inet_pton(AF_INET6, target.host.c_str(), &v6.sin6_addr) == 1)
    return {reinterpret_cast<const sockaddr*>(&v6), sizeof v6};
  return {};
}

Result<HostPort> parse_host_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return bad("no port; host:port, :port or [ipv6]:port is accepted");
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad("an IPv6 address goes in brackets: [ipv6]:port");
  }
  uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size() || port_text.empty()) {
    return bad("the port is not a number from 0 to 65535");
  }
  return HostPort{.host = std::string(host), .port = port};
}

Result<Address> resolve_listen(const HostPort& target) {
  if (target.host.empty()) return any_address(target.port);
  Result<std::vector<Address>> addresses = look_up(target.host, target.port, AI_PASSIVE);
  if (!addresses) return addresses.error();
  for (const Address& address : *addresses) {
    if (!address.is_ipv6()) return address;
  }
  return addresses->front();
}

Result<std::vector<Address>> resolve_connect(const HostPort& target) {
  return look_up(target.host.empty() ? "127.0.0.1" : target.host, target.port, 0);
}

Address local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return {reinterpret_cast<const sockaddr*>(&storage), length};
}

}  // namespace httpteleport::net
