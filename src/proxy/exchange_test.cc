#include "proxy/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/h1/head_parser.h"
#include "net/test_net.h"
#include "support/independent_codecs.h"
#include "support/socket.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// The session's side of an exchange.
class RecordingDownstream final : public http::DownstreamStream {
 public:
  std::vector<int> informational;
  int status = 0;
  bool abandons_request = false;
  std::string body;
  bool ended = false;
  std::optional<Error> failure;
  bool paused = false;

  bool is_over() const { return ended || failure.has_value(); }

  void send_response_head(http::ResponseHead& head) override {
    HT_ASSERT(!is_over() && status == 0);
    if (head.is_informational()) return informational.push_back(head.status);
    status = head.status;
    abandons_request = head.abandons_request;
  }
  void send_response_body(std::string_view bytes) override {
    HT_ASSERT(!is_over() && status != 0);
    body += bytes;
  }
  void end_response(const http::Fields&) override {
    HT_ASSERT(!is_over() && status != 0);
    ended = true;
  }
  void reset(const Error& error) override {
    HT_ASSERT(!is_over());
    failure = error;
  }
  void pause_request() override { paused = true; }
  void resume_request() override { paused = false; }
};

// One exchange through a cluster whose endpoints the test plays.
class ExchangeTest : public testing::Test {
 protected:
  // An endpoint that listens, or one that refuses.
  void add_endpoint(bool listens = true) {
    listening_.push_back(listens ? net::TestNet::listen_socket() : net::Socket());
    const net::Address address = listens ? net::local_address(listening_.back().fd())
                                         : net::loopback(test::dead_address().port);
    cluster_.endpoints.push_back({.name = address.to_string(), .addresses = {address}});
  }
  void make_cluster() {
    context_.clusters.clear();
    context_.clusters.push_back(
        std::make_unique<upstream::Cluster>(net_.loop, net_.metrics, cluster_));
  }

  // A new exchange. `head` may lack its empty line and Host; the body and the end are the test's
  // matter.
  void begin(const std::string& first_line, const std::string& fields = {}) {
    if (exchange_) net_.loop.delete_later(std::move(exchange_));
    downstream_ = std::make_unique<RecordingDownstream>();
    exchange_ = std::make_unique<Exchange>(context_, *downstream_, client_);
    std::string raw = first_line + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
    http::RequestHead head;
    const Result<size_t> size = http::h1::parse_request_head(raw, {}, head);
    ASSERT_TRUE(size && *size == raw.size());
    exchange_->on_request_head(head, raw);
    raw.assign(raw.size(), '!');  // whoever keeps a view of it shows
  }
  void request(const std::string& method, std::string_view body = {}) {
    begin(method + " /",
          body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n");
    if (!body.empty() && !downstream_->is_over()) exchange_->on_request_body(body);
    if (!downstream_->is_over()) exchange_->on_request_end({});
  }
  // The next connection to that endpoint, once a request head and `body` have come on it.
  TestPeer* accept(size_t endpoint, std::string_view body = {}) {
    TestPeer* peer = net_.accept(listening_[endpoint]);
    if (peer == nullptr) return nullptr;
    const bool came = net_.run_until([&] {
      return peer->received.find("\r\n\r\n") != std::string::npos && peer->received.ends_with(body);
    });
    return came ? peer : nullptr;
  }
  bool run_until_over() {
    return net_.run_until([&] { return downstream_->is_over(); });
  }
  uint64_t failures(Code code) { return net_.metrics.failures[static_cast<size_t>(code)].value(); }

  net::TestNet net_;
  std::vector<net::Socket> listening_;
  upstream::ClusterOptions cluster_;
  ExchangeOptions options_;
  route::Table routes_{{{.host = "h"}}};
  ExchangeContext context_{net_.loop, net_.metrics, options_, routes_, {}};
  ClientInfo client_{.ip = "10.0.0.1"};
  std::unique_ptr<RecordingDownstream> downstream_;
  std::unique_ptr<Exchange> exchange_;
};

TEST_F(ExchangeTest, PassesARequestAndItsAnswerOn) {
  add_endpoint();
  make_cluster();
  options_.forwarding.client_ip_field = "X-Real-IP";
  begin("POST /a", "Content-Length: 4\r\nA: b\r\n");
  exchange_->on_request_body("bo");
  exchange_->on_request_body("dy");
  exchange_->on_request_end({});
  TestPeer* peer = accept(0, "body");
  ASSERT_NE(peer, nullptr);
  EXPECT_EQ(peer->received,
            "POST /a HTTP/1.1\r\nHost: h\r\nA: b\r\nX-Real-IP: 10.0.0.1\r\nContent-Length: "
            "4\r\n\r\nbody");
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 1);
  peer->send(kOk);
  ASSERT_TRUE(run_until_over());
  EXPECT_TRUE(downstream_->ended);
  EXPECT_EQ(downstream_->status, 200);
  EXPECT_EQ(downstream_->body, "ok");
  EXPECT_FALSE(downstream_->abandons_request);
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
  EXPECT_EQ(net_.metrics.downstream.succeeded.value(), 1u);
}

