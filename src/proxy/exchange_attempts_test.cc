#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/exchange.h"
#include "proxy/test_exchange.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;

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

// Memory is short: what has been sent is not kept.
TEST_F(ExchangeTest, KeepsNoCopiesWhileMemoryIsShort) {
  add_endpoint();
  make_cluster();
  begin("PUT /", "Content-Length: 8\r\n");
  net_.loop.pool().set_budget(0);
  exchange_->on_request_body("half");
  TestPeer* peer = accept(0, "half");
  ASSERT_NE(peer, nullptr);
  peer->close();
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 502);
  EXPECT_EQ(net_.metrics.retries.value(), 0u);
}

// A body over the high watermark comes before it is known that no connection could be begun.
TEST_F(ExchangeTest, SaysBadGatewayToALargeBodyThatNobodyTakes) {
  const Result<net::Address> nowhere = net::Address::unix_path("/nonexistent/socket");
  ASSERT_TRUE(nowhere);
  cluster_.endpoints.push_back({.name = "nowhere", .addresses = {*nowhere, *nowhere}});
  make_cluster();
  request("POST", std::string(300'000, 'x'));
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 502);
}

// An informational response may have filled the client's buffers before there is an answer.
TEST_F(ExchangeTest, PausesASecondAttemptWhoseAnswerTheClientDoesNotTakeYet) {
  constexpr size_t kBodyBytes = 8 << 20;
  add_endpoint();
  add_endpoint();
  make_cluster();
  options_.try_timeout = 10ms;
  request("GET");
  exchange_->on_response_blocked();
  ASSERT_NE(accept(0), nullptr);
  TestPeer* other = accept(1);
  ASSERT_NE(other, nullptr);
  other->send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBodyBytes) + "\r\n\r\n" +
              std::string(kBodyBytes, 'x'));
  ASSERT_TRUE(net_.run_until([&] { return downstream_->status == 200; }));
  net_.settle();
  EXPECT_LT(downstream_->body.size(), kBodyBytes / 2);
  exchange_->on_response_unblocked();
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->body.size(), kBodyBytes);
}

TEST_F(ExchangeTest, GivesUpAfterSoManyAttempts) {
  add_endpoint();
  make_cluster();
  ASSERT_EQ(options_.retries_max, 2u);
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

TEST_F(ExchangeTest, GivesUpAfterSoManyAttemptsInAll) {
  options_.retries_max = 5;
  options_.attempts_max = 2;
  add_endpoint();
  make_cluster();
  request("GET");
  for (size_t i = 0; i < 2; ++i) {
    TestPeer* peer = accept(0);
    ASSERT_NE(peer, nullptr) << i;
    EXPECT_FALSE(downstream_->is_over());
    peer->close();
  }
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 502);
  EXPECT_EQ(net_.metrics.retries.value(), 1u);
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

TEST_F(ExchangeTest, AsksAnotherEndpointWhenOneAnswersThatItIsBroken) {
  struct Case {
    std::string method;
    int status;
    bool asked_again;
  };
  for (const Case& one :
       {Case{"GET", 500, true}, Case{"GET", 502, true}, Case{"GET", 503, true},
        Case{"GET", 504, true}, Case{"OPTIONS", 500, true}, Case{"GET", 501, false},
        Case{"GET", 505, false}, Case{"GET", 404, false}, Case{"PUT", 503, false},
        Case{"DELETE", 500, false}, Case{"POST", 500, false}}) {
    SCOPED_TRACE(one.method + " " + std::to_string(one.status));
    cluster_.endpoints.clear();
    listening_.clear();
    add_endpoint();
    add_endpoint();
    make_cluster();
    request(one.method);
    TestPeer* peer = accept(0);
    ASSERT_NE(peer, nullptr);
    peer->send("HTTP/1.1 " + std::to_string(one.status) + " X\r\nContent-Length: 3\r\n\r\nbad");
    if (one.asked_again) {
      TestPeer* other = accept(1);
      ASSERT_NE(other, nullptr);
      other->send(kOk);
    }
    ASSERT_TRUE(run_until_over());
    EXPECT_TRUE(downstream_->ended);
    EXPECT_EQ(downstream_->status, one.asked_again ? 200 : one.status);
    EXPECT_EQ(downstream_->body, one.asked_again ? "ok" : "bad");
  }
}

TEST_F(ExchangeTest, PassesOnThatAnEndpointIsBrokenWhenNoOtherIsWell) {
  add_endpoint();
  add_endpoint();
  make_cluster();
  request("GET");
  for (size_t endpoint : {0u, 1u}) {
    TestPeer* peer = accept(endpoint);
    ASSERT_NE(peer, nullptr);
    peer->send(kBroken);
  }
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 500);
  EXPECT_EQ(downstream_->body, "broken");
  EXPECT_EQ(net_.metrics.retries.value(), 1u);
}

TEST_F(ExchangeTest, RepeatsNoMoreThanTheBudgetAllowsWhatAnEndpointHasSeen) {
  options_.retry_budget = {.percent = 0, .floor_per_second = 0};
  add_endpoint();
  add_endpoint();
  make_cluster();
  request("GET");
  TestPeer* peer = accept(0);
  ASSERT_NE(peer, nullptr);
  peer->send(kBroken);
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 500);
  EXPECT_EQ(net_.metrics.retries_refused.value(), 1u);

  cluster_.endpoints.clear();
  listening_.clear();
  add_endpoint(false);
  add_endpoint();
  make_cluster();
  request("GET");
  peer = accept(1);
  ASSERT_NE(peer, nullptr);
  EXPECT_EQ(net_.metrics.retries.value(), 1u) << "a connect that failed costs nothing";
  peer->finish();
  ASSERT_TRUE(run_until_over());
  EXPECT_EQ(downstream_->status, 502);
  EXPECT_EQ(net_.metrics.retries_refused.value(), 2u);
}

}  // namespace
}  // namespace httpteleport::proxy
