#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/exchange.h"
#include "proxy/test_exchange.h"
#include "support/independent_codecs.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using testing::HasSubstr;

// Over a link a request travels as a whole.
class ExchangeOverLink : public ExchangeTest {
 protected:
  ExchangeOverLink() {
    cluster_.protocol = upstream::Protocol::kTeleport;
    cluster_.teleport.versions = {.v0 = true};
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

TEST_F(ExchangeOverLink, TakesTheBodyOnlyWhenItsTurnHasCome) {
  add_endpoint();
  make_cluster();
  options_.exchanges_max = 1;
  request("GET");
  const std::unique_ptr<Exchange> open = std::move(exchange_);
  const std::unique_ptr<RecordingDownstream> open_downstream = std::move(downstream_);
  begin("POST /", "Content-Length: 4\r\nExpect: 100-continue\r\n");
  EXPECT_TRUE(downstream_->paused);
  EXPECT_TRUE(downstream_->informational.empty());
  open->on_downstream_gone({Code::kCancelled, Source::kDownstream});
  ASSERT_TRUE(net_.run_until([&] { return !downstream_->paused; }));
  EXPECT_EQ(downstream_->informational, std::vector<int>{100});
  exchange_->on_request_body("body");
  exchange_->on_request_end({});
  TestPeer* far = accept_link(0);
  ASSERT_NE(far, nullptr);
  ASSERT_TRUE(wait_for_request(*far));
  EXPECT_THAT(far->received, HasSubstr("body"));
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
