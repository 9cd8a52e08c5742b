// Clients at a link: what their stream is told, and what their endpoint sees.
#include "relay/link_side.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "relay/link_datagrams.h"
#include "relay/tcp_service.h"
#include "relay/test_relay.h"
#include "relay/test_udp.h"

namespace httpteleport::relay {
namespace {

// A stream from a near end, and what becomes of it.
struct TestStream final : http::DownstreamStream {
  int status = 0;
  std::string body;
  std::vector<std::string> datagrams;
  bool ended = false;
  bool paused = false;
  std::optional<Code> reset_with;

  void send_response_head(http::ResponseHead& head) override { status = head.status; }
  void send_response_body(std::string_view bytes) override { body += bytes; }
  bool send_response_datagram(std::string_view bytes) override {
    datagrams.emplace_back(bytes);
    return true;
  }
  void end_response(const http::Fields&) override { ended = true; }
  void reset(const Error& error) override { reset_with = error.code; }
  void pause_request() override { paused = true; }
  void resume_request() override { paused = false; }
  bool is_over() const { return ended || reset_with; }
};

class Gate final : public SessionGate {
 public:
  bool open = true;
  int inside = 0;
  std::string asked_for;

  std::optional<uint32_t> admit(const net::Address& client) override {
    asked_for = client.to_string();
    if (!open) return {};
    ++inside;
    return 7;
  }
  void leave(uint32_t ticket) override {
    EXPECT_EQ(ticket, 7u);
    --inside;
  }
};

class LinkClientTest : public testing::Test {
 protected:
  void add_endpoint() {
    listener_ = net::TestNet::listen_socket();
    cluster_.add("a", {net::local_address(listener_.fd())});
  }
  // The near end asks for a connection.
  void ask() {
    service_.emplace(TcpContext{.loop = net_.loop,
                                .worker_metrics = net_.metrics,
                                .cluster = cluster_.open(),
                                .metrics = metrics_,
                                .backends = counters_,
                                .gate = &gate_},
                     options_);
    client_ = std::make_unique<LinkClient>(*service_, stream_, net::loopback(99));
    RawHeadText text;
    http::RequestHead head = make_raw_head(RawKind::kTcp, {.address = net::loopback(1234)}, text);
    handler().on_request_head(head, {});
    if (!stream_.is_over()) handler().on_request_end({});
  }
  net::TestPeer& connect() {
    add_endpoint();
    ask();
    net::TestPeer* peer = net_.accept(listener_);
    HT_ASSERT(peer != nullptr);
    EXPECT_TRUE(net_.run_until([&] { return stream_.status != 0; }));
    EXPECT_EQ(stream_.status, 101);
    return *peer;
  }
  http::RequestHandler& handler() { return *client_; }
  void expect_over() {
    EXPECT_TRUE(net_.run_until([&] { return service_->is_idle(); }));
    EXPECT_EQ(gate_.inside, 0);
    EXPECT_EQ(metrics_.active.value(), 0);
  }

