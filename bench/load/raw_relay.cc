// The floor of what a proxy can cost: bytes from a client's connection to one connection upstream
// of its own and back, nothing parsed. One thread, epoll, edge-triggered, one read buffer for all.
//
//   raw_relay LISTEN_PORT UPSTREAM_PORT
#include <sys/epoll.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relay/sockets.h"

namespace httpteleport::bench {
namespace {

constexpr size_t kReadBytes = 256 * 1024;

// One socket of a link. What its peer could not take at once waits in `unsent` of the peer; nothing
// is read from this one meanwhile.
struct Link;
struct Side {
  int fd = -1;
  Side* peer = nullptr;
  Link* link = nullptr;
  std::string unsent{};
  size_t sent = 0;        // of `unsent`
  bool ended = false;     // the end of its stream has been read
  bool hung_up = false;   // EPOLLRDHUP was seen: read to the end, short reads or not
  bool shut = false;      // its end has been passed on to the peer
  bool finished = false;  // closed; the link is freed when the turn is over

  bool is_blocked() const { return sent < unsent.size(); }
};

struct Link {
  Side client;
  Side upstream;
};

class RawRelay {
 public:
  RawRelay(uint16_t port, uint16_t upstream_port)
      : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
        listen_fd_(open_bound(SOCK_STREAM, port)),
        upstream_port_(upstream_port),
        room_(kReadBytes) {
    check(epoll_fd_ >= 0, "epoll_create1");
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};  // the only one without Side
    check(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, listen_fd_, &event) == 0, "epoll_ctl");
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = epoll_wait(epoll_fd_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.ptr == nullptr) {
          accept_all();
        } else {
          on_events(*static_cast<Side*>(event.data.ptr), event.events);
        }
      }
      over_.clear();
    }
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = accept_next(listen_fd_);
      if (fd < 0) return;
      auto* link = new Link;  // close_link() gives it to over_
      link->client = {.fd = fd, .peer = &link->upstream, .link = link};
      link->upstream = {
          .fd = connect_to(SOCK_STREAM, upstream_port_), .peer = &link->client, .link = link};
      add(link->client);
      add(link->upstream);
    }
  }

  void add(Side& side) {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &side}};
    check(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, side.fd, &event) == 0, "epoll_ctl");
  }

  void on_events(Side& side, uint32_t events) {
    if (side.finished) return;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) return close_link(side);
    if ((events & EPOLLRDHUP) != 0) side.hung_up = true;
    if ((events & EPOLLOUT) != 0 && side.is_blocked() && flush(side)) pump(*side.peer);
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) pump(side);
  }

  // Reads from `from` and writes to its peer until one of them has enough.
  void pump(Side& from) {
    Side& to = *from.peer;
    while (!from.finished && !from.ended && !to.is_blocked()) {
      const ssize_t count = recv(from.fd, room_.data(), room_.size(), 0);
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0) return close_link(from);
      if (count == 0) return on_end(from);
      if (!send_on(to, {room_.data(), static_cast<size_t>(count)})) return close_link(from);
      // A short read has emptied the socket, unless the end of the stream is behind it.
      if (static_cast<size_t>(count) < room_.size() && !from.hung_up) return;
    }
  }

  bool send_on(Side& to, std::string_view bytes) {
    const ssize_t count = send(to.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    // ENOTCONN: still connecting.
    if (count < 0 && errno != EAGAIN && errno != ENOTCONN) return false;
    const size_t taken = count < 0 ? 0 : static_cast<size_t>(count);
    if (taken < bytes.size()) {
      to.unsent.assign(bytes.substr(taken));
      to.sent = 0;
    }
    return true;
  }

  // True when all is sent, so that the peer may be read again.
  bool flush(Side& side) {
    while (side.is_blocked()) {
      const ssize_t count = send(side.fd, side.unsent.data() + side.sent,
                                 side.unsent.size() - side.sent, MSG_NOSIGNAL);
      if (count < 0 && errno == EAGAIN) return false;
      if (count < 0) {
        close_link(side);
        return false;
      }
      side.sent += static_cast<size_t>(count);
    }
    side.unsent = {};
    side.sent = 0;
    if (side.peer->ended) pass_end(*side.peer);
    return true;
  }

  void on_end(Side& from) {
    from.ended = true;
    if (!from.peer->is_blocked()) pass_end(from);
  }

  void pass_end(Side& from) {
    if (!std::exchange(from.shut, true)) shutdown(from.peer->fd, SHUT_WR);
    if (from.ended && from.peer->ended) close_link(from);
  }

  void close_link(Side& side) {
    if (side.finished) return;
    for (Side* one : {&side, side.peer}) {
      one->finished = true;
      close(one->fd);
    }
    over_.emplace_back(side.link);
  }

  const int epoll_fd_;
  const int listen_fd_;
  const uint16_t upstream_port_;
  std::vector<char> room_;
  std::vector<std::unique_ptr<Link>> over_;  // events of this turn may still name them
};

uint16_t port_from(const char* text) {
  const long port = std::strtol(text, nullptr, 10);
  if (port < 1 || port > 65535) {
    std::fprintf(stderr, "raw_relay: not a port: %s\n", text);
    std::exit(2);
  }
  return static_cast<uint16_t>(port);
}

}  // namespace
}  // namespace httpteleport::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: raw_relay LISTEN_PORT UPSTREAM_PORT\n");
    return 2;
  }
  using httpteleport::bench::port_from;
  httpteleport::bench::RawRelay(port_from(argv[1]), port_from(argv[2])).run();
}