// ---- Refusals that need no endpoint.

TEST_F(ExchangeTest, RefusesWhatItWillNotPassOn) {
  struct Case {
    const char* what;
    std::string first_line;
    std::string fields;
    int status;
  };
  const std::vector<Case> cases{
      {"CONNECT", "CONNECT h:443", "", 501},
      {"expectation", "GET /", "Expect: wonders\r\n", 417},
      {"body over the limit", "POST /", "Content-Length: 1001\r\n", 413},
      {"last hop", "OPTIONS *", "Max-Forwards: 0\r\n", 200},
      {"last hop of TRACE", "TRACE /", "Max-Forwards: 0\r\n", 405},
  };
  add_endpoint(false);
  make_cluster();
  options_.request_body_bytes_max = 1000;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    begin(one.first_line, one.fields);
    EXPECT_TRUE(downstream_->ended);
    EXPECT_EQ(downstream_->status, one.status);
    EXPECT_TRUE(downstream_->abandons_request);
  }
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
  EXPECT_EQ(net_.metrics.upstream.started.value(), 0u);
}

TEST_F(ExchangeTest, SaysNotFoundWhereNoRouteLeads) {
  add_endpoint();
  make_cluster();
  begin("GET http://other/");
  EXPECT_EQ(downstream_->status, 404);
  EXPECT_TRUE(downstream_->ended);
}

TEST_F(ExchangeTest, RefusesExchangesOverTheLimitAndOnlyThose) {
  add_endpoint();
  make_cluster();
  options_.exchanges_max = 1;
  request("GET");
  const std::unique_ptr<Exchange> open = std::move(exchange_);
  const std::unique_ptr<RecordingDownstream> open_downstream = std::move(downstream_);
  request("GET");
  EXPECT_EQ(downstream_->status, 429);
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 1);
  open->on_downstream_gone({Code::kCancelled, Source::kDownstream});
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
  request("GET");
  EXPECT_EQ(downstream_->status, 0);
}

TEST_F(ExchangeTest, RefusesABodyThatGrowsOverTheLimit) {
  add_endpoint();
  make_cluster();
  options_.request_body_bytes_max = 1000;
  begin("POST /", "Transfer-Encoding: chunked\r\n");
  exchange_->on_request_body(std::string(1000, 'x'));
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  exchange_->on_request_body("y");
  EXPECT_EQ(downstream_->status, 413);
  EXPECT_TRUE(downstream_->ended);
  ASSERT_TRUE(net_.run_until([&] { return peer->ended || peer->broken; }));
}

// ---- Attempts.

TEST_F(ExchangeTest, TriesAnotherEndpointWhenOneRefusesWhateverTheMethod) {
  for (const char* method : {"GET", "POST", "PATCH"}) {
    SCOPED_TRACE(method);
    cluster_.endpoints.clear();
    listening_.clear();
    add_endpoint(false);
    add_endpoint();
    make_cluster();
    const std::string body = std::string(method) == "GET" ? "" : "body";
    request(method, body);
    TestPeer* peer = accept(1, body);
    ASSERT_NE(peer, nullptr);
    peer->send(kOk);
    ASSERT_TRUE(run_until_over());
    EXPECT_EQ(downstream_->status, 200);
  }
  EXPECT_EQ(net_.metrics.retries.value(), 3u);
}

