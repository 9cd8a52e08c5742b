// An owned socket descriptor, and the few system calls that make one.
#pragma once

#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"

namespace httpteleport::net {

class Socket {
 public:
  Socket() = default;
  // Takes ownership of `fd`.
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { reset(); }

  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  // Closes the descriptor, if there is one.
  void reset();
  // Gives up ownership.
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct ListenOptions {
  // Lets several sockets share the address; the kernel spreads connections over them.
  bool reuse_port = true;
  int backlog = 4096;
};

// A bound, listening, non-blocking socket. An address of all hosts (::) takes IPv4 as well. Errors:
// kSystem with the errno of bind or listen.
Result<Socket> listen_on(const Address& address, const ListenOptions& options);

// A non-blocking socket whose connect to `address` has been started. Errors: kConnectFailed.
Result<Socket> start_connect(const Address& address);

// Sends at once, without waiting to fill a packet. Ignored by sockets that are not TCP.
void set_no_delay(int fd);

// Gives the connection up when sent bytes stay unacknowledged for `timeout`, or when an idle peer
// does not answer keep-alive probes for about as long. TCP only.
void set_dead_peer_timeout(int fd, Duration timeout);

// Closing `fd` from now on sends RST instead of FIN, so that the peer cannot take what it got for
// complete.
void set_reset_on_close(int fd);

}  // namespace httpteleport::net
