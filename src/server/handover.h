// Replacing the program while it runs: the listening sockets go from the old process to the new.
//
// The old process starts the new one with the descriptors of its sockets and a pipe, and serves on.
// The new one listens at the same sockets, so that no connection is refused in between, and says
// through the pipe that it is ready; then the old one stops accepting and drains. If the new one
// ends without a word, or is not ready in time, nothing has changed.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "event/loop.h"
#include "net/socket.h"

namespace httpteleport::server {

// A listening socket and what it is for: "in", "managed" (that of -in, opened by the service
// manager), "admin" or "acme".
struct NamedDescriptor {
  std::string name;
  int fd = -1;
};

// Whether a socket bound to `bound` is one for `wanted`: port 0 leaves the port to whoever binds.
// The service manager's may have all addresses said in the other way, 0.0.0.0 or ::.
bool is_same_place(const net::Address& bound, const net::Address& wanted, bool managed);

// What the process before this one has passed on.
class Inheritance {
 public:
  // Reads and removes the environment variable that it came with. Call once, first thing. Nothing
  // is inherited by a program that was started in the usual way.
  static Inheritance take();

  // The socket called `name` that is bound to `address` (see is_same_place()), once; closed if
  // there is none (any more).
  net::Socket take_socket(std::string_view name, const net::Address& address);
  // There is a process before this one, which waits for announce_ready().
  bool has_predecessor() const { return ready_pipe_.is_open(); }
  // Tells the process before this one that it is not needed any more. What was not taken is closed,
  // which the log tells, and the files of its unix sockets are removed.
  void announce_ready();

 private:
  struct Entry {
    std::string name;
    net::Socket socket;
  };
  std::vector<Entry> entries_;
  net::Socket ready_pipe_;
};

// The process that is to replace this one. Lives on the control loop.
class Successor final : private event::IoHandler {
 public:
  // From start() until it must be ready: names are looked up meanwhile.
  static constexpr Duration kStartTimeout = std::chrono::minutes(2);

  // `on_ready`: it serves; `on_failed`: it ended before that. One of them is called once, from the
  // loop, and may destroy neither the successor nor the loop.
  Successor(event::Loop& loop, std::function<void()> on_ready, std::function<void()> on_failed,
            Duration start_timeout = kStartTimeout);
  ~Successor();

  // Starts `command` (the program's path and its arguments) with `sockets`, which stay ours too,
  // and with `variables` ("NAME=value") beside the environment of this process. Errors: kSystem.
  Result<void> start(const std::vector<std::string>& command, std::vector<std::string> variables,
                     std::span<const NamedDescriptor> sockets);
  pid_t pid() const { return pid_; }
  // It has been started and has neither become ready nor failed.
  bool is_starting() const { return pipe_.is_open(); }
  // Orders it to end, while it is starting. It may have become ready by then.
  void terminate();

 private:
  void on_ready(event::Readiness readiness) override;
  void on_timeout();
  void fail();

  event::Loop& loop_;
  std::function<void()> ready_;
  std::function<void()> failed_;
  Duration start_timeout_;
  net::Socket pipe_;
  pid_t pid_ = -1;
  event::MemberTimer<Successor, &Successor::on_timeout> timer_{*this};
};

}  // namespace httpteleport::server