TEST_F(ExchangeTest, SaysBadGatewayWhenNoEndpointCanBeReached) {
  for (int i = 0; i < 3; ++i)
    add_endpoint(false);
  make_cluster();
  request("POST", "body");
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 502);
  EXPECT_EQ(net_.metrics.connect_errors.value(), 3u) << "each is tried once";
  EXPECT_EQ(failures(Code::kConnectFailed), 1u);
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
}

TEST_F(ExchangeTest, RepeatsOnlyWhatIsSafeToRepeat) {
  enum class Failure { kClosedUnanswered, kClosedInHead, kClosedInBody, kGarbage };
  struct Case {
    const char* what;
    std::string method;
    std::string body;
    Failure failure;
    bool repeated;
  };
  const std::vector<Case> cases{
      {"GET", "GET", "", Failure::kClosedUnanswered, true},
      {"HEAD", "HEAD", "", Failure::kClosedUnanswered, true},
      {"OPTIONS", "OPTIONS", "", Failure::kClosedUnanswered, true},
      {"PUT with a body", "PUT", "body", Failure::kClosedUnanswered, true},
      {"DELETE", "DELETE", "", Failure::kClosedUnanswered, true},
      {"POST", "POST", "", Failure::kClosedUnanswered, false},
      {"POST with a body", "POST", "body", Failure::kClosedUnanswered, false},
      {"PATCH", "PATCH", "", Failure::kClosedUnanswered, false},
      {"unknown method", "PURGE", "", Failure::kClosedUnanswered, false},
      {"half a head", "GET", "", Failure::kClosedInHead, true},
      {"begun answer", "GET", "", Failure::kClosedInBody, false},
      {"not HTTP", "GET", "", Failure::kGarbage, false},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    cluster_.endpoints.clear();
    listening_.clear();
    add_endpoint();
    make_cluster();
    const uint64_t retries_before = net_.metrics.retries.value();
    request(one.method, one.body);
    TestPeer* peer = accept(0, one.body);
    ASSERT_NE(peer, nullptr);
    const std::string sent = peer->received;
    switch (one.failure) {
      case Failure::kClosedUnanswered:
        break;
      case Failure::kClosedInHead:
        peer->send("HTTP/1.1 200 O");
        break;
      case Failure::kClosedInBody:
        peer->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        break;
      case Failure::kGarbage:
        peer->send("garbage\r\n\r\n");
        break;
    }
    peer->finish();
    if (one.repeated) {
      TestPeer* again = accept(0, one.body);
      ASSERT_NE(again, nullptr);
      EXPECT_EQ(again->received, sent);
      again->send(one.method == "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" : kOk);
      ASSERT_TRUE(run_until_over());
      EXPECT_TRUE(downstream_->ended);
      EXPECT_EQ(downstream_->status, 200);
    } else {
      ASSERT_TRUE(run_until_over());
      if (one.failure == Failure::kClosedInBody) {
        EXPECT_EQ(downstream_->status, 200);
        ASSERT_TRUE(downstream_->failure);
        EXPECT_EQ(downstream_->failure->code, Code::kTruncated);
      } else {
        EXPECT_EQ(downstream_->status, 502);
      }
    }
    EXPECT_EQ(net_.metrics.retries.value() - retries_before, one.repeated ? 1u : 0u);
    EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
  }
}

TEST_F(ExchangeTest, RepeatsAnyRequestThatAStaleConnectionNeverSent) {
  add_endpoint();
  make_cluster();
  request("GET");
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->send(kOk);
  ASSERT_TRUE(run_until_over());
  peer->close();  // and no turn of the loop before the next request
  request("POST", "body");
  TestPeer* fresh = accept(0, "body");
  ASSERT_NE(fresh, nullptr);
  fresh->send(kOk);
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 200);
  EXPECT_EQ(net_.metrics.retries.value(), 1u);
}

