// The TCP services of shuttle: every byte and every end of a stream arrives, whatever the sockets
// are on either side.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "running_shuttle.h"
#include "support/content.h"
#include "support/scripted_peer.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

constexpr size_t kTransfers = kSanitized ? 20 : 200;
constexpr uint64_t kTransferBytes = 3'000'000;
constexpr size_t kPieceBytes = 64 * 1024;
constexpr uint64_t kAnswerSeed = 1'000'000;  // beyond those of requests
constexpr size_t kIdleConnections = kSanitized ? 200 : 4000;
// Freed memory that a sanitizer keeps, and its shadow, count as the program's.
constexpr uint64_t kIdleConnectionBytesMax = kSanitized ? 256 * 1024 : 2048;

Deadline patiently() {
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

bool send_content(Socket& socket, const Content& content) {
  std::vector<char> piece(kPieceBytes);
  for (uint64_t at = 0; at < content.size(); at += piece.size()) {
    piece.resize(std::min<uint64_t>(kPieceBytes, content.size() - at));
    content.read(at, piece);
    if (socket.send_all({piece.data(), piece.size()}, patiently()) != IoStatus::kOk) return false;
  }
  return true;
}

// What is other than that content and then the end of the stream; empty: nothing.
std::string receive_content(Socket& socket, const Content& content) {
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
void answer_at_the_end(Socket socket, std::atomic<size_t>& good) {
  std::array<char, 8> seed_bytes{};
  const Received head = socket.recv_exactly(seed_bytes.size(), patiently());
  if (head.status != IoStatus::kOk) return;
  uint64_t seed = 0;
  std::memcpy(&seed, head.bytes.data(), sizeof seed);
  if (!receive_content(socket, Content::bytes(kTransferBytes, seed)).empty()) return;
  if (send_content(socket, Content::bytes(kTransferBytes, seed + kAnswerSeed))) ++good;
}

std::string transfer(const Address& address, uint64_t seed) {
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

void expect_transfers(const Address& address, std::atomic<size_t>& received) {
  std::mutex mutex;
  std::vector<std::string> failures;
  {
    Threads clients;
    for (size_t i = 0; i < kTransfers; ++i) {
      clients.start([&, i] {
        const std::string failure = transfer(address, i);
        const std::lock_guard lock(mutex);
        if (!failure.empty()) failures.push_back(failure);
      });
    }
  }
  EXPECT_EQ(failures.size(), 0u) << failures.front();
  EXPECT_EQ(received, kTransfers);
}

std::string tcp_json(const std::string& backends, const std::string& more = {}) {
  return R"({"address": "127.0.0.1:0", "backends": [)" + backends + "]" + more + "}";
}

TEST(ShuttleTcp, CarriesHalfClosedTransfersBothWaysByteForByte) {
  std::atomic<size_t> received = 0;
  Server server([&](Socket socket) { answer_at_the_end(std::move(socket), received); });
  RunningShuttle shuttle({"-workers=2"});
  ASSERT_TRUE(shuttle.started());
  const Address address = shuttle.listen("/t", tcp_json(backend_json("b", server.address())));
  expect_transfers(address, received);
  EXPECT_EQ(shuttle.number("/t", "connections"), static_cast<int64_t>(kTransfers));
  EXPECT_EQ(shuttle.number("/t", "errors"), 0);
}

TEST(ShuttleTcp, CarriesTheSameBetweenUnixSockets) {
  const TemporaryFolder folder;
  std::atomic<size_t> received = 0;
  Server server([&](Socket socket) { answer_at_the_end(std::move(socket), received); },
                {.unix_path = folder.file("backend")});
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  shuttle.change(
      "/t",
      R"({"address": ")" + folder.file("front") +
          R"(", "network": "unix", "backends": [{"name": "b", "network": "unix", "address": ")" +
          folder.file("backend") + "\"}]}");
  expect_transfers({.unix_path = folder.file("front")}, received);
}

TEST(ShuttleTcp, TellsBothEndsOfAReset) {
  std::atomic<bool> was_reset = false;
  Server server([&](Socket socket) {
    const Received got = socket.recv_to_end(patiently());
    was_reset = got.status == IoStatus::kReset;
  });
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Address address = shuttle.listen("/t", tcp_json(backend_json("b", server.address())));
  auto client = Socket::connect(address);
  ASSERT_TRUE(client);
  ASSERT_EQ(client->send_all("hello"), IoStatus::kOk);
  ASSERT_TRUE(wait_until([&] { return shuttle.number("/t", "received") == 5; }));
  client->reset();
  EXPECT_TRUE(wait_until([&] { return was_reset.load(); }));
}

TEST(ShuttleTcp, PassesOnWhomAProxyHeaderNames) {
  ScriptedPeer backend;
  backend.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_bytes("PROXY TCP4 192.0.2.1 192.0.2.9 1111 2222\r\nhello");
    connection.send("good day");
    connection.expect_end();
  });
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Address address =
      shuttle.listen("/t", tcp_json(backend_json("b", backend.address()),
                                    R"(, "accept_proxy_protocol": "any", "proxy_protocol": "v1",
                                       "proxy_protocol_from": ["127.0.0.0/8"])"));
  auto client = Socket::connect(address);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->send_all("PROXY TCP4 192.0.2.1 192.0.2.9 1111 2222\r\nhello"), IoStatus::kOk);
  EXPECT_EQ(client->recv_exactly(8).bytes, "good day");
  client->close();
  backend.join();
}

TEST(ShuttleTcp, NeedsLittleMemoryForAnIdleConnection) {
  Listener backend;
  std::vector<Socket> held;
  std::thread server([&] {
    while (auto socket = backend.accept(after(std::chrono::hours(1)))) {
      const Received got = socket->recv_exactly(1, patiently());
      socket->send_all(got.bytes);
      held.push_back(std::move(*socket));
    }
  });
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Address address = shuttle.listen("/t", tcp_json(backend_json("b", backend.address())));
  const auto open = [&](std::vector<Socket>& clients, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      auto client = Socket::connect(address, patiently());
      ASSERT_TRUE(client);
      ASSERT_EQ(client->send_all("x"), IoStatus::kOk);
      ASSERT_EQ(client->recv_exactly(1, patiently()).bytes, "x");
      clients.push_back(std::move(*client));
    }
  };
  std::vector<Socket> clients;
  open(clients, 100);  // what the first ones need is there afterwards
  const uint64_t before = shuttle.process().rss_bytes();
  open(clients, kIdleConnections);
  const uint64_t with = shuttle.process().rss_bytes();
  const uint64_t each = (with - std::min(before, with)) / kIdleConnections;
  RecordProperty("bytes_per_connection", std::to_string(each));
  EXPECT_LE(each, kIdleConnectionBytesMax);
  EXPECT_EQ(shuttle.number("/t", "active"), static_cast<int64_t>(clients.size()));
  backend.shut_down();
  server.join();
}

}  // namespace
}  // namespace httpteleport::test
