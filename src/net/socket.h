// An owned socket descriptor, and the few system calls that make one.
#pragma once

#include <sys/types.h>

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
  // Permissions of the file of a unix socket: who may write may connect.
  mode_t unix_mode = 0666;
};

// A bound, listening, non-blocking socket. An address of all hosts (::) takes IPv4 as well. The
// file of a unix socket that a dead process left behind is replaced, one that is listened on and a
// file of another kind are not; `reuse_port` means nothing there. Errors: kSystem with the errno of
// bind or listen; for unix sockets also EADDRINUSE (another process listens) and EEXIST (a file of
// another kind).
Result<Socket> listen_on(const Address& address, const ListenOptions& options);

// A non-blocking socket whose connect to `address` has been started. Errors: kConnectFailed; with
// EAGAIN when a unix listener has as many connections waiting as it takes, which may pass soon.
Result<Socket> start_connect(const Address& address);

// Sends at once, without waiting to fill a packet. Ignored by sockets that are not TCP.
void set_no_delay(int fd);

// Gives the connection up when sent bytes stay unacknowledged for `timeout`, or when an idle peer
// does not answer keep-alive probes for about as long. Ignored by sockets that are not TCP: the end
// of a peer on the same machine is always heard of.
void set_dead_peer_timeout(int fd, Duration timeout);

// Has the kernel ask an idle peer whether it still exists, so that a connection to one that is gone
// ends within about `timeout`. Unlike above, a peer that takes nothing for long is borne. Ignored
// by sockets that are not TCP.
void set_keep_alive(int fd, Duration timeout);

// Closing `fd` from now on sends RST instead of FIN, so that the peer cannot take what it got for
// complete. Unix sockets know no RST: there only the framing of what was sent tells the peer.
void set_reset_on_close(int fd);

}  // namespace httpteleport::net
