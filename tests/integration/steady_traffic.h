// Traffic that goes on while a test does something to the proxy: requests without a pause, and
// WebSockets that exchange frames. Everything that a client would call a failure is kept.
#pragma once

#include <algorithm>
#include <atomic>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "support/content.h"
#include "support/tls_client.h"
#include "support/websocket.h"

namespace httpteleport::test {

// A client's connection in the clear, or over TLS where `trusted_pem` is not empty.
class ClientConnection {
 public:
  static std::optional<ClientConnection> connect(const Address& address,
                                                 const std::string& trusted_pem) {
    std::optional<ClientConnection> connection;
    if (trusted_pem.empty()) {
      if (auto socket = Socket::connect(address))
        connection.emplace(ClientConnection(std::move(*socket)));
    } else if (auto tls = TlsClient::connect(
                   address, {.server_name = "localhost", .trusted_pem = trusted_pem});
               tls && tls->is_complete()) {
      connection.emplace(ClientConnection(std::move(*tls)));
    }
    return connection;
  }

  IoStatus send_all(std::string_view bytes) {
    return std::visit([&](auto& stream) { return stream.send_all(bytes); }, stream_);
  }
  Received recv_until(std::string_view needle) {
    return std::visit([&](auto& stream) { return stream.recv_until(needle); }, stream_);
  }
  Received recv_exactly(size_t bytes) {
    return std::visit([&](auto& stream) { return stream.recv_exactly(bytes); }, stream_);
  }

 private:
  template <class Stream>
  explicit ClientConnection(Stream stream) : stream_(std::move(stream)) {}

  std::variant<Socket, TlsClient> stream_;
};

// Threads with one connection each, which ask for /bytes/N and compare every byte, and connect anew
// only after an answer that says so, or where it is kNew for each request. The destructor ends
// them.
class SteadyRequests {
 public:
  enum class Connections : uint8_t { kKept, kNew };

  SteadyRequests(const Address& address, std::string trusted_pem, size_t threads,
                 Connections connections = Connections::kKept)
      : address_(address),
        trusted_pem_(std::move(trusted_pem)),
        more_fields_(connections == Connections::kNew ? "Connection: close\r\n" : "") {
    for (size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this, i] { run(i); });
  }
  ~SteadyRequests() { stop(); }

  uint64_t answered() const { return answered_; }
  // True when `count` more are answered in time.
  bool wait_for_more(uint64_t count) const {
    const uint64_t before = answered_;
    return wait_until([&] { return answered_ >= before + count; }, after(3 * kPatience));
  }
  // Ends them and returns what went wrong.
  std::vector<std::string> stop() {
    stopping_ = true;
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
    return std::exchange(failures_, {});
  }

 private:
  static constexpr size_t kBodyBytes = 3000;

  void run(uint64_t seed) {
    while (!stopping_) {
      auto connection = ClientConnection::connect(address_, trusted_pem_);
      if (!connection) fail("cannot connect");
      while (connection && !stopping_) {
        const std::string failure = ask(*connection, seed += 1000);
        if (failure.empty() || failure == kLast) {
          ++answered_;
        } else {
          fail(failure);
        }
        if (!failure.empty()) connection.reset();
      }
    }
  }

  // What went wrong; empty: nothing; kLast: nothing, and the connection ends.
  std::string ask(ClientConnection& connection, uint64_t seed) const {
    const Content content = Content::bytes(kBodyBytes, seed);
    const std::string target =
        "/bytes/" + std::to_string(kBodyBytes) + "?seed=" + std::to_string(seed);
    if (connection.send_all("GET " + target + " HTTP/1.1\r\nHost: a\r\n" + more_fields_ + "\r\n") !=
        IoStatus::kOk)
      return "cannot send";
    const Received head = connection.recv_until("\r\n\r\n");
    if (head.status != IoStatus::kOk)
      return std::string("no head: ") + io_status_name(head.status) + " " + head.bytes;
    if (!head.bytes.starts_with("HTTP/1.1 200 ")) return head.bytes;
    const Received body = connection.recv_exactly(kBodyBytes);
    if (body.status != IoStatus::kOk)
      return std::string("short answer: ") + io_status_name(body.status);
    if (!content.matches(0, body.bytes)) return "another body";
    return head.bytes.find("Connection: close") == std::string::npos ? "" : kLast;
  }