TEST_F(ExchangeTest, RepeatsABodyThatIsStillBeingSent) {
  add_endpoint();
  make_cluster();
  begin("PUT /", "Content-Length: 8\r\n");
  exchange_->on_request_body("half");
  TestPeer* peer = accept(0, "half");
  ASSERT_NE(peer, nullptr);
  peer->close();
  TestPeer* again = accept(0, "half");
  ASSERT_NE(again, nullptr);
  exchange_->on_request_body("rest");
  exchange_->on_request_end({});
  ASSERT_TRUE(net_.run_until([&] { return again->received.ends_with("halfrest"); }));
  again->send(kOk);
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 200);
}

TEST_F(ExchangeTest, DoesNotRepeatWhatItHasNotKept) {
  enum class Why { kLargeBody, kTrailers };
  options_.replay_bytes_max = 1000;
  for (const Why why : {Why::kLargeBody, Why::kTrailers}) {
    SCOPED_TRACE(static_cast<int>(why));
    cluster_.endpoints.clear();
    listening_.clear();
    add_endpoint();
    make_cluster();
    begin("PUT /", "Transfer-Encoding: chunked\r\n");
    exchange_->on_request_body(std::string(why == Why::kLargeBody ? 1001 : 1000, 'x'));
    http::Fields trailers;
    if (why == Why::kTrailers) trailers.add("Sum", "1");
    exchange_->on_request_end(trailers);
    TestPeer* peer = accept(0, "\r\n\r\n");
    ASSERT_NE(peer, nullptr);
    ASSERT_TRUE(net_.run_until([&] {
      return peer->received.find(why == Why::kTrailers ? "Sum: 1\r\n\r\n" : "\r\n0\r\n\r\n") !=
             std::string::npos;
    }));
    peer->close();
    ASSERT_TRUE(run_until_over());
    EXPECT_EQ(downstream_->status, 502);
  }
  EXPECT_EQ(net_.metrics.retries.value(), 0u);
}

TEST_F(ExchangeTest, GivesUpAfterSoManyAttempts) {
  add_endpoint();
  make_cluster();
  options_.attempts_max = 3;
  request("GET");
  for (size_t i = 0; i < 3; ++i) {
    TestPeer* peer = accept(0);
    ASSERT_NE(peer, nullptr) << i;
    EXPECT_FALSE(downstream_->is_over());
    peer->close();
  }
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 502);
  EXPECT_EQ(net_.metrics.retries.value(), 2u);
}

TEST_F(ExchangeTest, AvoidsAnEndpointThatIsKnownToRefuse) {
  add_endpoint(false);
  add_endpoint();
  make_cluster();
  for (int i = 0; i < 6; ++i) {
    request("GET");
    TestPeer* peer = i == 0 ? accept(1) : &net_.peers.back();
    ASSERT_NE(peer, nullptr);
    ASSERT_TRUE(
        net_.run_until([&] { return peer->received.find("\r\n\r\n") != std::string::npos; }));
    peer->take();
    peer->send(kOk);
    ASSERT_TRUE(run_until_over());
    EXPECT_EQ(downstream_->status, 200);
  }
  EXPECT_EQ(net_.metrics.connect_errors.value(), 1u);
}

// ---- Time.

TEST_F(ExchangeTest, SaysGatewayTimeoutWithoutTryingAgain) {
  add_endpoint();
  make_cluster();
  options_.response_timeout = 30ms;
  const TimePoint start = net_.loop.now();
  request("GET");
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 504);
  EXPECT_GE(net_.loop.now() - start, Duration(30ms));
  ASSERT_TRUE(net_.run_until([&] { return peer->ended || peer->broken; }));
  EXPECT_EQ(net_.metrics.retries.value(), 0u);
  EXPECT_EQ(net_.metrics.downstream.timeout_errors.value(), 1u);
  EXPECT_EQ(net_.metrics.upstream.timeout_errors.value(), 1u);
}

