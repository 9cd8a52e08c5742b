#include "fake_kernel.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"

namespace httpteleport::fuzz {

// ---- The far end.

void FakeSocket::change() {
  changed_ = true;
}

void FakeSocket::send(std::string_view bytes) {
  if (finished_ || reset_ || !connected_ || bytes.empty()) return;
  ++sends;
  inbox_ += bytes;
  change();
}

void FakeSocket::finish() {
  if (finished_ || reset_ || !connected_) return;
  finished_ = true;
  change();
}

void FakeSocket::reset() {
  if (reset_ || !connected_) return;
  reset_ = true;
  change();
}

void FakeSocket::set_reading(bool reading) {
  if (reading_ == reading) return;
  reading_ = reading;
  if (!reading) return;
  const bool was_full = unread_bytes_ >= kBufferBytes;
  unread_bytes_ = 0;
  if (was_full) change();
}

void FakeSocket::accept() {
  if (!is_connecting()) return;
  connected_ = true;
  change();
}

void FakeSocket::refuse() {
  if (!is_connecting()) return;
  refused_ = true;
  change();
}

uint32_t FakeSocket::readiness() const {
  if (refused_) return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDHUP;
  if (!connected_) return 0;
  uint32_t ready = is_writable() ? uint32_t{EPOLLOUT} : 0;
  if (!inbox_.empty() || finished_ || reset_) ready |= EPOLLIN;
  if (finished_ || reset_) ready |= EPOLLRDHUP;
  if (reset_ || (finished_ && got_end)) ready |= EPOLLHUP;
  if (reset_) ready |= EPOLLERR;
  return ready;
}

// ---- The calls.

FakeKernel& FakeKernel::get() {
  static FakeKernel kernel;
  return kernel;
}

FakeSocket& FakeKernel::make_accepted(int& fd) {
  fd = next_fd_++;
  return sockets_.emplace_back(fd, false);
}

FakeSocket& FakeKernel::make_connecting(int& fd) {
  fd = next_fd_++;
  return sockets_.emplace_back(fd, true);
}

FakeSocket* FakeKernel::find(int fd) {
  if (fd < kFirstFd) return nullptr;
  for (FakeSocket& socket : sockets_) {
    if (socket.fd_ == fd && !socket.closed_) return &socket;
  }
  HT_ASSERT(false && "a descriptor that is not open");
  return nullptr;
}

void FakeKernel::reset() {
  for (const FakeSocket& socket : sockets_)
    HT_ASSERT(socket.closed_);
  sockets_.clear();
  next_fd_ = kFirstFd;
}

bool FakeKernel::anything_ready() const {
  return std::any_of(sockets_.begin(), sockets_.end(), [](const FakeSocket& socket) {
    return socket.changed_ && !socket.closed_ && socket.handler_ != nullptr &&
           socket.readiness() != 0;
  });
}

// Closing with bytes unread makes a kernel send RST.
void FakeKernel::close(FakeSocket& socket) {
  socket.closed_ = true;
  const bool resets = socket.reset_on_close_ || !socket.inbox_.empty();
  (resets ? socket.got_reset : socket.got_end) = true;
}

void FakeKernel::shut_down(FakeSocket& socket) {
  socket.got_end = true;
  socket.change();
}

void FakeKernel::set_linger(FakeSocket& socket, bool reset_on_close) {
  socket.reset_on_close_ = reset_on_close;
}

int FakeKernel::take_error(FakeSocket& socket) {
  if (socket.refused_) return ECONNREFUSED;
  return socket.reset_ ? ECONNRESET : 0;
}

int FakeKernel::unread_bytes(const FakeSocket& socket) const {
  return static_cast<int>(socket.unread_bytes_);
}

ssize_t FakeKernel::receive(FakeSocket& socket, char* into, size_t size) {
  HT_ASSERT(socket.connected_);
  if (socket.inbox_.empty() && socket.reset_ && !socket.error_told_) {
    socket.error_told_ = true;
    errno = ECONNRESET;
    return -1;
  }
  if (socket.inbox_.empty() && (socket.finished_ || socket.reset_)) return 0;
  if (socket.inbox_.empty()) {
    errno = EAGAIN;
    return -1;
  }
  const size_t taken = std::min(size, socket.inbox_.size());
  std::memcpy(into, socket.inbox_.data(), taken);
  socket.inbox_.erase(0, taken);
  return static_cast<ssize_t>(taken);
}

ssize_t FakeKernel::transmit(FakeSocket& socket, std::string_view bytes) {
  HT_ASSERT(socket.connected_ && !socket.got_end);
  if (socket.reset_) {
    errno = EPIPE;
    return -1;
  }
  const size_t room =
      socket.reading_
          ? bytes.size()
          : FakeSocket::kBufferBytes - std::min(socket.unread_bytes_, FakeSocket::kBufferBytes);
  if (room == 0) {
    errno = EAGAIN;
    return -1;
  }
  const size_t taken = std::min(room, bytes.size());
  socket.received += bytes.substr(0, taken);
  if (!socket.reading_) socket.unread_bytes_ += taken;
  return static_cast<ssize_t>(taken);
}

void FakeKernel::watch(FakeSocket& socket, void* handler) {
  socket.handler_ = handler;
  socket.changed_ = true;
}

int FakeKernel::wait(epoll_event* events, int count_max, std::chrono::nanoseconds timeout) {
  int count = 0;
  for (FakeSocket& socket : sockets_) {
    if (!socket.changed_ || socket.closed_ || socket.handler_ == nullptr || count == count_max)
      continue;
    const uint32_t ready = socket.readiness();
    if (ready == 0) continue;
    socket.changed_ = false;
    events[count].events = ready;
    events[count++].data.ptr = socket.handler_;
  }
  if (count == 0) now_ += timeout;
  return count;
}

}  // namespace httpteleport::fuzz