  net::TestNet net_;
  TestCounters counters_;
  TestCluster cluster_{net_, counters_};
  metrics::ServiceMetrics metrics_;
  TcpOptions options_;
  Gate gate_;
  net::Socket listener_;
  TestStream stream_;
  std::optional<TcpService> service_;
  std::unique_ptr<LinkClient> client_;
};

TEST_F(LinkClientTest, IsConnectedAndCarriedUntilBothDirectionsEnd) {
  net::TestPeer& server = connect();
  EXPECT_EQ(gate_.asked_for, "127.0.0.1:1234");
  handler().on_request_body("question");
  ASSERT_TRUE(net_.run_until([&] { return server.received == "question"; }));
  server.send("answer");
  ASSERT_TRUE(net_.run_until([&] { return stream_.body == "answer"; }));
  handler().on_request_end({});
  ASSERT_TRUE(net_.run_until([&] { return server.ended; }));
  EXPECT_FALSE(stream_.ended);
  server.send("!");
  server.finish();
  ASSERT_TRUE(net_.run_until([&] { return stream_.ended; }));
  EXPECT_EQ(stream_.body, "answer!");
  EXPECT_EQ(stream_.reset_with, std::nullopt);
  expect_over();
  EXPECT_EQ(metrics_.errors.value(), 0u);
}

TEST_F(LinkClientTest, MayGoOnWhenTheEndpointHasEnded) {
  net::TestPeer& server = connect();
  server.finish();
  ASSERT_TRUE(net_.run_until([&] { return stream_.ended; }));
  handler().on_request_body("still here");
  ASSERT_TRUE(net_.run_until([&] { return server.received == "still here"; }));
  handler().on_request_end({});
  ASSERT_TRUE(net_.run_until([&] { return server.ended; }));
  expect_over();
}

TEST_F(LinkClientTest, IsAnsweredWithAnErrorWhenNobodyTakesIt) {
  cluster_.add("a", {refusing_address()});
  ask();
  ASSERT_TRUE(net_.run_until([&] { return stream_.is_over(); }));
  EXPECT_EQ(stream_.reset_with, Code::kConnectFailed);
  EXPECT_EQ(stream_.status, 0);
  expect_over();
  EXPECT_EQ(metrics_.errors.value(), 1u);
}

TEST_F(LinkClientTest, IsRefusedByTheGateBeforeAnythingIsConnected) {
  gate_.open = false;
  add_endpoint();
  ask();
  EXPECT_EQ(stream_.reset_with, Code::kOverloaded);
  expect_over();
}

TEST_F(LinkClientTest, ThatIsGoneResetsItsEndpoint) {
  net::TestPeer& server = connect();
  handler().on_downstream_gone({Code::kCancelled});
  EXPECT_TRUE(net_.run_until([&] { return server.broken; }));
  expect_over();
}

TEST_F(LinkClientTest, ThatIsGoneBeforeItIsConnectedLeavesNothingBehind) {
  add_endpoint();
  ask();
  handler().on_downstream_gone({Code::kCancelled});
  client_.reset();
  expect_over();
}

TEST_F(LinkClientTest, IsResetWhenItsEndpointIs) {
  net::TestPeer& server = connect();
  server.reset();
  ASSERT_TRUE(net_.run_until([&] { return stream_.reset_with.has_value(); }));
  EXPECT_EQ(stream_.reset_with, Code::kConnectionLost);
  expect_over();
  EXPECT_EQ(counters_.by_name["a"].errors.value(), 1u);
}

TEST_F(LinkClientTest, IsPausedWhileItsEndpointTakesNothingAndPausesIt) {
  net::TestPeer& server = connect();
  server.reading = false;
  for (int i = 0; i < 1000 && !stream_.paused; ++i) {
    handler().on_request_body(std::string(64 * 1024, 'x'));
    net_.settle();
  }
  ASSERT_TRUE(stream_.paused);
  server.reading = true;
  EXPECT_TRUE(net_.run_until([&] { return !stream_.paused; }));
  handler().on_response_blocked();
  server.send(std::string(8 << 20, 'y'));
  net_.settle();
  EXPECT_FALSE(server.all_sent());
  handler().on_response_unblocked();
  EXPECT_TRUE(net_.run_until([&] { return stream_.body.size() == 8 << 20; }));
}

TEST_F(LinkClientTest, EndsWhenNothingMoves) {
  options_.client_timeout = std::chrono::milliseconds(30);
  net::TestPeer& server = connect();
  EXPECT_TRUE(net_.run_until([&] { return stream_.is_over(); }));
  EXPECT_TRUE(net_.run_until([&] { return server.ended || server.broken; }));
  expect_over();
}

TEST_F(LinkClientTest, IsResetWhenTheServiceAborts) {
  net::TestPeer& server = connect();
  service_->abort();
  EXPECT_TRUE(stream_.reset_with);
  EXPECT_TRUE(net_.run_until([&] { return server.broken; }));
  expect_over();
}

// ---- Datagrams.

class LinkDatagramTest : public UdpServiceTest {
 protected:
  http::RequestHandler& ask(TestStream& stream) {
    auto& client = clients_.emplace_back(
        std::make_unique<LinkDatagramClient>(service(), stream, net::loopback(99)));
    RawHeadText text;
    http::RequestHead head = make_raw_head(RawKind::kUdp, {}, text);
    client->on_request_head(head, {});
    if (!stream.is_over()) client->on_request_end({});
    return *client;
  }
  std::vector<std::unique_ptr<http::RequestHandler>> clients_;
};

TEST_F(LinkDatagramTest, ReachTheEndpointAndComeBack) {
  Peer& server = add_endpoint("a");
  TestStream stream;
  http::RequestHandler& client = ask(stream);
  EXPECT_EQ(stream.status, 101);
  const std::string large(60'000, 'x');
  for (const std::string& bytes : {std::string("one"), std::string(), large}) {
    client.on_request_datagram(bytes);
    EXPECT_EQ(receive(server), bytes);
    server.send("re:" + bytes, last_from_);
    ASSERT_TRUE(run_until([&] { return !stream.datagrams.empty(); }));
    EXPECT_EQ(stream.datagrams.back(), "re:" + bytes);
    stream.datagrams.clear();
  }
  EXPECT_EQ(metrics_.active.value(), 1);
  EXPECT_EQ(metrics_.received.value(), 3u + large.size());
  client.on_request_end({});
  EXPECT_TRUE(stream.ended);
  EXPECT_EQ(metrics_.active.value(), 0);
  client.on_request_datagram("late");
}

TEST_F(LinkDatagramTest, EndTheirDirectionWhenTheyAreIdle) {
  options_.idle_timeout = std::chrono::milliseconds(20);
  add_endpoint("a");
  TestStream stream;
  http::RequestHandler& client = ask(stream);
  client.on_request_datagram("one");
  EXPECT_TRUE(run_until([&] { return stream.ended; }));
  EXPECT_EQ(metrics_.active.value(), 0);
  client.on_downstream_gone({Code::kCancelled});
}

TEST_F(LinkDatagramTest, GetNoMoreSessionsThanTheServiceHas) {
  options_.sessions_max = 1;
  add_endpoint("a");
  TestStream first;
  TestStream second;
  http::RequestHandler& client = ask(first);
  ask(second);
  EXPECT_EQ(second.reset_with, Code::kOverloaded);
  EXPECT_EQ(metrics_.limited.value(), 1u);
  client.on_downstream_gone({Code::kCancelled});
  TestStream third;
  ask(third);
  EXPECT_EQ(third.status, 101);
  service_->abort();
  EXPECT_TRUE(third.ended);
}

}  // namespace
}  // namespace httpteleport::relay
