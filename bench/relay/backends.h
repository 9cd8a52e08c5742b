// What stands behind the relays: an echo of datagrams, and a TCP server that echoes, or sends as
// many bytes as it is asked for.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace httpteleport::bench {

// A connection whose first byte is this, followed by a number of eight bytes in the machine's own
// order, gets so many bytes and FIN. Any other is echoed.
inline constexpr char kSend = 'S';

// Both in one thread of their own, until destroyed.
class Backends {
 public:
  Backends();
  ~Backends();
  Backends(const Backends&) = delete;
  Backends& operator=(const Backends&) = delete;

  uint16_t tcp_port() const { return tcp_port_; }
  uint16_t udp_port() const { return udp_port_; }

 private:
  void run();
  void on_accept();
  void on_tcp(int fd);
  void on_udp();

  int epoll_fd_;
  int tcp_fd_;
  int udp_fd_;
  uint16_t tcp_port_;
  uint16_t udp_port_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace httpteleport::bench
