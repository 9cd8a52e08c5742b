#include "proxy/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/test_exchange.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using testing::HasSubstr;

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

TEST_F(ExchangeTest, PassesGetAndHeadOnlyWhenToldSo) {
  add_endpoint();
  make_cluster();
  options_.get_only = true;
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get"}) {
    SCOPED_TRACE(method);
    begin(std::string(method) + " /");
    EXPECT_TRUE(downstream_->ended);
    EXPECT_EQ(downstream_->status, 405);
    EXPECT_THAT(downstream_->fields, HasSubstr("Allow: GET, HEAD\n"));
    EXPECT_EQ(downstream_->body, "only GET, HEAD are served here\n");
    EXPECT_TRUE(downstream_->abandons_request);
  }
  for (const char* method : {"GET", "HEAD"}) {
    request(method);
    EXPECT_NE(accept(0), nullptr);
    EXPECT_EQ(downstream_->status, 0);
  }
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
  queue_.set_options({.length_max = 0});
  request("GET");
  const std::unique_ptr<Exchange> open = std::move(exchange_);
  const std::unique_ptr<RecordingDownstream> open_downstream = std::move(downstream_);
  request("GET");
  EXPECT_EQ(downstream_->status, 429);
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 1);
  EXPECT_EQ(net_.metrics.queue_refused.value(), 1u);
  open->on_downstream_gone({Code::kCancelled, Source::kDownstream});
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
  request("GET");
  EXPECT_EQ(downstream_->status, 0);
}

// ---- Waiting.

TEST_F(ExchangeTest, WaitsForASlotWithItsBodyAndTrailersAndThenGoesOn) {
  add_endpoint();
  make_cluster();
  options_.exchanges_max = 1;
  request("GET");
  const std::unique_ptr<Exchange> open = std::move(exchange_);
  const std::unique_ptr<RecordingDownstream> open_downstream = std::move(downstream_);
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->take();

  begin("POST /waits", "Transfer-Encoding: chunked\r\n");
  EXPECT_TRUE(downstream_->paused);
  const std::string piece(600'000, 'x');  // more than is kept for another attempt
  exchange_->on_request_body(piece);
  http::Fields trailers;
  std::string sum = "12";
  trailers.add("Sum", sum);
  exchange_->on_request_end(trailers);
  sum = "!!";
  net_.settle();
  EXPECT_EQ(net_.metrics.upstream.started.value(), 1u);
  EXPECT_EQ(net_.metrics.queue_length.value(), 1);

  peer->send(kOk);
  ASSERT_TRUE(net_.run_until([&] { return open_downstream->ended; }));
  ASSERT_TRUE(net_.run_until([&] { return peer->received.ends_with("0\r\nSum: 12\r\n\r\n"); }));
  EXPECT_FALSE(downstream_->paused);
  EXPECT_GT(peer->received.size(), piece.size());
  EXPECT_EQ(net_.metrics.queue_length.value(), 0);
  peer->send(kOk);
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 200);
}

TEST_F(ExchangeTest, WaitsForAnEndpointThatHasFewerRequests) {
  add_endpoint();
  cluster_.pending_max = 1;
  make_cluster();
  request("GET");
  const std::unique_ptr<Exchange> open = std::move(exchange_);
  const std::unique_ptr<RecordingDownstream> open_downstream = std::move(downstream_);
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->take();
  request("GET");
  net_.settle();
  EXPECT_EQ(net_.metrics.queue_length.value(), 1);
  EXPECT_EQ(net_.metrics.exchanges_open.value(), 2);
  peer->send(kOk);
  ASSERT_TRUE(net_.run_until([&] { return !peer->received.empty(); }));
  peer->send(kOk);
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 200);
}

TEST_F(ExchangeTest, SaysTooManyRequestsToWhoHasWaitedTooLong) {
  add_endpoint();
  for (const bool for_slot : {true, false}) {
    SCOPED_TRACE(for_slot);
    queue_.set_options({.timeout = 20ms});
    options_.exchanges_max = for_slot ? 1 : 100;
    cluster_.pending_max = for_slot ? 0 : 1;
    make_cluster();
    request("GET");
    std::unique_ptr<Exchange> open = std::move(exchange_);
    const std::unique_ptr<RecordingDownstream> open_downstream = std::move(downstream_);
    request("GET");
    EXPECT_EQ(downstream_->status, 0);
    ASSERT_TRUE(run_until_over());
    EXPECT_EQ(downstream_->status, 429);
    EXPECT_THAT(downstream_->body, HasSubstr(for_slot ? "-concurrency" : "-outMaxConnsPerAddr"));
    EXPECT_EQ(net_.metrics.queue_length.value(), 0);
    open->on_downstream_gone({Code::kCancelled, Source::kDownstream});
    EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
  }
}

// After a reload, those who wait began under another configuration than those they wait for.
TEST_F(ExchangeTest, WaitsForExchangesOfAnotherConfiguration) {
  add_endpoint();
  make_cluster();
  options_.exchanges_max = 1;
  TableRouter next_router(routes_, options_, queue_);
  next_router.add(std::make_unique<upstream::Cluster>(net_.loop, net_.metrics, cluster_));
  ExchangeContext next{net_.loop, net_.metrics, options_, next_router, queue_};
  request("GET");
  std::string raw = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  http::RequestHead head;
  ASSERT_TRUE(http::h1::parse_request_head(raw, {}, head));
  RecordingDownstream waiting_downstream;
  auto waiting = std::make_unique<Exchange>(next, waiting_downstream, client_);
  waiting->on_request_head(head, raw);
  waiting->on_request_end({});
  EXPECT_EQ(net_.metrics.queue_length.value(), 1);
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->send(kOk);
  ASSERT_TRUE(run_until_over());
  peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->send(kOk);
  ASSERT_TRUE(net_.run_until([&] { return waiting_downstream.is_over(); }));
  EXPECT_EQ(waiting_downstream.status, 200);
  net_.loop.delete_later(std::move(waiting));
  net_.loop.delete_doomed();
}

TEST_F(ExchangeTest, LeavesTheQueueWithItsClient) {
  add_endpoint();
  make_cluster();
  options_.exchanges_max = 1;
  request("GET");
  const std::unique_ptr<Exchange> open = std::move(exchange_);
  const std::unique_ptr<RecordingDownstream> open_downstream = std::move(downstream_);
  request("GET");
  EXPECT_EQ(net_.metrics.queue_length.value(), 1);
  exchange_->on_downstream_gone({Code::kCancelled, Source::kDownstream});
  EXPECT_EQ(net_.metrics.queue_length.value(), 0);
  request("GET");
  EXPECT_EQ(net_.metrics.queue_length.value(), 1);
  exchange_.reset();
  EXPECT_EQ(net_.metrics.queue_length.value(), 0);
  open->on_downstream_gone({Code::kCancelled, Source::kDownstream});
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

}  // namespace
}  // namespace httpteleport::proxy
