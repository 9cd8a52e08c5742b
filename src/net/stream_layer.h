// What may stand between a connection and its socket: TLS, whose module is above this one.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace httpteleport::net {

// Owned by a connection and called by it alone, on its thread. Never blocks. After a call that has
// returned kFailed only failure() is called; but what the peer sent before a write failed may still
// be read.
class StreamLayer {
 public:
  enum class State : uint8_t {
    kOpen,     // done, or: there may be more
    kBlocked,  // the socket gives or takes no more for now
    kWaiting,  // handshake only: not for the socket; ask again after a while
    kEnded,    // reading only: the peer has ended its direction properly
    kFailed,
  };
  struct Transfer {
    size_t bytes = 0;
    State state = State::kOpen;  // why no more was moved; bytes before that count all the same
  };

  virtual ~StreamLayer() = default;

  // First, once: the socket, which stays the connection's, and what was read from it already.
  virtual void attach(int fd, std::string received) = 0;
  // The kernel has reported the socket ready. `at_end`: no further report of bytes will come.
  virtual void on_socket_ready(bool at_end) = 0;
  // Goes on with the handshake. kOpen: it is complete.
  virtual State handshake() = 0;
  virtual Transfer read(std::span<char> into) = 0;
  // Bytes that were not taken must come first in the next call.
  virtual Transfer write(std::span<const iovec> from) = 0;
  // Tells the peer that nothing more comes. kBlocked: the socket does not take that now, so it is
  // to be called again; any other answer: it is done with, and calling again does nothing.
  virtual State send_end() = 0;
  // Why it failed; `source` is for the caller to set.
  virtual Error failure() const = 0;
};

}  // namespace httpteleport::net
