// An origin that knows the answers of a file of pairs, and sends to each request the one that
// belongs to it. One thread; where a request has several answers they take turns.
//
//   pairs_origin PORT FILE
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/h1/body_decoder.h"
#include "http/h1/head_parser.h"
#include "pairs.h"
#include "relay/sockets.h"

namespace httpteleport::bench {
namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr http::h1::HeadLimits kLimits{.head_bytes_max = 64 * 1024, .fields_max = 500};
constexpr size_t kInputBytesMax = 16 * 1024 * 1024;
constexpr std::string_view kUnknown =
    "HTTP/1.1 500 Unknown request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

struct Answers {
  std::vector<std::string_view> list;
  size_t next = 0;
};

struct Connection {
  int fd = -1;
  std::string input;
  std::string_view unsent;
  bool last = false;
};

class PairsOrigin {
 public:
  PairsOrigin(uint16_t port, std::vector<Pair> pairs)
      : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
        listen_fd_(open_bound(SOCK_STREAM, port)),
        pairs_(std::move(pairs)),
        room_(kReadBytes) {
    for (const Pair& pair : pairs_)
      answers_[pair.key].list.push_back(pair.response);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    check(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, listen_fd_, &event) == 0, "epoll_ctl");
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = epoll_wait(epoll_fd_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        auto* connection = static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
        if (connection == nullptr) {
          accept_all();
        } else if (!serve(*connection)) {
          close(connection->fd);
          delete connection;
        }
      }
    }
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = accept_next(listen_fd_);
      if (fd < 0) return;
      auto* connection = new Connection;  // run() deletes it
      connection->fd = fd;
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = connection}};
      check(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    }
  }

  // False: the connection is over.
  bool serve(Connection& connection) {
    for (;;) {
      if (!flush(connection)) return false;
      if (!connection.unsent.empty()) return true;
      if (connection.last) return false;
      if (!connection.input.empty() && answer(connection)) continue;
      if (connection.input.size() > kInputBytesMax) return false;
      const ssize_t count = recv(connection.fd, room_.data(), room_.size(), 0);
      if (count < 0) return errno == EAGAIN;
      if (count == 0) return false;
      connection.input.append(room_.data(), static_cast<size_t>(count));
    }
  }

  static bool flush(Connection& connection) {
    while (!connection.unsent.empty()) {
      const ssize_t count =
          send(connection.fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN;
      connection.unsent.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  // Takes a whole request off the input and looks up its answer; false while there is none.
  bool answer(Connection& connection) {
    http::RequestHead head;
    const auto length = http::h1::parse_request_head(connection.input, kLimits, head);
    if (!length) return refuse(connection);
    if (*length == 0) return false;
    using http::h1::BodyFraming;
    http::h1::BodyDecoder decoder(Source::kDownstream, {.trailers = kLimits});
    decoder.start(head.body.is_none()    ? BodyFraming::kNone
                  : head.body.is_known() ? BodyFraming::kLength
                                         : BodyFraming::kChunked,
                  head.body.bytes);
    std::string_view rest = std::string_view(connection.input).substr(*length);
    body_.clear();
    for (;;) {
      const auto step = decoder.decode(rest);
      if (!step) return refuse(connection);
      body_.append(step->body);
      rest.remove_prefix(step->consumed);
      if (step->done) break;
      if (step->consumed == 0) return false;
    }
    const http::Field* id = head.fields.find("X-Request-Id");
    const auto found =
        answers_.find(key_of(head.method_text, head.target, id != nullptr ? id->value : "", body_));
    if (found == answers_.end()) return refuse(connection);
    Answers& known = found->second;
    connection.unsent = known.list[known.next++ % known.list.size()];
    connection.last = !head.keep_alive;
    connection.input.erase(0, connection.input.size() - rest.size());
    return true;
  }

  static bool refuse(Connection& connection) {
    connection.unsent = kUnknown;
    connection.last = true;
    return true;
  }

  const int epoll_fd_;
  const int listen_fd_;
  const std::vector<Pair> pairs_;
  std::unordered_map<std::string, Answers> answers_;
  std::vector<char> room_;
  std::string body_;
};

}  // namespace
}  // namespace httpteleport::bench

int main(int argc, char** argv) {
  using namespace httpteleport::bench;  // NOLINT(google-build-using-namespace)
  const long port = argc == 3 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (port < 1 || port > 65535) {
    std::fprintf(stderr, "usage: pairs_origin PORT FILE\n");
    return 2;
  }
  std::string error;
  auto pairs = read_pairs(argv[2], error);
  if (!pairs) {
    std::fprintf(stderr, "pairs_origin: %s: %s\n", argv[2], error.c_str());
    return 1;
  }
  PairsOrigin(static_cast<uint16_t>(port), std::move(*pairs)).run();
}
