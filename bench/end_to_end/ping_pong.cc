#include "ping_pong.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;

namespace {

// What the messages of the benchmarks come to, about.
constexpr size_t kRequestBytes = 80;
constexpr size_t kResponseBytes = 420;

void check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(1);
}

std::array<int, 2> make_tcp_pair() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const place = reinterpret_cast<sockaddr*>(&address);
  check(bind(listener, place, length) == 0 && listen(listener, 1) == 0, "listen");
  check(getsockname(listener, place, &length) == 0, "getsockname");
  std::array<int, 2> ends{};
  ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(connect(ends[0], place, length) == 0, "connect");
  ends[1] = accept(listener, nullptr, nullptr);
  check(ends[1] >= 0, "accept");
  close(listener);
  for (const int end : ends) {
    const int on = 1;
    setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return ends;
}

std::array<int, 2> make_pair(Transport transport) {
  if (transport == Transport::kTcp) return make_tcp_pair();
  std::array<int, 2> ends{};
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
  return ends;
}

// False at the end.
bool receive(int fd, size_t bytes) {
  char buffer[4096];
  while (bytes > 0) {
    const ssize_t got = recv(fd, buffer, bytes, 0);
    if (got <= 0) return false;
    bytes -= static_cast<size_t>(got);
  }
  return true;
}

void answer_all(int fd) {
  const char response[kResponseBytes]{};
  while (receive(fd, kRequestBytes))
    check(send(fd, response, sizeof response, MSG_NOSIGNAL) == sizeof response, "send");
}

}  // namespace

Measurement run_ping_pong(Transport transport, std::chrono::milliseconds duration) {
  const std::array<int, 2> ends = make_pair(transport);
  std::thread server(answer_all, ends[1]);
  const char request[kRequestBytes]{};
  std::vector<double> latencies;
  const auto begun = Clock::now();
  const auto until = begun + duration;
  auto now = begun;
  while (now < until) {
    const auto sent = now;
    check(send(ends[0], request, sizeof request, MSG_NOSIGNAL) == sizeof request, "send");
    check(receive(ends[0], kResponseBytes), "recv");
    now = Clock::now();
    latencies.push_back(std::chrono::duration<double, std::micro>(now - sent).count());
  }
  const std::chrono::duration<double, std::nano> wall = now - begun;
  close(ends[0]);
  server.join();
  close(ends[1]);
  return {.requests = latencies.size(),
          .wall_ns = wall.count() / static_cast<double>(latencies.size()),
          .p50_us = at_share(latencies, 0.5),
          .p99_us = at_share(latencies, 0.99)};
}
