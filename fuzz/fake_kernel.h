// Sockets, readiness and time without a kernel: the linker puts this in the place of the system
// calls of event/ and net/ (--wrap in CMakeLists.txt). One thread, no other process, and the same
// input always does the same.
//
// Readiness is edge-triggered as that of epoll: a change is reported once, together with all else
// that holds then. When nothing is ready, waiting moves the time on and returns.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>

namespace httpteleport::fuzz {

// A connection of the program, and its far end.
class FakeSocket {
 public:
  FakeSocket(int fd, bool upstream) : fd_(fd), upstream_(upstream), connected_(!upstream) {}

  // The program has begun it.
  bool is_upstream() const { return upstream_; }
  // The program has not closed it.
  bool is_open() const { return !closed_; }
  bool is_connecting() const { return !closed_ && !connected_ && !refused_; }

  // What the far end does. After its end or its reset, sending has no effect.
  void send(std::string_view bytes);
  void finish();
  void reset();
  void set_reading(bool reading);
  void accept();
  void refuse();

  // What the far end has got.
  std::string received;
  bool got_end = false;
  bool got_reset = false;
  uint64_t sends = 0;  // calls of send()

 private:
  friend class FakeKernel;

  static constexpr size_t kBufferBytes = 16 * 1024;  // of a far end that does not read

  bool is_writable() const { return connected_ && (reading_ || unread_bytes_ < kBufferBytes); }
  uint32_t readiness() const;
  void change();

  int fd_;
  bool upstream_;
  bool connected_;
  bool refused_ = false;
  bool closed_ = false;
  bool reading_ = true;
  bool finished_ = false;  // the far end has sent its FIN
  bool reset_ = false;     // the far end has reset
  bool error_told_ = false;
  bool reset_on_close_ = false;
  bool changed_ = false;
  size_t unread_bytes_ = 0;  // that the far end has got, but not read
  std::string inbox_;        // what the program has not read
  void* handler_ = nullptr;  // what epoll was given; nullptr: not watched
};

class FakeKernel {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static FakeKernel& get();

  // One that the program is to be given, by its descriptor.
  FakeSocket& make_accepted(int& fd);
  // All since the last reset(), in their order.
  std::list<FakeSocket>& sockets() { return sockets_; }
  bool anything_ready() const;
  // Forgets all sockets. The program must have closed them.
  void reset();

  Time now() const { return now_; }

  // The system calls. nullptr: the descriptor is not one of these.
  FakeSocket* find(int fd);
  FakeSocket& make_connecting(int& fd);
  void close(FakeSocket& socket);
  void shut_down(FakeSocket& socket);
  void set_linger(FakeSocket& socket, bool reset_on_close);
  int take_error(FakeSocket& socket);
  int unread_bytes(const FakeSocket& socket) const;
  ssize_t receive(FakeSocket& socket, char* into, size_t size);
  ssize_t transmit(FakeSocket& socket, std::string_view bytes);
  void watch(FakeSocket& socket, void* handler);
  int wait(epoll_event* events, int count_max, std::chrono::nanoseconds timeout);

 private:
  int next_fd_ = kFirstFd;
  std::list<FakeSocket> sockets_;
  Time now_{std::chrono::hours(1)};

  static constexpr int kFirstFd = 1'000'000;
};

}  // namespace httpteleport::fuzz
