#include <gtest/gtest.h>

#include "proxy/exchange.h"
#include "proxy/test_exchange.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;

TEST_F(ExchangeTest, TakesTheFirstAnswerOfTwoAttemptsWhenOneIsSilent) {
  for (const size_t quicker : {0u, 1u}) {
    SCOPED_TRACE(quicker);
    cluster_.endpoints.clear();
    listening_.clear();
    add_endpoint();
    add_endpoint();
    make_cluster();
    options_.try_timeout = 20ms;
    request("GET");
    TestPeer* peers[] = {accept(0), accept(1)};
    ASSERT_NE(peers[0], nullptr);
    ASSERT_NE(peers[1], nullptr);
    EXPECT_EQ(peers[0]->received, peers[1]->received);
    EXPECT_FALSE(downstream_->is_over());
    peers[quicker]->send(kOk);
    ASSERT_TRUE(run_until_over());
    EXPECT_EQ(downstream_->status, 200);
    EXPECT_EQ(downstream_->body, "ok");
    TestPeer* slower = peers[1 - quicker];
    EXPECT_TRUE(net_.run_until([&] { return slower->ended || slower->broken; })) << "given up";
    EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
  }
  EXPECT_EQ(net_.metrics.retries.value(), 2u);
}

TEST_F(ExchangeTest, StaysWithTheOtherAttemptWhenOneOfTwoFails) {
  enum class Failure : uint8_t { kFirstCloses, kSecondCloses, kFirstIsBroken, kSecondIsBroken };
  for (const Failure failure : {Failure::kFirstCloses, Failure::kSecondCloses,
                                Failure::kFirstIsBroken, Failure::kSecondIsBroken}) {
    SCOPED_TRACE(static_cast<int>(failure));
    cluster_.endpoints.clear();
    listening_.clear();
    add_endpoint();
    add_endpoint();
    make_cluster();
    options_.try_timeout = 20ms;
    options_.retries_max = 1;
    request("GET");
    TestPeer* first = accept(0);
    TestPeer* second = accept(1);
    ASSERT_NE(first, nullptr);
    ASSERT_NE(second, nullptr);
    const bool first_fails = failure == Failure::kFirstCloses || failure == Failure::kFirstIsBroken;
    TestPeer* bad = first_fails ? first : second;
    TestPeer* good = first_fails ? second : first;
    if (failure == Failure::kFirstIsBroken || failure == Failure::kSecondIsBroken) {
      bad->send(kBroken);
    } else {
      bad->finish();
    }
    ASSERT_TRUE(net_.run_until([&] { return bad->ended || bad->broken; }));
    EXPECT_FALSE(downstream_->is_over());
    good->send(kOk);
    ASSERT_TRUE(run_until_over());
    EXPECT_EQ(downstream_->status, 200);
    EXPECT_EQ(net_.metrics.exchanges_open.value(), 0);
  }
}

TEST_F(ExchangeTest, TriesAThirdEndpointWhenTwoAreSilentAndStopsBothAtTheEnd) {
  for (int i = 0; i < 4; ++i)
    add_endpoint();
  make_cluster();
  options_.try_timeout = 20ms;
  options_.response_timeout = 150ms;
  request("GET");
  for (size_t endpoint : {0u, 1u, 2u})
    ASSERT_NE(accept(endpoint), nullptr) << endpoint;
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 504);
  ASSERT_TRUE(net_.run_until([&] { return net_.metrics.upstream_sockets.open.value() == 0; }));
  EXPECT_EQ(net_.metrics.retries.value(), 2u) << "retries_max";
}

TEST_F(ExchangeTest, WaitsForTheOnlyAttemptOfWhatMayChangeSomething) {
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    SCOPED_TRACE(method);
    cluster_.endpoints.clear();
    listening_.clear();
    add_endpoint();
    add_endpoint();
    make_cluster();
    options_.try_timeout = 10ms;
    options_.response_timeout = 40ms;
    request(method);
    ASSERT_TRUE(run_until_over());
    EXPECT_EQ(downstream_->status, 504);
  }
  EXPECT_EQ(net_.metrics.retries.value(), 0u);
}

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

// Also where it may pause for less time than it may take to begin.
TEST_F(ExchangeTest, BreaksOffAResponseThatStopsBeforeTheResponseTimeout) {
  add_endpoint();
  make_cluster();
  options_.response_timeout = 1h;
  options_.response_idle_timeout = 40ms;
  request("GET");
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  ASSERT_TRUE(run_until_over());
  ASSERT_TRUE(downstream_->failure);
  EXPECT_EQ(downstream_->failure->code, Code::kTimeout);
}

TEST_F(ExchangeTest, DoesNotBlameAnEndpointWhoseResponseWaitsForTheClient) {
  add_endpoint();
  make_cluster();
  options_.response_timeout = options_.response_idle_timeout = 300ms;
  request("GET");
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
  ASSERT_TRUE(net_.run_until([&] { return downstream_->body == "half"; }));
  exchange_->on_response_blocked();
  const TimePoint start = net_.loop.now();
  peer->send("rest");
  ASSERT_TRUE(net_.run_until([&] { return net_.loop.now() - start > 500ms; }));
  EXPECT_FALSE(downstream_->is_over());
  EXPECT_EQ(downstream_->body, "half");
  exchange_->on_response_unblocked();
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->body, "halfrest");
  EXPECT_TRUE(downstream_->ended);
}

}  // namespace
}  // namespace httpteleport::proxy
