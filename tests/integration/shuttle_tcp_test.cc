// The TCP services of shuttle: every byte and every end of a stream arrives, whatever the sockets
// are on either side.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "running_shuttle.h"
#include "support/scripted_peer.h"
#include "support/temporary_folder.h"
#include "tcp_transfers.h"

namespace httpteleport::test {
namespace {

constexpr size_t kTransfers = kSanitized ? 20 : 200;
constexpr size_t kIdleConnections = kSanitized ? 200 : 4000;
// Freed memory that a sanitizer keeps, and its shadow, count as the program's.
constexpr uint64_t kIdleConnectionBytesMax = kSanitized ? 256 * 1024 : 2048;

std::string tcp_json(const std::string& backends, const std::string& more = {}) {
  return R"({"address": "127.0.0.1:0", "backends": [)" + backends + "]" + more + "}";
}

TEST(ShuttleTcp, CarriesHalfClosedTransfersBothWaysByteForByte) {
  std::atomic<size_t> received = 0;
  Server server([&](Socket socket) { answer_at_the_end(std::move(socket), received); });
  RunningShuttle shuttle({"-workers=2"});
  ASSERT_TRUE(shuttle.started());
  const Address address = shuttle.listen("/t", tcp_json(backend_json("b", server.address())));
  expect_transfers(address, kTransfers, received);
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
  expect_transfers({.unix_path = folder.file("front")}, kTransfers, received);
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
