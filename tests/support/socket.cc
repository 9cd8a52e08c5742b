#include "support/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <ostream>

namespace httpteleport::test {
namespace {

// Whether `events` happened on `fd` (errors and hang-ups count) before the deadline.
bool wait_for(int fd, short events, Deadline deadline) {
  for (;;) {
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, poll_timeout_ms(deadline));
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) die("poll");
  }
}

void set_option(int fd, int level, int name, int value) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) die("setsockopt");
}

Fd open_socket(int family) {
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) die("socket");
  return fd;
}

}  // namespace

std::string Address::text() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  return (ipv6 ? "[::1]:" : "127.0.0.1:") + std::to_string(port);
}

std::optional<Address> Address::parse(std::string_view text) {
  if (text.starts_with("unix:")) return Address{.unix_path = std::string(text.substr(5))};
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  Address address{.ipv6 = text.starts_with('[')};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc{} || at != end || address.port == 0) return {};
  return address;
}

unsigned Address::to_sockaddr(sockaddr_storage& storage) const {
  std::memset(&storage, 0, sizeof storage);
  if (!unix_path.empty()) {
    auto& un = reinterpret_cast<sockaddr_un&>(storage);
    if (unix_path.size() >= sizeof un.sun_path) die("the path of a unix socket is too long");
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, unix_path.data(), unix_path.size());
    const bool is_abstract = unix_path.front() == '@';
    if (is_abstract) un.sun_path[0] = '\0';
    return static_cast<unsigned>(offsetof(sockaddr_un, sun_path) + unix_path.size() +
                                 (is_abstract ? 0 : 1));
  }
  if (ipv6) {
    auto& in6 = reinterpret_cast<sockaddr_in6&>(storage);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    in6.sin6_addr = in6addr_loopback;
    return sizeof in6;
  }
  auto& in4 = reinterpret_cast<sockaddr_in&>(storage);
  in4.sin_family = AF_INET;
  in4.sin_port = htons(port);
  in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sizeof in4;
}

const char* io_status_name(IoStatus status) {
  switch (status) {
    case IoStatus::kOk:
      return "ok";
    case IoStatus::kClosed:
      return "closed";
    case IoStatus::kReset:
      return "reset";
    case IoStatus::kTimeout:
      return "timeout";
    case IoStatus::kTooLong:
      return "too long";
  }
  return "?";
}

std::ostream& operator<<(std::ostream& stream, IoStatus status) {
  return stream << io_status_name(status);
}

Socket::Socket(Fd fd) : fd_(std::move(fd)) {
  int family = 0;
  socklen_t size = sizeof family;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) die("getsockopt");
  if (family != AF_UNIX) set_option(fd_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
}

std::optional<Socket> Socket::connect(const Address& address, Deadline deadline,
                                      int receive_buffer_bytes) {
  sockaddr_storage storage;
  const unsigned size = address.to_sockaddr(storage);
  Fd fd = open_socket(storage.ss_family);
  if (receive_buffer_bytes > 0) set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    if (errno != EINPROGRESS || !wait_for(fd.get(), POLLOUT, deadline)) return {};
    int error = 0;
    socklen_t error_size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &error_size);
    if (error != 0) return {};
  }
  return Socket(std::move(fd));
}

IoStatus Socket::send_all(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd_.get(), POLLOUT, deadline)) return IoStatus::kTimeout;
    } else if (errno != EINTR) {
      return IoStatus::kReset;
    }
  }
  return IoStatus::kOk;
}

IoStatus Socket::fill(Deadline deadline) {
  char piece[64 * 1024];
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), piece, sizeof piece, 0);
    if (got > 0) {
      buffer_.append(piece, static_cast<size_t>(got));
      return IoStatus::kOk;
    }
    if (got == 0) return IoStatus::kClosed;
    if (errno == EAGAIN) {
      if (!wait_for(fd_.get(), POLLIN, deadline)) return IoStatus::kTimeout;
    } else if (errno != EINTR) {
      return IoStatus::kReset;
    }
  }
}

std::string Socket::take(size_t bytes) {
  std::string taken = buffer_.substr(0, bytes);
  buffer_.erase(0, taken.size());
  return taken;
}

Received Socket::recv_some(size_t bytes_max, Deadline deadline) {
  if (buffer_.empty()) {
    const IoStatus status = fill(deadline);
    if (status != IoStatus::kOk) return {status, {}};
  }
  return {IoStatus::kOk, take(bytes_max)};
}

Received Socket::recv_until(std::string_view needle, Deadline deadline) {
  size_t searched = 0;
  for (;;) {
    const size_t at = buffer_.find(needle, searched);
    if (at != std::string::npos) return {IoStatus::kOk, take(at + needle.size())};
    searched = buffer_.size() < needle.size() ? 0 : buffer_.size() - needle.size() + 1;
    if (buffer_.size() > kReceiveBytesMax) return {IoStatus::kTooLong, take(buffer_.size())};
    const IoStatus status = fill(deadline);
    if (status != IoStatus::kOk) return {status, take(buffer_.size())};
  }
}

Received Socket::recv_exactly(size_t bytes, Deadline deadline) {
  while (buffer_.size() < bytes) {
    const IoStatus status = fill(deadline);
    if (status != IoStatus::kOk) return {status, take(buffer_.size())};
  }
  return {IoStatus::kOk, take(bytes)};
}

Received Socket::recv_to_end(Deadline deadline) {
  for (;;) {
    if (buffer_.size() > kReceiveBytesMax) return {IoStatus::kTooLong, take(buffer_.size())};
    const IoStatus status = fill(deadline);
    if (status != IoStatus::kOk) return {status, take(buffer_.size())};
  }
}

void Socket::shutdown_write() {
  ::shutdown(fd_.get(), SHUT_WR);
}

void Socket::reset() {
  if (!fd_) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd_.reset();
}

void Socket::shut_down() {
  ::shutdown(fd_.get(), SHUT_RDWR);
}

Listener::Listener(const Options& options)
    : address_{.ipv6 = options.ipv6, .port = options.port, .unix_path = options.unix_path} {
  sockaddr_storage storage;
  socklen_t size = address_.to_sockaddr(storage);
  fd_ = open_socket(storage.ss_family);
  set_option(fd_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.receive_buffer_bytes > 0) {
    set_option(fd_.get(), SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes);
  }
  auto* const name = reinterpret_cast<sockaddr*>(&storage);
  if (::bind(fd_.get(), name, size) != 0) die("bind");
  if (::listen(fd_.get(), options.backlog) != 0) die("listen");
  if (!options.unix_path.empty()) return;
  if (::getsockname(fd_.get(), name, &size) != 0) die("getsockname");
  address_.port = ntohs(options.ipv6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                     : reinterpret_cast<sockaddr_in&>(storage).sin_port);
}

std::optional<Socket> Listener::accept(Deadline deadline) {
  for (;;) {
    Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) return Socket(std::move(fd));
    if (errno == EINVAL) return {};  // shut down
    if (errno == EAGAIN) {
      if (!wait_for(fd_.get(), POLLIN, deadline)) return {};
      // accept() of a unix socket without blocking does not tell that it was shut down.
      pollfd entry{fd_.get(), POLLIN, 0};
      if (::poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0) return {};
    } else if (errno != EINTR && errno != ECONNABORTED) {
      die("accept4");
    }
  }
}

void Listener::shut_down() {
  ::shutdown(fd_.get(), SHUT_RDWR);
}

Address dead_address(bool ipv6) {
  return Listener(Listener::Options{.ipv6 = ipv6}).address();
}

}  // namespace httpteleport::test
