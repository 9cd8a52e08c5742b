// UDP for tests, on 127.0.0.1 only.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "support/deadline.h"
#include "support/fd.h"
#include "support/socket.h"

namespace httpteleport::test {

// A bound socket. Owned by one thread at a time.
class DatagramSocket {
 public:
  struct Datagram {
    std::string bytes{};
    uint16_t from = 0;  // the sender's port
  };

  DatagramSocket() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in self = address_of(0);
    socklen_t size = sizeof self;
    auto* const bound = reinterpret_cast<sockaddr*>(&self);
    if (::bind(fd_.get(), bound, size) != 0) die("bind of a datagram socket");
    if (::getsockname(fd_.get(), bound, &size) != 0) die("getsockname");
    port_ = ntohs(self.sin_port);
  }

  uint16_t port() const { return port_; }
  Address address() const { return {.port = port_}; }

  void send(uint16_t to, std::string_view bytes) {
    const sockaddr_in peer = address_of(to);
    const auto* const target = reinterpret_cast<const sockaddr*>(&peer);
    if (::sendto(fd_.get(), bytes.data(), bytes.size(), 0, target, sizeof peer) < 0) die("sendto");
  }
  // The next one; an empty value when none came in time.
  std::optional<Datagram> receive(Deadline deadline = after()) {
    pollfd waits{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waits, 1, poll_timeout_ms(deadline)) <= 0) return {};
    Datagram datagram;
    datagram.bytes.resize(64 * 1024);
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(fd_.get(), datagram.bytes.data(), datagram.bytes.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) return {};
    datagram.bytes.resize(static_cast<size_t>(got));
    datagram.from = ntohs(from.sin_port);
    return datagram;
  }

 private:
  static sockaddr_in address_of(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  Fd fd_;
  uint16_t port_ = 0;
};

// Answers each datagram with its own name, a colon and what came. A thread from construction on.
class DatagramEcho {
 public:
  explicit DatagramEcho(std::string name)
      : name_(std::move(name)), port_(socket_.port()), thread_([this] { run(); }) {}
  ~DatagramEcho() {
    ended_ = true;
    DatagramSocket waker;
    waker.send(port_, "end");
    thread_.join();
  }
  DatagramEcho(const DatagramEcho&) = delete;
  DatagramEcho& operator=(const DatagramEcho&) = delete;

  Address address() const { return {.port = port_}; }
  int received() const { return received_; }

 private:
  void run() {
    while (!ended_) {
      const auto datagram = socket_.receive(after(std::chrono::seconds(1)));
      if (!datagram || ended_) continue;
      ++received_;
      socket_.send(datagram->from, name_ + ":" + datagram->bytes);
    }
  }

  const std::string name_;
  DatagramSocket socket_;
  const uint16_t port_;
  std::atomic<bool> ended_{false};
  std::atomic<int> received_{0};
  std::thread thread_;
};

}  // namespace httpteleport::test
