// The life of a tunnel, from a client's connection through session, exchange and upstream
// connection to an endpoint; the test plays both ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/test_net.h"
#include "proxy/exchange.h"
#include "proxy/http1_session.h"
#include "proxy/table_router.h"
#include "support/content.h"
#include "upstream/http1_pool.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using net::TestPeer;
using test::Content;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kOffer =
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr std::string_view kSwitch =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nA: b\r\n\r\n";
constexpr std::string_view kSwitchPassedOn =
    "HTTP/1.1 101 Switching Protocols\r\nA: b\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
constexpr std::string_view kRefused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";

// The error that waits on a socket, 0 if none.
int pending_error(const TestPeer& peer) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(peer.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

class TunnelTest : public testing::Test {
 protected:
  TunnelTest() {
    cluster_.endpoints.push_back({.name = "h", .addresses = {net::local_address(listening_.fd())}});
  }
  ~TunnelTest() override {
    while (!sessions_.sessions.empty())
      sessions_.sessions.front().abort();
    net_.loop.run_once(Duration::zero());
  }

  // A client that sends `request`, and the endpoint when it has the request's head.
  void ask(std::string_view request = kOffer, int buffer_bytes = 0) {
    if (router_.clusters().empty()) {
      router_.add(std::make_unique<upstream::Cluster>(net_.loop, net_.metrics, cluster_));
    }
    auto [socket, peer] = net_.connected_pair(buffer_bytes);
    client_ = peer;
    Http1Session::start(sessions_, std::move(socket), net::loopback(1234));
    client_->send(request);
    endpoint_ = net_.accept(listening_);
    ASSERT_NE(endpoint_, nullptr);
    ASSERT_TRUE(
        net_.run_until([&] { return endpoint_->received.find("\r\n\r\n") != std::string::npos; }));
  }
  void open(int buffer_bytes = 0) {
    ask(kOffer, buffer_bytes);
    endpoint_->take();
    endpoint_->send(kSwitch);
    ASSERT_TRUE(net_.run_until([&] { return client_->received.size() >= kSwitchPassedOn.size(); }));
    ASSERT_EQ(client_->take(), kSwitchPassedOn);
    ASSERT_EQ(net_.metrics.tunnels_open.value(), 1);
  }
  bool run_until_received(const TestPeer& peer, std::string_view bytes) {
    return net_.run_until([&] { return peer.received == bytes; });
  }
  // Nothing of the tunnel is left, neither here nor at the peers, who saw FINs only.
  void expect_over_in_order(uint64_t tunnels = 1) {
    ASSERT_TRUE(net_.run_until([&] { return all_closed() && client_->ended && endpoint_->ended; }));
    EXPECT_FALSE(client_->broken);
    EXPECT_FALSE(endpoint_->broken);
    EXPECT_EQ(net_.metrics.downstream.succeeded.value(), tunnels);
    EXPECT_EQ(net_.metrics.upstream.succeeded.value(), tunnels);
    expect_nothing_open();
  }
  bool all_closed() const {
    return sessions_.sessions.empty() && net_.metrics.downstream_sockets.open.value() == 0 &&
           net_.metrics.upstream_sockets.open.value() == 0;
  }
  void expect_nothing_open() {
    EXPECT_EQ(net_.metrics.tunnels_open.value(), 0);
    EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
  }
  uint64_t failures(Code code) { return net_.metrics.failures[static_cast<size_t>(code)].value(); }

  net::TestNet net_;
  net::Socket listening_ = net::TestNet::listen_socket();
  upstream::ClusterOptions cluster_;
  ExchangeOptions options_;
  route::Table routes_{{{.cluster = 0}}};
  WaitingQueue queue_{net_.loop, net_.metrics, options_.queue};
  TableRouter router_{routes_, options_, queue_};
  ExchangeContext exchanges_{net_.loop, net_.metrics, options_, router_, queue_};
  ExchangeFactory handlers_{exchanges_};
  net::LingeringConnections lingering_{net_.loop, {}};
  http::DateCache date_;
  SessionContext sessions_{net_.loop, net_.metrics, lingering_, date_, &handlers_, {}, {}};
  TestPeer* client_ = nullptr;
  TestPeer* endpoint_ = nullptr;
};

// ---- The switch.

TEST_F(TunnelTest, PassesTheOfferOnInItsOwnWords) {
  ask();
  EXPECT_EQ(endpoint_->received,
            "GET /chat HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST_F(TunnelTest, PassesBytesBothWaysAfterTheSwitch) {
  open();
  EXPECT_EQ(net_.metrics.upgrades.value(), 1u);
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 1) << "it counts for -concurrency";
  for (const std::string_view bytes :
       {"GET / HTTP/1.1\r\nHost: h\r\n\r\n"sv, "\0\1\xff\r\n\r\n"sv, "0\r\n\r\n"sv}) {
    client_->send(bytes);
    ASSERT_TRUE(run_until_received(*endpoint_, bytes));
    endpoint_->take();
    endpoint_->send(bytes);
    ASSERT_TRUE(run_until_received(*client_, bytes));
    client_->take();
  }
}

TEST_F(TunnelTest, PassesBytesThatComeTogetherWithTheSwitch) {
  ask();
  endpoint_->send(std::string(kSwitch) + "hello");
  ASSERT_TRUE(run_until_received(*client_, std::string(kSwitchPassedOn) + "hello"));
}

TEST_F(TunnelTest, HoldsWhatFollowsTheOfferUntilTheSwitch) {
  ask(std::string(kOffer) + "early");
  client_->send(", late");
  net_.settle();
  EXPECT_THAT(endpoint_->received, Not(HasSubstr("early")));
  endpoint_->take();
  endpoint_->send(kSwitch);
  ASSERT_TRUE(run_until_received(*endpoint_, "early, late"));
}

TEST_F(TunnelTest, PassesInformationalAnswersBeforeTheSwitch) {
  ask();
  endpoint_->send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  endpoint_->send(kSwitch);
  ASSERT_TRUE(run_until_received(
      *client_, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + std::string(kSwitchPassedOn)));
}

TEST_F(TunnelTest, KeepsBothConnectionsWhenTheEndpointDeclines) {
  ask();
  endpoint_->take();
  endpoint_->send(kRefused);
  ASSERT_TRUE(net_.run_until([&] { return client_->received.ends_with("no"); }));
  EXPECT_THAT(client_->take(), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  client_->send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(net_.run_until([&] { return !endpoint_->received.empty(); }));
  EXPECT_EQ(endpoint_->received, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n") << "no offer any more";
  EXPECT_EQ(net_.metrics.connects.value(), 1u);
  EXPECT_EQ(net_.metrics.upgrades.value(), 0u);
}

// In which protocol they are, nobody knows.
TEST_F(TunnelTest, ServesNothingThatFollowsAnOfferThatWasDeclined) {
  for (const bool together : {true, false}) {
    SCOPED_TRACE(together);
    const std::string next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    ask(std::string(kOffer) + (together ? next : ""));
    if (!together) {
      client_->send(next);
      net_.settle();
    }
    endpoint_->take();
    endpoint_->send(kRefused);
    ASSERT_TRUE(net_.run_until([&] { return client_->ended; }));
    EXPECT_FALSE(client_->broken);
    EXPECT_THAT(client_->received, HasSubstr("Connection: close\r\n"));
    EXPECT_TRUE(client_->received.ends_with("no"));
    net_.settle();
    EXPECT_EQ(endpoint_->received, "");
    client_->close();
    endpoint_->close();
    ASSERT_TRUE(net_.run_until([&] { return all_closed(); }));
  }
}

TEST_F(TunnelTest, SaysBadGatewayToASwitchNobodyAskedFor) {
  struct Case {
    std::string request;
    std::string_view answer;
  };
  const std::vector<Case> cases{
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", kSwitch},
      {"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", kSwitch},
      {"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
       "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"},
      {std::string(kOffer), "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: chess\r\n\r\n"},
      {std::string(kOffer), "HTTP/1.1 101 x\r\n\r\n"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.request);
    ask(one.request);
    EXPECT_EQ(endpoint_->received.find("h2c"), std::string::npos);
    endpoint_->send(one.answer);
    ASSERT_TRUE(net_.run_until([&] { return !client_->received.empty(); }));
    EXPECT_THAT(client_->received, StartsWith("HTTP/1.1 502 "));
    ASSERT_TRUE(net_.run_until([&] { return endpoint_->ended || endpoint_->broken; }));
    client_->close();
  }
  EXPECT_EQ(net_.metrics.upgrades.value(), 0u);
}

TEST_F(TunnelTest, NeverRepeatsAnOfferThatWasSent) {
  ask();
  endpoint_->close();
  ASSERT_TRUE(net_.run_until([&] { return !client_->received.empty(); }));
  EXPECT_THAT(client_->received, StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(net_.metrics.retries.value(), 0u);
  EXPECT_EQ(net_.metrics.connects.value(), 1u);
}

TEST_F(TunnelTest, DoesNotTrustAnIdleConnectionWithAnOffer) {
  ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  endpoint_->send("HTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_TRUE(net_.run_until([&] { return !client_->received.empty(); }));
  open();
  EXPECT_EQ(net_.metrics.connects.value(), 2u);
}

TEST_F(TunnelTest, TakesAClientThatLeavesBeforeTheSwitchForGone) {
  ask();
  client_->finish();
  ASSERT_TRUE(net_.run_until([&] { return all_closed(); }));
  EXPECT_EQ(failures(Code::kCancelled), 1u);
  expect_nothing_open();
}

TEST_F(TunnelTest, SaysNotImplementedWhereTheNextHopIsALink) {
  cluster_.protocol = upstream::Protocol::kTeleport;
  router_.add(std::make_unique<upstream::Cluster>(net_.loop, net_.metrics, cluster_));
  auto [socket, peer] = net_.connected_pair();
  Http1Session::start(sessions_, std::move(socket), net::loopback(1234));
  peer->send(kOffer);
  ASSERT_TRUE(net_.run_until([&] { return peer->received.find("link\n") != std::string::npos; }));
  EXPECT_THAT(peer->received, StartsWith("HTTP/1.1 501 Not Implemented\r\n"));
  EXPECT_THAT(peer->received,
              HasSubstr("\r\n\r\nan upgrade (WebSocket) cannot pass over a teleport link\n"));
  expect_nothing_open();
  EXPECT_FALSE(peer->ended) << "the connection can take another request";
}

// ---- The end.

TEST_F(TunnelTest, PassesEachEndOnByItself) {
  for (const bool client_first : {true, false}) {
    SCOPED_TRACE(client_first);
    open();
    TestPeer& first = client_first ? *client_ : *endpoint_;
    TestPeer& second = client_first ? *endpoint_ : *client_;
    first.send("last words");
    first.finish();
    ASSERT_TRUE(net_.run_until([&] { return second.ended; }));
    EXPECT_EQ(second.received, "last words");
    net_.settle();
    EXPECT_FALSE(first.ended) << "the other direction is open";
    EXPECT_EQ(net_.metrics.tunnels_open.value(), 1);
    second.send("answer");
    ASSERT_TRUE(run_until_received(first, "answer"));
    second.send(", and bye");
    second.finish();
    ASSERT_TRUE(net_.run_until([&] { return first.ended; }));
    EXPECT_EQ(first.received, "answer, and bye");
    expect_over_in_order(client_first ? 1 : 2);
  }
}

TEST_F(TunnelTest, EndsWhenBothEndsComeTogether) {
  open();
  client_->send("a");
  client_->finish();
  endpoint_->send("b");
  endpoint_->finish();
  expect_over_in_order();
  EXPECT_EQ(client_->received, "b");
  EXPECT_EQ(endpoint_->received, "a");
}

TEST_F(TunnelTest, EndsWhenTheEndpointEndsItTogetherWithTheSwitch) {
  ask();
  endpoint_->take();
  endpoint_->send(std::string(kSwitch) + "bye");
  endpoint_->finish();
  ASSERT_TRUE(net_.run_until([&] { return client_->ended; }));
  EXPECT_EQ(client_->received, std::string(kSwitchPassedOn) + "bye");
  client_->finish();
  expect_over_in_order();
}

TEST_F(TunnelTest, PassesAResetOnAsOne) {
  for (const bool of_client : {true, false}) {
    for (const bool half_closed : {false, true}) {
      SCOPED_TRACE(testing::Message() << of_client << half_closed);
      open();
      TestPeer& resets = of_client ? *client_ : *endpoint_;
      TestPeer& other = of_client ? *endpoint_ : *client_;
      if (half_closed) {
        resets.finish();
        ASSERT_TRUE(net_.run_until([&] { return other.ended; }));
      }
      resets.reset();
      ASSERT_TRUE(net_.run_until([&] { return other.broken || pending_error(other) != 0; }));
      ASSERT_TRUE(net_.run_until([&] { return all_closed(); }));
      expect_nothing_open();
    }
  }
  EXPECT_EQ(failures(Code::kCancelled) + failures(Code::kConnectionLost), 2u);
  EXPECT_EQ(failures(Code::kTruncated), 2u);
}

TEST_F(TunnelTest, PassesAResetOnThoughTheOtherSideTakesNothing) {
  for (const bool of_client : {true, false}) {
    SCOPED_TRACE(of_client);
    open(64 * 1024);
    TestPeer& resets = of_client ? *client_ : *endpoint_;
    TestPeer& other = of_client ? *endpoint_ : *client_;
    other.reading = false;
    resets.send(std::string(16 << 20, 'x'));
    net_.settle();
    ASSERT_FALSE(resets.all_sent());
    resets.reset();
    ASSERT_TRUE(net_.run_until([&] { return all_closed(); }));
    expect_nothing_open();
  }
}

TEST_F(TunnelTest, SendsWhatIsLeftWhenBothDirectionsHaveEnded) {
  open();
  const Content content = Content::bytes(8 << 20, 7);
  endpoint_->finish();
  ASSERT_TRUE(net_.run_until([&] { return client_->ended; }));
  endpoint_->reading = false;
  client_->send(content.to_string());
  client_->finish();
  net_.settle();
  endpoint_->reading = true;
  expect_over_in_order();
  EXPECT_TRUE(content.matches(0, endpoint_->received));
  EXPECT_EQ(endpoint_->received.size(), content.size());
}

TEST_F(TunnelTest, GivesUpOnAnEndpointThatTakesNothingOfWhatIsLeft) {
  cluster_.http1.tunnel_flush_timeout = 20ms;
  open();
  endpoint_->finish();
  ASSERT_TRUE(net_.run_until([&] { return client_->ended; }));
  endpoint_->reading = false;
  // So much that some of it is left here, and not so much that the client is paused.
  const size_t idle_bytes = net_.loop.pool().bytes_in_use();
  while (net_.loop.pool().bytes_in_use() < idle_bytes + net::Connection::kLowWatermarkBytes) {
    client_->send(std::string(64 * 1024, 'x'));
    net_.settle();
  }
  client_->finish();
  ASSERT_TRUE(net_.run_until([&] { return all_closed(); }));
  EXPECT_EQ(net_.metrics.downstream.succeeded.value(), 1u);
}

// ---- Backpressure and time.

TEST_F(TunnelTest, HoldsLittleForAPeerThatReadsSlowly) {
  for (const bool to_client : {true, false}) {
    SCOPED_TRACE(to_client);
    open(64 * 1024);
    TestPeer& from = to_client ? *endpoint_ : *client_;
    TestPeer& to = to_client ? *client_ : *endpoint_;
    const Content content = Content::bytes(16 << 20, 3);
    to.reading = false;
    from.send(content.to_string());
    net_.settle();
    EXPECT_FALSE(from.all_sent());
    EXPECT_LT(net_.loop.pool().bytes_in_use(), 2 * net::Connection::kHighWatermarkBytes);
    // The other direction is not held up.
    to.send("go on");
    ASSERT_TRUE(run_until_received(from, "go on"));
    to.reading = true;
    ASSERT_TRUE(net_.run_until([&] { return to.received.size() == content.size(); }));
    EXPECT_TRUE(content.matches(0, to.received));
    client_->reset();
    ASSERT_TRUE(net_.run_until([&] { return all_closed(); }));
  }
}

TEST_F(TunnelTest, LivesAsLongAsAnythingMovesAndNotLonger) {
  options_.tunnel_idle_timeout = 100ms;
  options_.response_timeout = options_.response_idle_timeout = 20ms;
  sessions_.http1.keep_alive_timeout = sessions_.http1.body_idle_timeout =
      sessions_.http1.write_idle_timeout = 20ms;
  open();
  const TimePoint begin = net_.loop.now();
  for (int i = 0; net_.loop.now() < begin + 300ms; ++i) {
    TestPeer& from = i % 2 == 0 ? *client_ : *endpoint_;
    TestPeer& to = i % 2 == 0 ? *endpoint_ : *client_;
    from.send("x");
    ASSERT_TRUE(net_.run_until([&] { return to.take() == "x"; }));
  }
  const TimePoint quiet = net_.loop.now();
  ASSERT_TRUE(net_.run_until([&] { return client_->broken && endpoint_->broken; }));
  EXPECT_GE(net_.loop.now() - quiet, 90ms);
  EXPECT_EQ(failures(Code::kTimeout), 1u);
  ASSERT_TRUE(net_.run_until([&] { return all_closed(); }));
  expect_nothing_open();
}

TEST_F(TunnelTest, GoesOnWhileTheWorkerDrainsUntilItIsAborted) {
  open();
  sessions_.draining = true;
  sessions_.sessions.front().drain();
  router_.clusters().front()->drain();
  net_.settle();
  client_->send("still");
  ASSERT_TRUE(run_until_received(*endpoint_, "still"));
  endpoint_->send("here");
  ASSERT_TRUE(run_until_received(*client_, "here"));
  sessions_.sessions.front().abort();
  ASSERT_TRUE(net_.run_until([&] { return client_->broken && endpoint_->broken; }));
  EXPECT_TRUE(sessions_.sessions.empty());
  expect_nothing_open();
}

}  // namespace
}  // namespace httpteleport::proxy
