// Addresses of sockets: IPv4, IPv6, unix.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace httpteleport::net {

// A socket address by value. Default constructed it is invalid. A unix address without a path is
// that of a client, which has bound its end to nothing.
class Address {
 public:
  Address() = default;
  Address(const sockaddr* address, socklen_t length);
  // A unix socket at an absolute or relative path, or, as "@name", one of the abstract namespace,
  // which has no file. Errors: kBadConfig when it is empty, has a NUL in it, or is longer than
  // kUnixPathBytesMax.
  static Result<Address> unix_path(std::string_view path);
  static constexpr size_t kUnixPathBytesMax = 107;

  bool is_valid() const { return length_ != 0; }
  bool is_ipv6() const { return storage_.ss_family == AF_INET6; }
  bool is_unix() const { return storage_.ss_family == AF_UNIX; }
  int family() const { return storage_.ss_family; }
  // 0 for a unix socket.
  uint16_t port() const;
  // The same with another port; of a unix socket: the same.
  Address with_port(uint16_t port) const;
  // As given to unix_path(); empty for what is no unix socket, and for one without a path.
  std::string path() const;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t length() const { return length_; }

  // "10.0.0.1" or "2001:db8::1"; IPv4 addresses mapped into IPv6 are shown as IPv4. Empty for a
  // unix socket.
  std::string ip() const;
  // "10.0.0.1:80", "[2001:db8::1]:80" or "unix:/run/x.sock".
  std::string to_string() const;

  friend bool operator==(const Address& a, const Address& b);

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

// "host:port" taken apart: the brackets of an IPv6 literal are removed, the host may be empty.
struct HostPort {
  std::string host;
  uint16_t port = 0;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// The address that `target` is, without asking anybody; invalid if its host is no IP address.
Address literal_address(const HostPort& target);

// Errors: kBadConfig with what is accepted. Port 0 is accepted (the kernel chooses).
Result<HostPort> parse_host_port(std::string_view text);

// The address to listen on for "host:port". An empty host means every address of the machine, IPv6
// and IPv4 alike; a name means its first IPv4 address, or IPv6 if it has no other, so that
// "localhost" is where most clients look for it.
Result<Address> resolve_listen(const HostPort& target);

// All addresses of a target to connect to, in the resolver's order; an empty host means 127.0.0.1.
// Blocks on name resolution: control threads only. Errors: kBadConfig when the name does not exist
// or the resolver gives no answer.
Result<std::vector<Address>> resolve_connect(const HostPort& target);

// The local address of a bound socket; invalid when the system call fails.
Address local_address(int fd);

}  // namespace httpteleport::net
