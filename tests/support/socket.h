// Blocking stream sockets for tests, on 127.0.0.1, [::1] and unix paths only, where every call has
// a deadline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "support/deadline.h"
#include "support/fd.h"

struct sockaddr_storage;

namespace httpteleport::test {

// A port of this machine, or a unix socket.
struct Address {
  bool ipv6 = false;
  uint16_t port = 0;
  std::string unix_path{};  // if not empty, the others mean nothing; "@name" is an abstract one

  // "127.0.0.1:80", "[::1]:80" or "unix:/path".
  std::string text() const;
  // The reverse of text(); of an IP address only the port is taken, from behind the last colon.
  static std::optional<Address> parse(std::string_view text);
  // Fills `storage` and returns how many bytes of it count.
  unsigned to_sockaddr(sockaddr_storage& storage) const;
};

enum class IoStatus : uint8_t {
  kOk,
  kClosed,   // the peer ended its side in order
  kReset,    // the peer ended the connection with an error
  kTimeout,  // the deadline passed
  kTooLong,  // the limit was reached before what was waited for
};
const char* io_status_name(IoStatus status);
// For the messages of failed tests.
std::ostream& operator<<(std::ostream& stream, IoStatus status);

// What a receiving call got. `bytes` holds what came before the end in every case.
struct Received {
  IoStatus status = IoStatus::kOk;
  std::string bytes{};
};

// One connection. Owned by one thread at a time; shut_down() alone may be called from another one
// to wake a call that waits. Bytes read beyond what a call was asked for are kept for the next.
class Socket {
 public:
  // Nothing a test waits for on one call is longer.
  static constexpr size_t kReceiveBytesMax = size_t{64} << 20;

  Socket() = default;
  // Takes over a connected socket.
  explicit Socket(Fd fd);

  // Connects; an empty value when refused or not in time. `receive_buffer_bytes` > 0 fixes the
  // kernel's buffer, so that a reader that stops is felt by the sender soon.
  static std::optional<Socket> connect(const Address& address, Deadline deadline = after(),
                                       int receive_buffer_bytes = 0);

  // Sends everything or tells why not. A peer that has gone shows as kReset.
  IoStatus send_all(std::string_view bytes, Deadline deadline = after());

  // At least one byte, at most `bytes_max`.
  Received recv_some(size_t bytes_max = 64 * 1024, Deadline deadline = after());
  // Up to and including the first `needle`.
  Received recv_until(std::string_view needle, Deadline deadline = after());
  Received recv_exactly(size_t bytes, Deadline deadline = after());
  // Everything until the peer ends its side; kClosed is then the good outcome.
  Received recv_to_end(Deadline deadline = after());

  // Says that nothing more will be sent; receiving goes on.
  void shutdown_write();
  // Ends the connection with RST instead of FIN.
  void reset();
  void close() { fd_.reset(); }
  // Wakes whoever waits in a call of this socket; it sees the end of the connection.
  void shut_down();

  bool is_open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

 private:
  // Reads once more into buffer_; kOk when bytes came.
  IoStatus fill(Deadline deadline);
  std::string take(size_t bytes);

  Fd fd_;
  std::string buffer_;
};

// A bound, listening socket.
class Listener {
 public:
  struct Options {
    bool ipv6 = false;
    uint16_t port = 0;        // 0: the kernel chooses
    std::string unix_path{};  // if not empty, it listens there
    int backlog = 4096;
    int receive_buffer_bytes = 0;  // > 0: fixed for every accepted connection
  };

  Listener() : Listener(Options{}) {}
  explicit Listener(const Options& options);

  Address address() const { return address_; }
  uint16_t port() const { return address_.port; }
  // An accepted connection, or an empty value when none came in time or shut_down() was called.
  std::optional<Socket> accept(Deadline deadline = after());
  // Wakes accept(); from any thread. New connections are refused from here on.
  void shut_down();
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
  Address address_;
};

// An address nobody listens on: it was bound a moment ago.
Address dead_address(bool ipv6 = false);

}  // namespace httpteleport::test