// ---- In the place of the C library's.

using httpteleport::fuzz::FakeKernel;
using httpteleport::fuzz::FakeSocket;

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
int __real_close(int fd);
int __real_epoll_ctl(int epoll, int operation, int fd, epoll_event* event);

int __wrap_close(int fd) {
  FakeSocket* socket = FakeKernel::get().find(fd);
  if (socket == nullptr) return __real_close(fd);
  FakeKernel::get().close(*socket);
  return 0;
}

int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  FakeSocket* socket = FakeKernel::get().find(fd);
  if (socket == nullptr) return __real_epoll_ctl(epoll, operation, fd, event);
  FakeKernel::get().watch(*socket, operation == EPOLL_CTL_DEL ? nullptr : event->data.ptr);
  return 0;
}

int __wrap_epoll_pwait2(int, epoll_event* events, int count_max, const timespec* timeout,
                        const void*) {
  return FakeKernel::get().wait(
      events, count_max,
      std::chrono::seconds(timeout->tv_sec) + std::chrono::nanoseconds(timeout->tv_nsec));
}

int __wrap_socket(int, int, int) {
  int fd = -1;
  FakeKernel::get().make_connecting(fd);
  return fd;
}

int __wrap_connect(int, const sockaddr*, socklen_t) {
  errno = EINPROGRESS;
  return -1;
}

int __wrap_getsockopt(int fd, int, int, void* value, socklen_t*) {
  const int error = FakeKernel::get().take_error(*FakeKernel::get().find(fd));
  std::memcpy(value, &error, sizeof error);
  return 0;
}

int __wrap_setsockopt(int fd, int, int option, const void* value, socklen_t) {
  if (option != SO_LINGER) return 0;
  FakeKernel::get().set_linger(*FakeKernel::get().find(fd),
                               static_cast<const linger*>(value)->l_onoff != 0);
  return 0;
}

int __wrap_ioctl(int fd, unsigned long, int* value) {
  *value = FakeKernel::get().unread_bytes(*FakeKernel::get().find(fd));
  return 0;
}

int __wrap_shutdown(int fd, int) {
  FakeKernel::get().shut_down(*FakeKernel::get().find(fd));
  return 0;
}

ssize_t __wrap_recv(int fd, void* into, size_t size, int) {
  return FakeKernel::get().receive(*FakeKernel::get().find(fd), static_cast<char*>(into), size);
}

ssize_t __wrap_send(int fd, const void* from, size_t size, int) {
  return FakeKernel::get().transmit(*FakeKernel::get().find(fd),
                                    {static_cast<const char*>(from), size});
}

ssize_t __wrap_sendmsg(int fd, const msghdr* message, int) {
  FakeSocket& socket = *FakeKernel::get().find(fd);
  ssize_t total = 0;
  for (size_t i = 0; i < message->msg_iovlen; ++i) {
    const iovec& part = message->msg_iov[i];
    const ssize_t sent =
        FakeKernel::get().transmit(socket, {static_cast<const char*>(part.iov_base), part.iov_len});
    if (sent < 0) return total > 0 ? total : -1;
    total += sent;
    if (static_cast<size_t>(sent) < part.iov_len) break;
  }
  return total;
}

// std::chrono::steady_clock::now()
int64_t __wrap__ZNSt6chrono3_V212steady_clock3nowEv() {
  return FakeKernel::get().now().time_since_epoch().count();
}
// NOLINTEND(bugprone-reserved-identifier)

}  // extern "C"
