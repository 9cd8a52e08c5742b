// TCP services of two shuttles with a link in between: what holds for a service of one holds for
// both together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "running_shuttle.h"
#include "support/relay.h"
#include "support/scripted_peer.h"
#include "tcp_transfers.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;

constexpr size_t kTransfers = kSanitized ? 8 : 40;
constexpr size_t kConnections = kSanitized ? 100 : 500;
constexpr uint64_t kGrowthMax = kSanitized ? uint64_t{256} << 20 : uint64_t{24} << 20;

std::string backend(const std::string& name, const Address& address, const std::string& network) {
  return backend_json(name, address, R"(, "network": ")" + network + "\"");
}

std::string service_json(const std::string& network, const std::string& backends,
                         const std::string& more = {}) {
  return R"({"address": "127.0.0.1:0", "network": ")" + network + R"(", "backends": [)" + backends +
         "]" + more + "}";
}

constexpr const char* kOfTcp = R"(, "link_traffic": "tcp")";

// Sends back what comes until its end.
void echo(Socket socket) {
  for (;;) {
    const Received got = socket.recv_some(kPieceBytes, after(std::chrono::hours(1)));
    if (!got.bytes.empty() && socket.send_all(got.bytes, patiently()) != IoStatus::kOk) return;
    if (got.status != IoStatus::kOk) return;
  }
}

// clients -> near -> link, which the test may break -> far -> server.
class ShuttleLinkTcp : public testing::Test {
 protected:
  void open(const Address& server, const std::string& of_far = {},
            const std::string& of_near = {}) {
    ASSERT_TRUE(near_.started() && far_.started());
    far_link_ = far_.listen(
        "/far", service_json("teleport", backend_json("b", server), std::string(kOfTcp) + of_far));
    link_.emplace(far_link_);
    service_ = near_.listen(
        "/near", service_json("tcp", backend("far", link_->address(), "teleport"), of_near));
  }
  // Not open: it was reset at once.
  Socket connect() const {
    auto client = Socket::connect(service_, patiently());
    return client ? std::move(*client) : Socket();
  }
  // Whether bytes pass on that connection.
  static bool passes(Socket& client, const std::string& text = "hello") {
    return client.is_open() && client.send_all(text, patiently()) == IoStatus::kOk &&
           client.recv_exactly(text.size(), patiently()).bytes == text;
  }
  // Of a connection that nobody takes: it ends before anything has come.
  static bool is_refused(Socket& client) {
    if (!client.is_open()) return true;
    const Received got = client.recv_to_end(patiently());
    return got.bytes.empty() && got.status != IoStatus::kTimeout;
  }
  bool wait_active(int64_t count) const {
    return wait_until([&] { return far_.number("/far", "active") == count; }, patiently()) &&
           wait_until([&] { return near_.number("/near", "active") == count; }, patiently());
  }

  RunningShuttle far_;
  RunningShuttle near_;
  Address far_link_;
  std::optional<Relay> link_;
  Address service_;
};

TEST_F(ShuttleLinkTcp, CarriesHalfClosedTransfersBothWaysByteForByte) {
  std::atomic<size_t> received = 0;
  Server server([&](Socket socket) { answer_at_the_end(std::move(socket), received); });
  open(server.address());
  expect_transfers(service_, kTransfers, received);
  EXPECT_TRUE(wait_active(0));
  for (const auto& [shuttle, path] : {std::pair(&near_, "/near"), std::pair(&far_, "/far")}) {
    EXPECT_EQ(shuttle->number(path, "connections"), static_cast<int64_t>(kTransfers));
    EXPECT_EQ(shuttle->number(path, "errors"), 0);
  }
}

