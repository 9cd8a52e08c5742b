// Clients and servers of UDP on 127.0.0.1.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>

#include "support/deadline.h"
#include "support/fd.h"

namespace httpteleport::test {

inline constexpr size_t kDatagramBytesMax = 65'507;

inline sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A socket on 127.0.0.1.
class Datagrams {
 public:
  Datagrams() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(0);
    if (!fd_ || ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      die("bind");
  }

  uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  void send(uint16_t port, std::string_view bytes) const {
    const sockaddr_in to = loopback(port);
    ::sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to),
             sizeof to);
  }
  // One datagram and the port that it is from; empty: none in time.
  std::string receive(uint16_t& from, Deadline deadline = after()) const {
    pollfd poll_fd{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&poll_fd, 1, poll_timeout_ms(deadline)) != 1) return "";
    std::string bytes(kDatagramBytesMax, '\0');
    sockaddr_in address{};
    socklen_t size = sizeof address;
    const ssize_t got = ::recvfrom(fd_.get(), bytes.data(), bytes.size(), 0,
                                   reinterpret_cast<sockaddr*>(&address), &size);
    if (got < 0) return "";
    from = ntohs(address.sin_port);
    bytes.resize(static_cast<size_t>(got));
    return bytes;
  }

 private:
  Fd fd_;
};

// Answers each datagram with its own name and a colon before it.
class EchoBackend {
 public:
  explicit EchoBackend(std::string name) : name_(std::move(name)), thread_([this] { run(); }) {}
  ~EchoBackend() {
    stopping_ = true;
    Datagrams().send(socket_.port(), "wake");
    thread_.join();
  }

  const std::string& name() const { return name_; }
  uint64_t received() const { return received_; }
  std::string json() const {
    return R"({"name": ")" + name_ + R"(", "address": "127.0.0.1:)" +
           std::to_string(socket_.port()) + R"(", "network": "udp"})";
  }

 private:
  void run() {
    for (;;) {
      uint16_t from = 0;
      const std::string bytes = socket_.receive(from, after(std::chrono::hours(1)));
      if (stopping_) return;
      ++received_;
      socket_.send(from, name_ + ":" + bytes);
    }
  }

  const std::string name_;
  Datagrams socket_;
  std::atomic<uint64_t> received_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace httpteleport::test
