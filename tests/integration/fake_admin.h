// A server that stands for shuttle's admin API: says what the test tells it to, and keeps what it
// was asked.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/http_message.h"
#include "support/socket.h"

namespace httpteleport::test {

struct FakeAnswer {
  int status = 200;
  std::string body{};
  std::string fields{};  // whole lines
  std::string raw{};     // if not empty: sent as it is, then the connection ends
  bool hold = false;     // with `raw`: the connection stays open
};

class FakeAdmin {
 public:
  // Called by one thread at a time.
  using Handler = std::function<FakeAnswer(const Message& request)>;

  explicit FakeAdmin(Handler handler, const Listener::Options& options = {})
      : handler_(std::move(handler)), listener_(options), acceptor_([this] { accept(); }) {}
  ~FakeAdmin() {
    listener_.shut_down();
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (Served& served : connections_)
        served.connection.socket().shut_down();
    }
    for (Served& served : connections_)
      served.thread.join();
  }
  FakeAdmin(const FakeAdmin&) = delete;
  FakeAdmin& operator=(const FakeAdmin&) = delete;

  std::string address() const { return listener_.address().text(); }
  std::vector<Message> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // "METHOD TARGET BODY" of each request.
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const Message& request : requests())
      lines.push_back(request.head.method + " " + request.head.target + " " + request.body);
    return lines;
  }

 private:
  struct Served {
    HttpConnection connection;
    std::thread thread{};
  };

  void accept() {
    while (auto socket = listener_.accept(after(std::chrono::hours(1)))) {
      const std::lock_guard lock(mutex_);
      Served& served = connections_.emplace_back(Served{HttpConnection(std::move(*socket))});
      served.thread = std::thread([this, &served] { serve(served.connection); });
    }
  }

  void serve(HttpConnection& connection) {
    for (;;) {
      const Message request = connection.read_request(after(std::chrono::hours(1)));
      if (request.outcome != Outcome::kComplete) return;
      FakeAnswer answer;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        answer = handler_(request);
      }
      if (answer.raw.empty()) {
        connection.send("HTTP/1.1 " + std::to_string(answer.status) + " X\r\n" + answer.fields +
                        "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" +
                        answer.body);
        continue;
      }
      connection.send(answer.raw);
      if (answer.hold) connection.wait_closed(after(std::chrono::hours(1)));
      connection.socket().shut_down();
      return;
    }
  }

  const Handler handler_;
  Listener listener_;
  mutable std::mutex mutex_;  // guards the two below, and calls of the handler
  std::vector<Message> requests_;
  std::list<Served> connections_;
  std::thread acceptor_;
};

}  // namespace httpteleport::test
