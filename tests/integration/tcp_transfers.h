// TCP connections that carry much both ways, and servers that look at every byte of it.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/content.h"
#include "support/socket.h"
#include "topology.h"

namespace httpteleport::test {

inline constexpr uint64_t kTransferBytes = 3'000'000;
inline constexpr size_t kPieceBytes = 64 * 1024;
inline constexpr uint64_t kAnswerSeed = 1'000'000;  // beyond those of requests

inline Deadline patiently() {
  return after(6 * kPatience);
}

// Threads that are joined at the end.
class Threads {
 public:
  ~Threads() { join(); }
  template <class Work>
  void start(Work work) {
    const std::lock_guard lock(mutex_);
    threads_.emplace_back(std::move(work));
  }
  void join() {
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

// Accepts until it is destroyed, and serves each connection in a thread.
class Server {
 public:
  using Serve = std::function<void(Socket)>;

  explicit Server(Serve serve, const Listener::Options& options = {})
      : listener_(options), serve_(std::move(serve)), acceptor_([this] { run(); }) {}
  ~Server() {
    listener_.shut_down();
    acceptor_.join();
  }
  Address address() const { return listener_.address(); }

 private:
  void run() {
    Threads serving;
    while (auto socket = listener_.accept(after(std::chrono::hours(1)))) {
      auto shared = std::make_shared<Socket>(std::move(*socket));
      serving.start([this, shared] { serve_(std::move(*shared)); });
    }
  }

  Listener listener_;
  Serve serve_;
  std::thread acceptor_;
};

inline bool send_content(Socket& socket, const Content& content) {
  std::vector<char> piece(kPieceBytes);
  for (uint64_t at = 0; at < content.size(); at += piece.size()) {
    piece.resize(std::min<uint64_t>(kPieceBytes, content.size() - at));
    content.read(at, piece);
    if (socket.send_all({piece.data(), piece.size()}, patiently()) != IoStatus::kOk) return false;
  }
  return true;
}

// What is other than that content and then the end of the stream; empty: nothing.
inline std::string receive_content(Socket& socket, const Content& content) {
  uint64_t at = 0;
  for (;;) {
    const Received got = socket.recv_some(kPieceBytes, patiently());
    if (!got.bytes.empty()) {
      if (got.bytes.size() > content.size() - at || !content.matches(at, got.bytes))
        return "other bytes behind " + std::to_string(at);
      at += got.bytes.size();
    }
    if (got.status == IoStatus::kOk) continue;
    if (got.status == IoStatus::kClosed && at == content.size()) return "";
    return std::string(io_status_name(got.status)) + " after " + std::to_string(at);
  }
}

// The seed comes first; the answer begins when the client has said that it has sent everything.
inline void answer_at_the_end(Socket socket, std::atomic<size_t>& good) {
  std::array<char, 8> seed_bytes{};
  const Received head = socket.recv_exactly(seed_bytes.size(), patiently());
  if (head.status != IoStatus::kOk) return;
  uint64_t seed = 0;
  std::memcpy(&seed, head.bytes.data(), sizeof seed);
  if (!receive_content(socket, Content::bytes(kTransferBytes, seed)).empty()) return;
  if (send_content(socket, Content::bytes(kTransferBytes, seed + kAnswerSeed))) ++good;
}

inline std::string transfer(const Address& address, uint64_t seed) {
  auto socket = Socket::connect(address, patiently());
  if (!socket) return "cannot connect";
  std::array<char, 8> seed_bytes{};
  std::memcpy(seed_bytes.data(), &seed, sizeof seed);
  if (socket->send_all({seed_bytes.data(), seed_bytes.size()}) != IoStatus::kOk ||
      !send_content(*socket, Content::bytes(kTransferBytes, seed)))
    return "cannot send";
  socket->shutdown_write();
  return receive_content(*socket, Content::bytes(kTransferBytes, seed + kAnswerSeed));
}

// So many at a time.
inline void expect_transfers(const Address& address, size_t count, std::atomic<size_t>& received) {
  std::mutex mutex;
  std::vector<std::string> failures;
  {
    Threads clients;
    for (size_t i = 0; i < count; ++i) {
      clients.start([&, i] {
        const std::string failure = transfer(address, i);
        const std::lock_guard lock(mutex);
        if (!failure.empty()) failures.push_back(failure);
      });
    }
  }
  EXPECT_EQ(failures.size(), 0u) << failures.front();
  EXPECT_EQ(received, count);
}

}  // namespace httpteleport::test
