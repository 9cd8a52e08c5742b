#include "loads.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "backends.h"
#include "sockets.h"

namespace httpteleport::bench {

namespace {

using Clock = std::chrono::steady_clock;

// A load that does not move any more is over, with what it has done.
constexpr int kStallMs = 10'000;
constexpr int kAnswerMs = 200;
constexpr size_t kRoomBytes = 256 * 1024;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  Clock::time_point begin_ = Clock::now();
};

// Descriptors that are watched, and what is known of each by its number.
struct Poll {
  explicit Poll(size_t descriptors_max = 32 * 1024) : received(descriptors_max) {}
  ~Poll() { close(fd); }

  int wait(int timeout_ms) {
    return epoll_wait(fd, events.data(), static_cast<int>(events.size()), timeout_ms);
  }

  int fd = epoll_create1(EPOLL_CLOEXEC);
  std::array<epoll_event, 256> events;
  std::vector<uint64_t> received;
};

std::vector<char>& room() {
  static std::vector<char> bytes(kRoomBytes, 'x');
  return bytes;
}

void send_question(int fd, size_t bytes) {
  check(send(fd, room().data(), bytes, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes), "send");
}

std::vector<int> connect_all(Poll& poll, uint16_t port, size_t count) {
  std::vector<int> fds;
  for (size_t i = 0; i < count; ++i) {
    fds.push_back(connect_to(SOCK_STREAM, port));
    watch(poll.fd, fds.back(), EPOLLIN | EPOLLRDHUP);
    pollfd connected{.fd = fds.back(), .events = POLLOUT, .revents = 0};
    check(::poll(&connected, 1, kStallMs) == 1, "the relay takes no connection");
  }
  return fds;
}

}  // namespace

LoadResult tcp_round_trips(const RoundTrips& wanted) {
  Poll poll;
  const std::vector<int> fds = connect_all(poll, wanted.port, wanted.clients);
  const Stopwatch watch_;
  uint64_t asked = 0;
  LoadResult result;
  for (const int fd : fds) {
    send_question(fd, wanted.bytes);
    ++asked;
  }
  while (result.done < wanted.count) {
    const int count = poll.wait(kStallMs);
    if (count <= 0) break;
    for (int i = 0; i < count; ++i) {
      const int fd = poll.events[static_cast<size_t>(i)].data.fd;
      const ssize_t got = recv(fd, room().data(), kRoomBytes, 0);
      check(got > 0, "the relay has closed a connection");
      uint64_t& received = poll.received[static_cast<size_t>(fd)];
      received += static_cast<uint64_t>(got);
      if (received < wanted.bytes) continue;
      received = 0;
      ++result.done;
      if (asked++ < wanted.count) send_question(fd, wanted.bytes);
    }
  }
  result.seconds = watch_.seconds();
  for (const int fd : fds)
    close(fd);
  return result;
}

LoadResult udp_round_trips(const RoundTrips& wanted, size_t burst) {
  Poll poll;
  std::vector<int> fds;
  for (size_t i = 0; i < wanted.clients; ++i) {
    fds.push_back(connect_to(SOCK_DGRAM, wanted.port));
    watch(poll.fd, fds.back(), EPOLLIN);
  }
  const auto ask = [&](int fd) {
    poll.received[static_cast<size_t>(fd)] = 0;
    for (size_t i = 0; i < burst; ++i)
      send(fd, room().data(), wanted.bytes, MSG_NOSIGNAL);
  };
  const Stopwatch watch_;
  for (const int fd : fds)
    ask(fd);
  LoadResult result;
  int silences = 0;
  while (result.done < wanted.count && silences < kStallMs / kAnswerMs) {
    const int count = poll.wait(kAnswerMs);
    if (count == 0) {
      // All that is under way is lost.
      ++silences;
      for (const int fd : fds)
        ask(fd);
    }
    for (int i = 0; i < count; ++i) {
      const int fd = poll.events[static_cast<size_t>(i)].data.fd;
      uint64_t& received = poll.received[static_cast<size_t>(fd)];
      while (recv(fd, room().data(), kRoomBytes, MSG_DONTWAIT) > 0) {
        ++result.done;
        if (++received == burst) ask(fd);
      }
    }
  }
  result.seconds = watch_.seconds();
  for (const int fd : fds)
    close(fd);
  return result;
}

LoadResult tcp_connections(const RoundTrips& wanted) {
  Poll poll;
  uint64_t begun = 0;
  const auto begin = [&] {
    if (begun == wanted.count) return;
    ++begun;
    const int fd = connect_to(SOCK_STREAM, wanted.port);
    poll.received[static_cast<size_t>(fd)] = 0;
    watch(poll.fd, fd, EPOLLIN | EPOLLOUT | EPOLLET);
  };
  const Stopwatch watch_;
  for (size_t i = 0; i < wanted.clients; ++i)
    begin();
  LoadResult result;
  // The highest bit: the question is sent.
  constexpr uint64_t kAsked = uint64_t{1} << 63;
  while (result.done < wanted.count) {
    const int count = poll.wait(kStallMs);
    if (count <= 0) break;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = poll.events[static_cast<size_t>(i)];
      const int fd = event.data.fd;
      uint64_t& received = poll.received[static_cast<size_t>(fd)];
      if ((received & kAsked) == 0 && (event.events & EPOLLOUT) != 0) {
        received = kAsked;
        send_question(fd, wanted.bytes);
      }
      if ((event.events & EPOLLIN) == 0) continue;
      const ssize_t got = recv(fd, room().data(), kRoomBytes, 0);
      check(got > 0, "the relay has closed a connection");
      received += static_cast<uint64_t>(got);
      if ((received & ~kAsked) < wanted.bytes) continue;
      close(fd);
      ++result.done;
      begin();
    }
  }
  result.seconds = watch_.seconds();
  return result;
}

LoadResult tcp_download(const RoundTrips& wanted) {
  Poll poll;
  const std::vector<int> fds = connect_all(poll, wanted.port, wanted.clients);
  const Stopwatch watch_;
  std::string request(1, kSend);
  request.append(reinterpret_cast<const char*>(&wanted.count), sizeof wanted.count);
  for (const int fd : fds)
    check(send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()),
          "send");
  LoadResult result;
  for (size_t open = fds.size(); open > 0;) {
    const int count = poll.wait(kStallMs);
    if (count <= 0) break;
    for (int i = 0; i < count; ++i) {
      const int fd = poll.events[static_cast<size_t>(i)].data.fd;
      const ssize_t got = recv(fd, room().data(), kRoomBytes, 0);
      check(got >= 0, "the relay has reset a connection");
      result.done += static_cast<uint64_t>(got);
      if (got > 0) continue;
      close(fd);
      --open;
    }
  }
  result.seconds = watch_.seconds();
  return result;
}

struct IdleConnections::State {
  Poll poll;
  std::vector<int> fds;
};

IdleConnections::IdleConnections(uint16_t port, size_t count) : state_(new State) {
  for (size_t i = 0; i < count; ++i) {
    const std::vector<int> fd = connect_all(state_->poll, port, 1);
    send_question(fd[0], 1);
    check(state_->poll.wait(kStallMs) > 0, "no answer");
    check(recv(fd[0], room().data(), kRoomBytes, 0) == 1, "no answer");
    state_->fds.push_back(fd[0]);
  }
}

IdleConnections::~IdleConnections() {
  for (const int fd : state_->fds)
    close(fd);
  delete state_;
}

}  // namespace httpteleport::bench
