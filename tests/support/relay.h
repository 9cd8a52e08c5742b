// A man in the middle of TCP connections, who cuts or stalls them at any byte.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "support/fd.h"
#include "support/socket.h"

namespace httpteleport::test {

// Listens from construction on and passes every connection on to `target`, both ways. Thread-safe;
// one thread of its own moves the bytes.
class Relay {
 public:
  enum class Way : uint8_t { kForth, kBack };  // toward the target, and from it
  enum class Fault : uint8_t {
    kFin,    // both sides get a FIN
    kReset,  // both sides get an RST
    kStall,  // nothing passes any more, either way, until release()
  };

  explicit Relay(const Address& target, bool records = false);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  Address address() const { return listener_.address(); }
  // Once, when so many more bytes have passed that way, whatever connections they are on: the
  // fault happens to the connection that would carry the next one.
  void arm(Way way, size_t after_bytes, Fault fault);
  // Whether the fault that was armed last has happened.
  bool has_struck() const;
  bool wait_struck(Deadline deadline = after());
  // The same to all connections, now.
  void strike(Fault fault);
  // Ends a stall.
  void release();
  // How many connections have come.
  size_t accepted() const;
  // All that has passed that way, if `records` was set.
  std::string recorded(Way way) const;

 private:
  struct Pair {
    std::array<Socket, 2> sides;              // who connected, and the target
    std::array<std::string, 2> on_their_way;  // by Way
    std::array<bool, 2> ended{};              // no more will come that way
    bool over = false;
  };
  struct Trap {
    Way way;
    size_t after_bytes;
    Fault fault;
  };

  void run();
  void take_connection();
  void move(Pair& pair, Way way, short events);
  bool receive(Pair& pair, Way way);
  void send(Pair& pair, Way way);
  // How many of so many bytes may pass; strikes when it is none.
  size_t allowed(Pair& pair, Way way, size_t bytes);
  void end(Pair& pair, Fault fault);
  void wake();

  const Address target_;
  const bool records_;
  Listener listener_;
  Fd wake_;
  mutable std::mutex mutex_;  // guards what follows, but for thread_
  std::condition_variable changed_;
  std::list<Pair> pairs_;
  std::optional<Trap> trap_;
  size_t accepted_ = 0;
  std::array<std::string, 2> recorded_;  // by Way
  bool stalled_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace httpteleport::test
