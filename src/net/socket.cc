#include "net/socket.h"

#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "net/unix_socket.h"

namespace httpteleport::net {

namespace {

Error system_error(const char* detail) {
  return Error{Code::kSystem, Source::kInternal, errno, detail};
}

void set_option(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Socket::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Result<Socket> listen_on(const Address& address, const ListenOptions& options) {
  if (address.is_unix()) return listen_on_unix(address, options);
  Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return system_error("cannot create a socket");
  set_option(socket.fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reuse_port) set_option(socket.fd(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.is_ipv6()) set_option(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (bind(socket.fd(), address.get(), address.length()) != 0) return system_error("cannot bind");
  if (listen(socket.fd(), options.backlog) != 0) return system_error("cannot listen");
  return socket;
}

Result<Socket> start_connect(const Address& address) {
  Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Our own want of descriptors is not the endpoint's fault.
  if (!socket.is_open()) {
    return Error{Code::kConnectFailed, Source::kInternal, errno, "cannot create a socket"};
  }
  set_no_delay(socket.fd());
  if (connect(socket.fd(), address.get(), address.length()) != 0 && errno != EINPROGRESS) {
    const bool queue_full = address.is_unix() && errno == EAGAIN;
    return Error{Code::kConnectFailed, Source::kUpstream, errno,
                 queue_full ? "too many connections wait at the unix socket" : "cannot connect"};
  }
  return socket;
}

void set_no_delay(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void set_dead_peer_timeout(int fd, Duration timeout) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  constexpr int64_t kMsMax = std::numeric_limits<int>::max();
  // 0 would be the system's own choice.
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
             static_cast<int>(std::clamp<int64_t>(ms, 1, kMsMax)));
  set_keep_alive(fd, timeout);
}

void set_keep_alive(int fd, Duration timeout) {
  constexpr int64_t kSecondsMax = 32'767;  // the kernel takes no more
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
  const auto seconds = static_cast<int>(std::clamp<int64_t>(whole, 3, kSecondsMax));
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds / 2);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds / 3);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

void set_reset_on_close(int fd) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace httpteleport::net
