#include "backends.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "sockets.h"

namespace httpteleport::bench {

namespace {

constexpr size_t kRoomBytes = 256 * 1024;
constexpr unsigned kBatch = 64;
constexpr size_t kDatagramBytes = 2048;

// What a connection is still owed, by its descriptor; of those that have asked.
std::unordered_map<int, uint64_t>& owed() {
  static std::unordered_map<int, uint64_t> map;
  return map;
}

std::vector<char>& room() {
  static std::vector<char> bytes(kRoomBytes);
  return bytes;
}

// False: the rest must wait.
bool send_owed(int fd, uint64_t& left) {
  while (left > 0) {
    const ssize_t sent =
        send(fd, room().data(), std::min<uint64_t>(left, kRoomBytes), MSG_NOSIGNAL);
    if (sent < 0) return errno != EAGAIN;
    left -= static_cast<uint64_t>(sent);
  }
  return true;
}

}  // namespace

Backends::Backends()
    : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      tcp_fd_(open_bound(SOCK_STREAM)),
      udp_fd_(open_bound(SOCK_DGRAM)),
      tcp_port_(port_of(tcp_fd_)),
      udp_port_(port_of(udp_fd_)) {
  const int bytes = 4 * 1024 * 1024;
  setsockopt(udp_fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  watch(epoll_fd_, tcp_fd_, EPOLLIN);
  watch(epoll_fd_, udp_fd_, EPOLLIN);
  thread_ = std::thread([this] { run(); });
}

Backends::~Backends() {
  stopping_ = true;
  thread_.join();
  for (const int fd : {tcp_fd_, udp_fd_, epoll_fd_})
    close(fd);
}

void Backends::run() {
  std::array<epoll_event, 256> events;
  while (!stopping_) {
    const int count = epoll_wait(epoll_fd_, events.data(), events.size(), 100);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == tcp_fd_) {
        on_accept();
      } else if (fd == udp_fd_) {
        on_udp();
      } else {
        on_tcp(fd);
      }
    }
  }
}

void Backends::on_accept() {
  for (;;) {
    const int fd = accept4(tcp_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(epoll_fd_, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }
}

void Backends::on_tcp(int fd) {
  auto found = owed().find(fd);
  while (found == owed().end()) {
    const ssize_t count = recv(fd, room().data(), kRoomBytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      close(fd);
      return;
    }
    if (room()[0] == kSend && count == 1 + sizeof(uint64_t)) {
      uint64_t size = 0;
      std::memcpy(&size, &room()[1], sizeof size);
      found = owed().emplace(fd, size).first;
    } else {
      // The load never has more under way than the socket takes.
      check(send(fd, room().data(), static_cast<size_t>(count), MSG_NOSIGNAL) == count, "echo");
    }
  }
  if (!send_owed(fd, found->second)) return;
  owed().erase(found);
  close(fd);
}

void Backends::on_udp() {
  static std::array<std::array<char, kDatagramBytes>, kBatch> rooms;
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors;
  std::array<sockaddr_in, kBatch> names;
  for (size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {rooms[i].data(), kDatagramBytes};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &names[i];
    messages[i].msg_hdr.msg_namelen = sizeof names[i];
  }
  const int count = recvmmsg(udp_fd_, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < count; ++i)
    vectors[static_cast<size_t>(i)].iov_len = messages[static_cast<size_t>(i)].msg_len;
  for (int sent = 0; sent < count;) {
    const int taken = sendmmsg(udp_fd_, &messages[static_cast<size_t>(sent)],
                               static_cast<unsigned>(count - sent), 0);
    sent += taken > 0 ? taken : 1;
  }
}

}  // namespace httpteleport::bench