TEST_F(ExchangeTest, BreaksOffAResponseThatStops) {
  add_endpoint();
  make_cluster();
  options_.response_timeout = 20ms;
  options_.response_idle_timeout = 40ms;
  request("GET");
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->body, "half");
  ASSERT_TRUE(downstream_->failure);
  EXPECT_EQ(downstream_->failure->code, Code::kTimeout);
}

TEST_F(ExchangeTest, DoesNotBlameAnEndpointWhoseResponseWaitsForTheClient) {
  add_endpoint();
  make_cluster();
  options_.response_timeout = options_.response_idle_timeout = 10ms;
  request("GET");
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
  ASSERT_TRUE(net_.run_until([&] { return downstream_->body == "half"; }));
  exchange_->on_response_blocked();
  const TimePoint start = net_.loop.now();
  peer->send("rest");
  ASSERT_TRUE(net_.run_until([&] { return net_.loop.now() - start > 50ms; }));
  EXPECT_FALSE(downstream_->is_over());
  EXPECT_EQ(downstream_->body, "half");
  exchange_->on_response_unblocked();
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->body, "halfrest");
  EXPECT_TRUE(downstream_->ended);
}

// ---- Both sides at once.

TEST_F(ExchangeTest, CancelsTheAttemptWhenTheClientIsGone) {
  add_endpoint();
  make_cluster();
  request("GET");
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  exchange_->on_downstream_gone({Code::kCancelled, Source::kDownstream});
  ASSERT_TRUE(net_.run_until([&] { return peer->ended || peer->broken; }));
  EXPECT_FALSE(downstream_->is_over());
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
}

TEST_F(ExchangeTest, PausesTheClientWhileTheEndpointIsFull) {
  add_endpoint();
  make_cluster();
  options_.request_body_bytes_max = uint64_t{1} << 40;
  begin("POST /", "Transfer-Encoding: chunked\r\n");
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->reading = false;
  const std::string piece(64 * 1024, 'x');
  ASSERT_TRUE(net_.run_until([&] {
    if (!downstream_->paused) exchange_->on_request_body(piece);
    return downstream_->paused;
  }));
  peer->reading = true;
  ASSERT_TRUE(net_.run_until([&] { return !downstream_->paused; }));
  exchange_->on_request_end({});
  ASSERT_TRUE(net_.run_until([&] { return peer->received.ends_with("0\r\n\r\n"); }));
  peer->send(kOk);
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 200);
}

TEST_F(ExchangeTest, PassesInformationalHeadsButContinueOnlyToWhoWaitsForIt) {
  add_endpoint();
  make_cluster();
  for (const bool expects : {false, true}) {
    SCOPED_TRACE(expects);
    begin("POST /",
          std::string("Content-Length: 2\r\n") + (expects ? "Expect: 100-continue\r\n" : ""));
    TestPeer* peer = accept(0);
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(peer->received.find("Expect") != std::string::npos, expects);
    peer->send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n");
    ASSERT_TRUE(net_.run_until([&] {
      return !downstream_->informational.empty() && downstream_->informational.back() == 103;
    }));
    EXPECT_EQ(downstream_->informational,
              expects ? (std::vector<int>{100, 103}) : std::vector<int>{103});
    exchange_->on_request_body("ab");
    exchange_->on_request_end({});
    peer->send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(run_until_over());
    EXPECT_TRUE(downstream_->ended);
  }
}

TEST_F(ExchangeTest, PassesAnAnswerOnThatComesBeforeTheEndOfTheRequest) {
  add_endpoint();
  make_cluster();
  begin("POST /", "Content-Length: 100\r\n");
  exchange_->on_request_body("some");
  TestPeer* peer = accept(0, "some");
  ASSERT_NE(peer, nullptr);
  peer->send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nstop");
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 413);
  EXPECT_EQ(downstream_->body, "stop");
}

// ---- Over a link, where a request travels as a whole.