  void fail(const std::string& failure) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(failure);
  }

  static constexpr const char* kLast = "last";

  const Address address_;
  const std::string trusted_pem_;
  const std::string more_fields_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> answered_ = 0;
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::vector<std::thread> threads_;
};

// WebSockets to an echo that send frames and wait for them, one after another, all the time. Opened
// by the constructor; the destructor ends them.
class SteadyWebSockets {
 public:
  SteadyWebSockets(const Address& address, const std::string& trusted_pem, size_t count) {
    std::vector<ClientConnection> opened;
    for (size_t i = 0; i < count; ++i) {
      auto connection = ClientConnection::connect(address, trusted_pem);
      if (!connection || !shake_hands(*connection)) continue;
      opened.push_back(std::move(*connection));
    }
    open_ = opened_ = opened.size();
    for (size_t first = 0; first < opened.size(); first += kPerThread) {
      std::vector<ClientConnection> mine;
      for (size_t i = first; i < std::min(first + kPerThread, opened.size()); ++i)
        mine.push_back(std::move(opened[i]));
      rounds_.emplace_back(0);
      threads_.emplace_back([this, &rounds = rounds_.back(), mine = std::move(mine)]() mutable {
        run(mine, rounds);
      });
    }
  }
  ~SteadyWebSockets() {
    stopping_ = true;
    for (std::thread& thread : threads_)
      thread.join();
  }

  size_t opened() const { return opened_; }
  size_t open() const { return open_; }
  // When the first was found closed; the far future while all are open.
  Deadline first_closed() const {
    const std::lock_guard lock(mutex_);
    return first_closed_;
  }
  // True when each that is open exchanges two more frames in time.
  bool wait_for_frames() const {
    std::vector<uint64_t> before;
    for (const auto& rounds : rounds_)
      before.push_back(rounds);
    return wait_until(
        [&] {
          size_t i = 0;
          for (const auto& rounds : rounds_) {
            if (rounds < before[i++] + 3) return false;
          }
          return true;
        },
        after(3 * kPatience));
  }

 private:
  static constexpr size_t kPerThread = 50;

  static bool shake_hands(ClientConnection& connection) {
    return connection.send_all(websocket_request(kWebSocketKey)) == IoStatus::kOk &&
           connection.recv_until("\r\n\r\n").bytes.starts_with("HTTP/1.1 101 ");
  }

  void run(std::vector<ClientConnection>& mine, std::atomic<uint64_t>& rounds) {
    while (!stopping_ && !mine.empty()) {
      const std::string payload = "round " + std::to_string(rounds);
      std::erase_if(mine, [&](ClientConnection& connection) {
        const bool good = exchange(connection, payload);
        if (!good) note_closed();
        return !good;
      });
      ++rounds;
    }
  }

  static bool exchange(ClientConnection& connection, const std::string& payload) {
    if (connection.send_all(websocket_frame(payload, WebSocket::Role::kClient)) != IoStatus::kOk)
      return false;
    const std::string expected = websocket_frame(payload, WebSocket::Role::kServer);
    return connection.recv_exactly(expected.size()).bytes == expected;
  }

  void note_closed() {
    --open_;
    const std::lock_guard lock(mutex_);
    first_closed_ = std::min(first_closed_, Clock::now());
  }

  size_t opened_ = 0;
  std::atomic<size_t> open_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  Deadline first_closed_ = Deadline::max();
  std::list<std::atomic<uint64_t>> rounds_;  // of each thread
  std::vector<std::thread> threads_;
};

}  // namespace httpteleport::test