TEST_F(ShuttleLinkTcp, CountsWhatItsLinkCarriesBeforeCompressionAndAfterIt) {
  Server server(echo);
  open(server.address());
  Socket client = connect();
  const std::string text(50'000, 'x');
  ASSERT_TRUE(passes(client, text));
  client.close();
  ASSERT_TRUE(wait_active(0));
  for (const auto& [shuttle, path] : {std::pair(&near_, "/near"), std::pair(&far_, "/far")}) {
    for (const std::string direction : {"sent", "received"}) {
      const int64_t raw = shuttle->number(path, "link_raw_" + direction);
      const int64_t wire = shuttle->number(path, "link_wire_" + direction);
      EXPECT_GT(raw, static_cast<int64_t>(text.size())) << path << direction;
      EXPECT_GT(wire, 0) << path << direction;
      EXPECT_LT(wire, raw / 10) << path << direction;
    }
  }
}

TEST_F(ShuttleLinkTcp, GoesOnFromTheClientWhenTheServerHasEnded) {
  std::atomic<bool> good = false;
  Server server([&](Socket socket) {
    socket.send_all("bye");
    socket.shutdown_write();
    good = receive_content(socket, Content::json(kTransferBytes, 1)).empty();
  });
  open(server.address());
  Socket client = connect();
  EXPECT_EQ(client.recv_to_end(patiently()).bytes, "bye");
  EXPECT_TRUE(send_content(client, Content::json(kTransferBytes, 1)));
  client.shutdown_write();
  EXPECT_TRUE(wait_until([&] { return good.load(); }, patiently()));
  EXPECT_TRUE(wait_active(0));
}

TEST_F(ShuttleLinkTcp, CarriesAResetAsOneBothWays) {
  std::atomic<bool> was_reset = false;
  std::atomic<bool> resets = false;
  Server server([&](Socket socket) {
    if (socket.recv_exactly(5, patiently()).bytes != "hello") return;
    if (resets) return socket.reset();
    socket.send_all("hello");
    was_reset = socket.recv_to_end(patiently()).status == IoStatus::kReset;
  });
  open(server.address());
  Socket client = connect();
  ASSERT_TRUE(passes(client));
  client.reset();
  EXPECT_TRUE(wait_until([&] { return was_reset.load(); }, patiently()));
  resets = true;
  Socket other = connect();
  ASSERT_EQ(other.send_all("hello"), IoStatus::kOk);
  EXPECT_EQ(other.recv_to_end(patiently()).status, IoStatus::kReset);
  EXPECT_TRUE(wait_active(0));
}

TEST_F(ShuttleLinkTcp, EndsAConnectionThatNoBackendOfTheFarEndTakes) {
  open(dead_address());
  for (int i = 0; i < 3; ++i) {
    Socket client = connect();
    EXPECT_TRUE(is_refused(client));
  }
  EXPECT_TRUE(wait_active(0));
  // The link itself is well: connections pass as soon as there is somebody who takes them.
  Server server(echo);
  far_.change("/far", R"({"backends": [)" + backend_json("c", server.address()) + "]}");
  Socket client = connect();
  EXPECT_TRUE(passes(client));
}

TEST_F(ShuttleLinkTcp, TriesTheNextBackendWhenTheFarEndHasNone) {
  Server server(echo);
  open(dead_address());
  near_.change("/near", R"({"backends": [)" + backend_json("direct", server.address()) + "]}");
  for (int i = 0; i < 4; ++i) {
    Socket client = connect();
    EXPECT_TRUE(passes(client));
  }
}

TEST_F(ShuttleLinkTcp, CarriesHundredsOfConnectionsOverOneLink) {
  Server server(echo);
  open(server.address());
  std::vector<Socket> clients;
  for (size_t i = 0; i < kConnections; ++i)
    clients.push_back(connect());
  for (size_t i = 0; i < kConnections; ++i)
    ASSERT_EQ(clients[i].send_all("it is " + std::to_string(i) + "\n"), IoStatus::kOk);
  for (size_t i = 0; i < kConnections; ++i) {
    EXPECT_EQ(clients[i].recv_until("\n", patiently()).bytes, "it is " + std::to_string(i) + "\n");
  }
  EXPECT_EQ(link_->accepted(), 1u);
  EXPECT_TRUE(wait_active(static_cast<int64_t>(kConnections)));
  for (Socket& client : clients)
    client.shutdown_write();
  for (Socket& client : clients)
    EXPECT_EQ(client.recv_to_end(patiently()).status, IoStatus::kClosed);
  EXPECT_TRUE(wait_active(0));
}

TEST_F(ShuttleLinkTcp, DoesNotHoldUpOthersForASlowReader) {
  constexpr uint64_t kFlood = uint64_t{64} << 20;
  Server server([&](Socket socket) {
    if (socket.recv_exactly(1, patiently()).bytes == "f") {
      send_content(socket, Content::bytes(kFlood, 3));
    } else {
      socket.send_all("!");
      echo(std::move(socket));
    }
  });
  open(server.address());
  Socket other = connect();
  ASSERT_EQ(other.send_all("e"), IoStatus::kOk);
  ASSERT_EQ(other.recv_exactly(1, patiently()).bytes, "!");
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(passes(other, std::string(20'000, 'x')));
  const uint64_t near_before = near_.process().rss_bytes();
  const uint64_t far_before = far_.process().rss_bytes();
  Socket slow = connect();
  ASSERT_EQ(slow.send_all("f"), IoStatus::kOk);
  ASSERT_TRUE(wait_until([&] { return near_.number("/near", "sent") > 3'000'000; }, patiently()));
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(passes(other, std::string(20'000, 'x')));
  EXPECT_LT(near_.process().rss_bytes(), near_before + kGrowthMax);
  EXPECT_LT(far_.process().rss_bytes(), far_before + kGrowthMax);
  EXPECT_LT(near_.number("/near", "sent"), static_cast<int64_t>(kFlood) / 2);
  EXPECT_EQ(receive_content(slow, Content::bytes(kFlood, 3)), "");
}

TEST_F(ShuttleLinkTcp, EndsConnectionsOfALinkThatBreaksAndCarriesNewOnes) {
  Server server(echo);
  open(server.address());
  for (const Relay::Fault fault : {Relay::Fault::kReset, Relay::Fault::kFin}) {
    std::vector<Socket> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(connect());
      ASSERT_TRUE(passes(clients.back()));
    }
    link_->strike(fault);
    for (Socket& client : clients)
      EXPECT_TRUE(is_refused(client));
    EXPECT_TRUE(wait_active(0));
    EXPECT_TRUE(wait_until(
        [&] {
          Socket client = connect();
          return passes(client);
        },
        patiently()));
  }
}

TEST_F(ShuttleLinkTcp, LetsConnectionsGoOnWhenTheFarEndTakesNoNewOnes) {
  Server server(echo);
  open(server.address());
  Socket client = connect();
  ASSERT_TRUE(passes(client));
  far_.change("/far", "", "DELETE");
  ASSERT_TRUE(wait_until(
      [&] {
        Socket late = connect();
        return !passes(late);
      },
      patiently()));
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(passes(client));
  client.shutdown_write();
  EXPECT_EQ(client.recv_to_end(patiently()).status, IoStatus::kClosed);
}

TEST_F(ShuttleLinkTcp, TellsTheBackendOfTheFarEndWhoTheClientIs) {
  ScriptedPeer server;
  server.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_bytes("PROXY TCP4 192.0.2.1 192.0.2.9 1111 2222\r\nhello");
    connection.send("good day");
    connection.expect_end();
  });
  open(server.address(), R"(, "proxy_protocol": "v1")",
       R"(, "accept_proxy_protocol": "any", "proxy_protocol_from": ["127.0.0.0/8"])");
  Socket client = connect();
  EXPECT_EQ(client.send_all("PROXY TCP4 192.0.2.1 192.0.2.9 1111 2222\r\nhello"), IoStatus::kOk);
  EXPECT_EQ(client.recv_exactly(8, patiently()).bytes, "good day");
  client.close();
  server.join();
}

TEST_F(ShuttleLinkTcp, CarriesConnectionsOverSeveralLinksInARow) {
  std::atomic<size_t> received = 0;
  Server server([&](Socket socket) { answer_at_the_end(std::move(socket), received); });
  open(server.address());
  const Address middle = near_.listen(
      "/middle", service_json("teleport", backend("far", far_link_, "teleport"), kOfTcp));
  service_ = near_.listen("/front", service_json("tcp", backend("m", middle, "teleport")));
  expect_transfers(service_, 5, received);
  EXPECT_TRUE(wait_until([&] { return near_.number("/middle", "active") == 0; }, patiently()));
}

TEST_F(ShuttleLinkTcp, EndsAConnectionThatIsIdleOnBothSidesOfTheLink) {
  Server server(echo);
  open(server.address(), R"(, "server_timeout": 300)");
  Socket client = connect();
  ASSERT_TRUE(passes(client));
  EXPECT_TRUE(is_refused(client));
  EXPECT_TRUE(wait_active(0));
}

// ---- What does not fit.

TEST_F(ShuttleLinkTcp, RefusesHttpAtALinkOfConnections) {
  Server server(echo);
  open(server.address());
  near_.change("/web", host_json("h", backend("far", far_link_, "teleport")));
  const Message answer = near_.fetch("h", "/");
  EXPECT_EQ(answer.head.status, 501);
  EXPECT_THAT(answer.body, HasSubstr("links carry TCP connections here, not HTTP"));
}

TEST_F(ShuttleLinkTcp, GetsNoConnectionFromALinkOfHttp) {
  Server server(echo);
  open(server.address());
  const Address http =
      far_.listen("/http", service_json("teleport", backend_json("b", server.address())));
  service_ = near_.listen("/t", service_json("tcp", backend("far", http, "teleport")));
  Socket client = connect();
  ASSERT_EQ(client.send_all("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), IoStatus::kOk);
  EXPECT_TRUE(is_refused(client));
  EXPECT_EQ(far_.number("/http", "received"), 0);
}

TEST_F(ShuttleLinkTcp, SaysThatAPeerSpeaksOnlyV0) {
  RunningHttptp old({"-in=127.0.0.1:0", "-inType=teleport", "-inProtocol=v0", "-outType=http",
                     "-out=" + dead_address().text()});
  ASSERT_TRUE(old.started() && near_.started());
  service_ = near_.listen("/t", service_json("tcp", backend("far", old.address(), "teleport")));
  for (int i = 0; i < 5; ++i) {
    Socket client = connect();
    EXPECT_TRUE(is_refused(client));
  }
  EXPECT_TRUE(near_.process().wait_line("does it speak v2?")) << near_.process().output();
}

TEST_F(ShuttleLinkTcp, IsNotConfiguredWithV0) {
  ASSERT_TRUE(near_.started());
  const Message near =
      near_.put("/t", service_json("tcp", backend("far", dead_address(), "teleport"),
                                   R"(, "link_protocol": "v0")"));
  const Message far =
      near_.put("/t", service_json("teleport", backend_json("b", dead_address()),
                                   R"(, "link_protocol": "v0")" + std::string(kOfTcp)));
  for (const Message* answer : {&near, &far}) {
    EXPECT_EQ(answer->head.status, 400);
    EXPECT_THAT(answer->body, HasSubstr("auto and v2 are accepted where links carry TCP or UDP"));
  }
}

}  // namespace
}  // namespace httpteleport::test