class ExchangeOverLink : public ExchangeTest {
 protected:
  ExchangeOverLink() {
    cluster_.protocol = upstream::Protocol::kTeleport;
    cluster_.teleport.compression.method = compress::Method::kNone;
  }
  // The far end of the next link to that endpoint, handshakes done.
  TestPeer* accept_link(size_t endpoint) {
    TestPeer* far = net_.accept(listening_[endpoint]);
    if (far == nullptr) return nullptr;
    far->send(test::link_handshake(test::LinkCoding::kNone));
    if (!net_.run_until([&] { return far->received.size() >= test::kLinkHandshakeBytes; }))
      return nullptr;
    far->received.erase(0, test::kLinkHandshakeBytes);
    return far;
  }
  bool wait_for_request(TestPeer& far) {
    return net_.run_until([&] { return !test::split_requests(far.received).frames.empty(); });
  }
};

TEST_F(ExchangeOverLink, SendsABodyOfUnknownLengthWithItsLengthAndNoExpect) {
  add_endpoint();
  make_cluster();
  begin("POST /", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n");
  EXPECT_EQ(downstream_->informational, std::vector<int>{100});
  exchange_->on_request_body("bo");
  exchange_->on_request_body("dy");
  EXPECT_EQ(net_.metrics.upstream.started.value(), 0u);
  exchange_->on_request_end({});
  TestPeer* far = accept_link(0);
  ASSERT_NE(far, nullptr);
  ASSERT_TRUE(wait_for_request(*far));
  EXPECT_EQ(far->received,
            test::link_frame(1, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"));
  far->send(test::link_frame(1, kOk));
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->body, "ok");
}

TEST_F(ExchangeOverLink, RepeatsByTheSameRules) {
  struct Case {
    std::string method;
    bool repeated;
  };
  for (const Case& one : {Case{"GET", true}, Case{"PUT", true}, Case{"POST", false}}) {
    SCOPED_TRACE(one.method);
    cluster_.endpoints.clear();
    listening_.clear();
    add_endpoint();
    make_cluster();
    const std::string body = one.method == "GET" ? "" : "body";  // a v0 link carries none with GET
    request(one.method, body);
    TestPeer* far = accept_link(0);
    ASSERT_NE(far, nullptr);
    ASSERT_TRUE(wait_for_request(*far));
    far->finish();
    if (one.repeated) {
      far = accept_link(0);
      ASSERT_NE(far, nullptr);
      ASSERT_TRUE(wait_for_request(*far));
      const test::LinkFrames requests = test::split_requests(far->received);
      EXPECT_EQ(requests.frames[0].body, one.method == "GET" ? "" : "body");
      far->send(test::link_frame(requests.frames[0].id, kOk));
    }
    ASSERT_TRUE(run_until_over());
    EXPECT_EQ(downstream_->status, one.repeated ? 200 : 502);
  }
}

TEST_F(ExchangeOverLink, TriesAnotherEndpointWhenOneRefuses) {
  add_endpoint(false);
  add_endpoint();
  make_cluster();
  request("POST", "body");
  TestPeer* far = accept_link(1);
  ASSERT_NE(far, nullptr);
  ASSERT_TRUE(wait_for_request(*far));
  far->send(test::link_frame(1, kOk));
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 200);
}

TEST_F(ExchangeOverLink, SaysWhatTheLinkWillNotCarry) {
  add_endpoint();
  cluster_.teleport.request_head_bytes_max = 100;
  make_cluster();
  options_.held_body_bytes_max = 10;
  begin("GET /", "A: " + std::string(100, 'x') + "\r\n");
  exchange_->on_request_end({});
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 431);
  request("POST", "eleven byte");
  EXPECT_EQ(downstream_->status, 413);
}

TEST_F(ExchangeOverLink, DropsTheAnswerThatComesTooLate) {
  add_endpoint();
  make_cluster();
  options_.response_timeout = 30ms;
  request("GET");
  TestPeer* far = accept_link(0);
  ASSERT_NE(far, nullptr);
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 504);
  options_.response_timeout = 10s;
  request("GET");
  ASSERT_TRUE(
      net_.run_until([&] { return test::split_requests(far->received).frames.size() == 2; }));
  far->send(test::link_frame(1, kOk) +
            test::link_frame(2, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew"));
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->body, "new");
  EXPECT_EQ(net_.metrics.link.late_answers.value(), 1u);
}

}  // namespace
}  // namespace httpteleport::proxy
