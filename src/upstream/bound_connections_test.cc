#include <gtest/gtest.h>

#include <string>

#include "upstream/http1_pool.h"
#include "upstream/test_http1_pool.h"

namespace httpteleport::upstream {
namespace {

using net::TestPeer;

// Connections that carry a client's address and are that client's alone.
class BoundConnectionsTest : public Http1PoolTest {
 protected:
  void SetUp() override {
    options_.proxy_header = net::ProxyVersion::kV1;
    make_pool();
  }
  static net::Address client(uint16_t port) { return net::loopback(port); }

  // One exchange of a client, answered by the endpoint. Returns what the endpoint got, beginning
  // with the header of a new connection.
  std::string exchange(const net::Address& from, bool fresh = false) {
    RecordingHandler handler;
    const net::Address to = from.is_valid() ? net::loopback(80) : net::Address();
    send_request(
        pool_->open_stream(handler, {.fresh = fresh, .client = from, .client_connected_to = to}));
    TestPeer* asked = nullptr;
    const bool came = net_.run_until([&] {
      net::Socket accepted(
          accept4(listening_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (accepted.is_open()) net_.peers.emplace_back(std::move(accepted));
      for (TestPeer& peer : net_.peers) {
        if (peer.received.ends_with("\r\n\r\n")) asked = &peer;
      }
      return asked != nullptr;
    });
    if (!came) return "nothing";
    const std::string received = asked->take();
    asked->send(kOk);
    EXPECT_TRUE(run_until_over(handler));
    EXPECT_EQ(handler.body, "ok");
    return received.substr(0, received.find("\r\n"));
  }
};

constexpr const char* kBare = "GET / HTTP/1.1";

TEST_F(BoundConnectionsTest, BeginWithTheClientsAddressAndAreNotShared) {
  EXPECT_EQ(exchange(client(1001)), "PROXY TCP4 127.0.0.1 127.0.0.1 1001 80");
  EXPECT_EQ(exchange(client(1001)), kBare) << "its own connection is there";
  EXPECT_EQ(exchange(client(1002)), "PROXY TCP4 127.0.0.1 127.0.0.1 1002 80");
  EXPECT_EQ(exchange(client(1001)), kBare);
  EXPECT_EQ(exchange(client(1002)), kBare);
  EXPECT_EQ(exchange(client(1001), true), "PROXY TCP4 127.0.0.1 127.0.0.1 1001 80");
  EXPECT_EQ(net_.metrics.connects.value(), 3u);
}

TEST_F(BoundConnectionsTest, AreSharedByClientsWithoutAnAddress) {
  EXPECT_EQ(exchange({}), "PROXY UNKNOWN");
  EXPECT_EQ(exchange({}), kBare);
  sockaddr unnamed{};
  unnamed.sa_family = AF_UNIX;
  EXPECT_EQ(exchange(net::Address(&unnamed, sizeof unnamed.sa_family)), kBare);
  EXPECT_EQ(exchange(client(1001)), "PROXY TCP4 127.0.0.1 127.0.0.1 1001 80");
}

TEST_F(BoundConnectionsTest, MakeWayForThoseOfNewerClients) {
  options_.idle_connections_max = 2;
  make_pool();
  for (const uint16_t port : {uint16_t{1}, uint16_t{2}, uint16_t{3}})
    EXPECT_NE(exchange(client(port)), kBare);
  EXPECT_EQ(exchange(client(3)), kBare);
  EXPECT_EQ(exchange(client(2)), kBare);
  EXPECT_NE(exchange(client(1)), kBare);
  EXPECT_EQ(net_.metrics.upstream_sockets.open.value(), 2);
  pool_->drain();
  EXPECT_EQ(net_.metrics.upstream_sockets.open.value(), 0);
}

TEST_F(BoundConnectionsTest, AreClosedWhenTheirAddressIsGone) {
  EXPECT_NE(exchange(client(1001)), kBare);
  ASSERT_EQ(net_.metrics.upstream_sockets.open.value(), 1);
  addresses_ = {net::loopback(1)};
  pool_->on_addresses_changed();
  EXPECT_EQ(net_.metrics.upstream_sockets.open.value(), 0);
}

TEST_F(BoundConnectionsTest, AreForgottenWhenTheEndpointClosesThem) {
  EXPECT_NE(exchange(client(1001)), kBare);
  net_.peers.back().finish();
  ASSERT_TRUE(net_.run_until([&] { return net_.metrics.upstream_sockets.open.value() == 0; }));
  EXPECT_EQ(exchange(client(1001)), "PROXY TCP4 127.0.0.1 127.0.0.1 1001 80");
}

TEST_F(BoundConnectionsTest, CountTheHeaderAsNothingOfTheRequest) {
  RecordingHandler handler;
  const net::Address from = client(1001);
  const net::Address to = client(80);
  http::UpstreamStream& stream =
      pool_->open_stream(handler, {.client = from, .client_connected_to = to});
  TestPeer* peer = net_.accept(listening_);
  ASSERT_NE(peer, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return peer->received.ends_with("80\r\n"); }));
  peer->finish();
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.failure_code(), Code::kNotSent);
  static_cast<void>(stream);
}

TEST_F(BoundConnectionsTest, SpeakVersion2) {
  options_.proxy_header = net::ProxyVersion::kV2;
  make_pool();
  RecordingHandler handler;
  const net::Address from = client(1001);
  const net::Address to = client(80);
  send_request(pool_->open_stream(handler, {.client = from, .client_connected_to = to}));
  TestPeer* peer = net_.accept(listening_);
  ASSERT_NE(peer, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return peer->received.ends_with("\r\n\r\n"); }));
  net::ProxyHeader header;
  const auto size = net::parse_proxy_header(peer->received, {.v1 = false, .v2 = true}, header);
  ASSERT_TRUE(size);
  EXPECT_EQ(header.source, from);
  EXPECT_EQ(header.destination, to);
  EXPECT_TRUE(peer->received.substr(*size).starts_with(kBare));
}

}  // namespace
}  // namespace httpteleport::upstream
