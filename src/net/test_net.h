// What the tests of this module and of those above share: the other side of a socket, which never
// blocks, and a loop that is run until something has happened.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <list>
#include <string>
#include <string_view>
#include <utility>

#include "event/loop.h"
#include "metrics/worker_metrics.h"
#include "net/address.h"
#include "net/socket.h"
#include "support/deadline.h"

namespace httpteleport::net {

// The far side of one connection. What it is to send waits here until the socket takes it.
class TestPeer {
 public:
  explicit TestPeer(Socket socket) : socket_(std::move(socket)) {
    fcntl(fd(), F_SETFL, fcntl(fd(), F_GETFL) | O_NONBLOCK);
  }

  std::string received;  // everything that has come
  bool ended = false;    // FIN has come
  bool broken = false;   // RST has come
  bool reading = true;   // cleared by a test whose peer takes nothing

  int fd() const { return socket_.fd(); }
  bool is_open() const { return socket_.is_open(); }
  // Everything given to send() is in the kernel's hands.
  bool all_sent() const { return to_send_.empty(); }

  void send(std::string_view bytes) {
    to_send_ += bytes;
    pump();
  }
  // FIN, behind everything given to send().
  void finish() {
    finish_wanted_ = true;
    pump();
  }
  void close() { socket_.reset(); }
  void reset() {
    set_reset_on_close(fd());
    close();
  }
  // What has come, and forgets it.
  std::string take() { return std::exchange(received, {}); }

  // Sends and receives what can be without waiting.
  void pump() {
    if (!is_open() || broken) return;
    while (!to_send_.empty()) {
      const ssize_t sent = ::send(fd(), to_send_.data(), to_send_.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno != EAGAIN) broken = true;
        break;
      }
      to_send_.erase(0, static_cast<size_t>(sent));
    }
    if (to_send_.empty() && std::exchange(finish_wanted_, false)) shutdown(fd(), SHUT_WR);
    while (reading && !ended && !broken) {
      char room[64 * 1024];
      const ssize_t count = recv(fd(), room, sizeof room, 0);
      if (count < 0) {
        broken = errno != EAGAIN;
        return;
      }
      ended = count == 0;
      received.append(room, static_cast<size_t>(count));
    }
  }

 private:
  Socket socket_;
  std::string to_send_;
  bool finish_wanted_ = false;
};

inline Address loopback(uint16_t port = 0) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

// A loop with its peers, all in the test's own thread.
class TestNet {
 public:
  event::Loop loop;
  metrics::WorkerMetrics metrics;
  std::list<TestPeer> peers;  // references to them stay good

  // Runs turns and pumps the peers until `condition()` holds; false when the deadline came first.
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition, test::Deadline deadline = test::after()) {
    while (!condition()) {
      if (test::Clock::now() >= deadline) return false;
      pump();
      loop.run_once(std::chrono::milliseconds(1));
    }
    return true;
  }
  // So many turns that whatever is on its way within this process has come: for saying afterwards
  // that something has not happened.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      pump();
      loop.run_once(Duration::zero());
    }
  }
  void pump() {
    for (TestPeer& peer : peers)
      peer.pump();
  }

  // Two connected ends: ours, and a peer. Over TCP, since socket pairs know no RST. `buffer_bytes`
  // > 0 fixes the kernel's buffers in both directions.
  std::pair<Socket, TestPeer*> connected_pair(int buffer_bytes = 0) {
    Socket listening = listen_socket();
    if (buffer_bytes > 0) set_buffers(listening.fd(), buffer_bytes);
    Socket ours(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (buffer_bytes > 0) set_buffers(ours.fd(), buffer_bytes);
    const Address address = local_address(listening.fd());
    HT_ASSERT(connect(ours.fd(), address.get(), address.length()) == 0);
    fcntl(ours.fd(), F_SETFL, O_NONBLOCK);
    set_no_delay(ours.fd());
    pollfd waiting{.fd = listening.fd(), .events = POLLIN, .revents = 0};
    HT_ASSERT(poll(&waiting, 1, test::poll_timeout_ms(test::after())) == 1);
    peers.emplace_back(accept_one(listening));
    return {std::move(ours), &peers.back()};
  }

  // A socket that listens on a port of the kernel's choice.
  static Socket listen_socket() {
    Result<Socket> listening = listen_on(loopback(), {.reuse_port = false});
    HT_ASSERT(listening.has_value());
    return *std::move(listening);
  }
  // The next connection to `listening` as a peer; nullptr when none came in time.
  TestPeer* accept(const Socket& listening) {
    Socket accepted;
    const bool came = run_until([&] {
      accepted = accept_one(listening);
      return accepted.is_open();
    });
    if (!came) return nullptr;
    peers.emplace_back(std::move(accepted));
    return &peers.back();
  }
  // Makes peers of all connections that wait now.
  void accept_waiting(const Socket& listening) {
    for (;;) {
      Socket accepted = accept_one(listening);
      if (!accepted.is_open()) return;
      peers.emplace_back(std::move(accepted));
    }
  }

 private:
  static Socket accept_one(const Socket& listening) {
    return Socket(accept4(listening.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  }
  static void set_buffers(int fd, int bytes) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
};

}  // namespace httpteleport::net
