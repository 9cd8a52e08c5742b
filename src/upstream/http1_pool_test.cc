#include "upstream/http1_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "support/content.h"
#include "support/socket.h"
#include "upstream/test_http1_pool.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using testing::HasSubstr;

const TestRequest kPost{.method = "POST"};

TEST_F(Http1PoolTest, CarriesARequestAndItsAnswer) {
  RecordingHandler handler;
  TestPeer* peer = request_on_new_connection(
      handler, {.method = "POST", .target = "/a?b", .body = "body", .extra_field = "y"});
  ASSERT_NE(peer, nullptr);
  EXPECT_EQ(peer->received,
            "POST /a?b HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: 4\r\n\r\nbody");
  peer->send(
      "HTTP/1.1 404 Not Found\r\nA: b\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_TRUE(handler.ended);
  EXPECT_EQ(handler.status, 404);
  EXPECT_EQ(handler.body, "hello");
  EXPECT_THAT(handler.fields, HasSubstr("A: b\n"));
  EXPECT_THAT(handler.fields, testing::Not(HasSubstr("Connection")));
  EXPECT_EQ(net_.metrics.upstream.started.value(), 1u);
  EXPECT_EQ(net_.metrics.upstream.succeeded.value(), 1u);
  EXPECT_EQ(net_.metrics.upstream.non_200.value(), 1u);
  EXPECT_EQ(net_.metrics.connects.value(), 1u);
}

TEST_F(Http1PoolTest, ReadsAnAnswerThatComesByteByByte) {
  RecordingHandler handler;
  TestPeer* peer = request_on_new_connection(handler);
  ASSERT_NE(peer, nullptr);
  for (const char byte : std::string_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                          "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n")) {
    peer->send({&byte, 1});
    net_.loop.run_once(Duration::zero());
  }
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.body, "abcde");
  EXPECT_EQ(handler.trailers, "T: u\n");
}

TEST_F(Http1PoolTest, EncodesABodyOfUnknownLengthInChunks) {
  RecordingHandler handler;
  http::UpstreamStream& stream = pool_->open_stream(handler, {});
  http::RequestHead head = head_of(kPost);
  head.body = http::BodyLength::unknown();
  stream.send_request_head(head);
  stream.send_request_body("hello ");
  stream.send_request_body("");
  const std::string large(20'000, 'x');
  stream.send_request_body(large);
  http::Fields trailers;
  trailers.add("Sum", "1");
  stream.end_request(trailers);
  TestPeer* peer = net_.accept(listening_);
  ASSERT_NE(peer, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return peer->received.ends_with("\r\n\r\n"); }));
  EXPECT_EQ(
      peer->received,
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n4e20\r\n" +
          large + "\r\n0\r\nSum: 1\r\n\r\n");
}

TEST_F(Http1PoolTest, ReusesAConnectionAfterEachWayToEndAnAnswer) {
  struct Case {
    const char* what;
    TestRequest request;
    std::string_view answer;
    std::string body;
  };
  const std::vector<Case> cases{
      {"length", {}, kOk, "ok"},
      {"no body", {}, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
      {"chunked",
       {},
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
       "ok"},
      {"HEAD", {.method = "HEAD"}, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", ""},
      {"204", {}, "HTTP/1.1 204 No Content\r\n\r\n", ""},
      {"304", {}, "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n", ""},
      {"1.0 with keep-alive",
       {},
       "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
       "ok"},
      {"a request with a body", {.method = "PUT", .body = "abc"}, kOk, "ok"},
  };
  TestPeer* peer = idle_connection();
  ASSERT_NE(peer, nullptr);
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    RecordingHandler handler;
    send_request(pool_->open_stream(handler, {}), one.request);
    ASSERT_TRUE(net_.run_until([&] {
      return peer->received.find("\r\n\r\n") != std::string::npos &&
             peer->received.ends_with(one.request.body);
    }));
    peer->take();
    peer->send(one.answer);
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_EQ(handler.failure_code(), std::nullopt);
    EXPECT_EQ(handler.body, one.body);
  }
  EXPECT_EQ(net_.metrics.connects.value(), 1u);
}

TEST_F(Http1PoolTest, TakesTheNextRequestFromInsideTheEndOfTheLast) {
  RecordingHandler first;
  RecordingHandler second;
  first.at_end = [&] { send_request(pool_->open_stream(second, {}), {.target = "/second"}); };
  TestPeer* peer = request_on_new_connection(first);
  ASSERT_NE(peer, nullptr);
  peer->take();
  peer->send(kOk);
  ASSERT_TRUE(net_.run_until([&] { return peer->received.find("\r\n\r\n") != std::string::npos; }));
  EXPECT_TRUE(peer->received.starts_with("GET /second "));
  peer->send(kOk);
  ASSERT_TRUE(run_until_over(second));
  EXPECT_TRUE(second.ended);
  EXPECT_EQ(net_.metrics.connects.value(), 1u);
}

TEST_F(Http1PoolTest, TrustsNoConnectionOnWhichAnythingIsLeftToDoubt) {
  struct Case {
    const char* what;
    std::string_view answer;
    bool fin;
    std::string body;
  };
  const std::vector<Case> cases{
      {"Connection: close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
       false, "ok"},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, "ok"},
      {"surplus behind a body", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", false, "ok"},
      {"surplus behind a head", "HTTP/1.1 204 No Content\r\n\r\nx", false, ""},
      {"surplus behind chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", false,
       ""},
      {"delimited by the end", "HTTP/1.1 200 OK\r\n\r\nok", true, "ok"},
      {"closed behind the answer", kOk, true, "ok"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    RecordingHandler handler;
    TestPeer* peer = request_on_new_connection(handler);
    ASSERT_NE(peer, nullptr);
    peer->send(one.answer);
    if (one.fin) peer->finish();
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_TRUE(handler.ended);
    EXPECT_EQ(handler.body, one.body);
    ASSERT_TRUE(net_.run_until([&] { return peer->ended || peer->broken; }));
  }
  EXPECT_EQ(net_.metrics.connects.value(), cases.size());
}

TEST_F(Http1PoolTest, DoesNotReuseAConnectionWhoseRequestWasAnsweredBeforeItsEnd) {
  RecordingHandler handler;
  http::UpstreamStream& stream = pool_->open_stream(handler, {});
  http::RequestHead head = head_of(kPost);
  head.body = http::BodyLength::known(10);
  stream.send_request_head(head);
  stream.send_request_body("half");
  TestPeer* peer = net_.accept(listening_);
  ASSERT_NE(peer, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return peer->received.ends_with("half"); }));
  peer->send(kOk);
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_TRUE(handler.ended);
  ASSERT_TRUE(net_.run_until([&] { return peer->ended || peer->broken; }));
}

// All of it is in the kernel's buffers, but not in the endpoint's.
TEST_F(Http1PoolTest, DoesNotReuseAConnectionWhoseRequestWasAnsweredBeforeItWasTaken) {
  RecordingHandler handler;
  http::UpstreamStream& stream = pool_->open_stream(handler, {});
  const std::string body(1'000'000, 'x');
  http::RequestHead head = head_of(kPost);
  head.body = http::BodyLength::known(body.size());
  stream.send_request_head(head);
  TestPeer* peer = net_.accept(listening_);
  ASSERT_NE(peer, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return peer->received.ends_with("\r\n\r\n"); }));
  const uint64_t written = net_.metrics.upstream_sockets.bytes_written.value();
  peer->reading = false;
  stream.send_request_body(body);
  stream.end_request({});
  ASSERT_TRUE(net_.run_until([&] {
    return net_.metrics.upstream_sockets.bytes_written.value() == written + body.size();
  })) << "the kernel's buffers are smaller than they were";
  peer->send(kOk);
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_TRUE(handler.ended);
  EXPECT_EQ(net_.metrics.upstream_sockets.open.value(), 0);
}

TEST_F(Http1PoolTest, SaysNotSentWhenAPooledConnectionTurnsOutToBeClosed) {
  for (const bool reset : {false, true}) {
    SCOPED_TRACE(reset ? "RST" : "FIN");
    TestPeer* peer = idle_connection();
    ASSERT_NE(peer, nullptr);
    // The loop does not turn between these two, so the pool cannot know.
    if (reset) {
      peer->reset();
    } else {
      peer->close();
    }
    RecordingHandler handler;
    send_request(pool_->open_stream(handler, {}));
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_EQ(handler.failure_code(), Code::kNotSent);
    EXPECT_EQ(handler.failure->source, Source::kUpstream);
  }
}

TEST_F(Http1PoolTest, DropsIdleConnectionsThatThePeerClosesOrWritesTo) {
  for (const bool writes : {false, true}) {
    SCOPED_TRACE(writes ? "writes" : "closes");
    TestPeer* peer = idle_connection();
    ASSERT_NE(peer, nullptr);
    const uint64_t connects = net_.metrics.connects.value();
    if (writes) {
      peer->send(kOk);
    } else {
      peer->finish();
    }
    ASSERT_TRUE(net_.run_until([&] { return net_.metrics.upstream_sockets.open.value() == 0; }));
    RecordingHandler handler;
    TestPeer* other = request_on_new_connection(handler);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(net_.metrics.connects.value(), connects + 1);
    other->send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_TRUE(handler.ended);
  }
}

TEST_F(Http1PoolTest, SaysConnectFailedWhenRefusedAndTriesTheNextAddress) {
  const test::Address dead = test::dead_address();
  addresses_.insert(addresses_.begin(), net::loopback(dead.port));
  make_pool();
  RecordingHandler first;
  send_request(pool_->open_stream(first, {}), {.method = "POST", .body = "x"});
  EXPECT_FALSE(first.is_over()) << "reported inside open_stream()";
  ASSERT_TRUE(run_until_over(first));
  EXPECT_EQ(first.failure_code(), Code::kConnectFailed);
  EXPECT_EQ(first.failure->source, Source::kUpstream);
  EXPECT_EQ(net_.metrics.connect_errors.value(), 1u);
  RecordingHandler second;
  TestPeer* peer = request_on_new_connection(second);
  ASSERT_NE(peer, nullptr);
  peer->send(kOk);
  ASSERT_TRUE(run_until_over(second));
  EXPECT_TRUE(second.ended);
}

TEST_F(Http1PoolTest, SaysConnectFailedWhenTheEndpointDoesNotTakeTheConnectionInTime) {
  // The queue of a listener that accepts nothing is full after one.
  auto full = net::listen_on(net::loopback(), {.reuse_port = false, .backlog = 0});
  ASSERT_TRUE(full);
  addresses_ = {net::local_address(full->fd())};
  auto filler = net::start_connect(addresses_[0]);
  ASSERT_TRUE(filler);
  options_.connect_timeout = 20ms;
  make_pool();
  RecordingHandler handler;
  send_request(pool_->open_stream(handler, {}));
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.failure_code(), Code::kConnectFailed);
  EXPECT_EQ(net_.metrics.connect_errors.value(), 1u);
}

TEST_F(Http1PoolTest, TellsHowFarABrokenExchangeWas) {
  struct Case {
    const char* what;
    std::string_view answer;
    bool reset;
    Code code;
  };
  const std::vector<Case> cases{
      {"FIN before the head", "", false, Code::kConnectionLost},
      {"RST before the head", "", true, Code::kConnectionLost},
      {"FIN inside the head", "HTTP/1.1 200 OK\r\nA:", false, Code::kConnectionLost},
      {"FIN after an informational head", "HTTP/1.1 103 Early Hints\r\n\r\n", false,
       Code::kConnectionLost},
      {"FIN inside a body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", false,
       Code::kTruncated},
      {"RST inside a body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true,
       Code::kTruncated},
      {"RST inside a body that ends with the connection", "HTTP/1.1 200 OK\r\n\r\nhalf", true,
       Code::kTruncated},
      {"FIN inside chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
       false, Code::kTruncated},
      {"FIN inside the last chunk",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", false,
       Code::kTruncated},
      {"not HTTP", "SSH-2.0-OpenSSH_9.2p1\r\n\r\n", false, Code::kMalformed},
      {"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n\r\n",
       false, Code::kMalformed},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    RecordingHandler handler;
    TestPeer* peer = request_on_new_connection(handler);
    ASSERT_NE(peer, nullptr);
    peer->send(one.answer);
    // RST may overtake bytes that have not been read.
    const bool has_body = one.answer.find("\r\n\r\n") != std::string_view::npos;
    if (has_body && one.code == Code::kTruncated) {
      ASSERT_TRUE(net_.run_until([&] { return handler.body == "half"; }));
    }
    if (one.reset) {
      peer->reset();
    } else {
      peer->finish();
    }
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_EQ(handler.failure_code(), one.code);
    EXPECT_EQ(handler.failure->source, Source::kUpstream);
  }
  EXPECT_EQ(net_.metrics.upstream.succeeded.value(), 0u);
}

TEST_F(Http1PoolTest, RefusesAHeadOverTheLimit) {
  options_.head_limits.head_bytes_max = 100;
  make_pool();
  RecordingHandler handler;
  TestPeer* peer = request_on_new_connection(handler);
  ASSERT_NE(peer, nullptr);
  peer->send("HTTP/1.1 200 OK\r\nX: " + std::string(100, 'x'));
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.failure_code(), Code::kHeadTooLarge);
  EXPECT_EQ(handler.failure->source, Source::kUpstream);
}

TEST_F(Http1PoolTest, PassesInformationalHeadsBeforeTheFinalOne) {
  RecordingHandler handler;
  TestPeer* peer = request_on_new_connection(handler);
  ASSERT_NE(peer, nullptr);
  peer->send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  ASSERT_TRUE(net_.run_until([&] { return handler.informational.size() == 2; }));
  EXPECT_EQ(handler.informational, (std::vector<int>{100, 103}));
  EXPECT_EQ(handler.fields, "Link: x\n");
  peer->send(kOk);
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.status, 200);
  // And the connection is good for another one.
  ASSERT_NE(peer, nullptr);
  RecordingHandler next;
  const size_t received_before = peer->received.size();
  send_request(pool_->open_stream(next, {}));
  ASSERT_TRUE(net_.run_until([&] { return peer->received.size() > received_before; }));
  peer->send(kOk);
  ASSERT_TRUE(run_until_over(next));
  EXPECT_TRUE(next.ended);
  EXPECT_EQ(net_.metrics.connects.value(), 1u);
}

// What comes before a byte of the request has left may be the late answer to another one.
TEST_F(Http1PoolTest, TakesNoAnswerForARequestThatHasNotLeftYet) {
  RecordingHandler first;
  TestPeer* peer = request_on_new_connection(first);
  ASSERT_NE(peer, nullptr);
  peer->send(kOk);
  ASSERT_TRUE(run_until_over(first));
  peer->send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
  RecordingHandler second;
  send_request(pool_->open_stream(second, {}));
  ASSERT_TRUE(run_until_over(second));
  EXPECT_EQ(second.body, "");
  EXPECT_EQ(second.failure_code(), Code::kNotSent);
}

TEST_F(Http1PoolTest, OpensANewConnectionWhereAFreshOneIsAskedFor) {
  RecordingHandler first;
  TestPeer* peer = request_on_new_connection(first);
  ASSERT_NE(peer, nullptr);
  peer->send(kOk);
  ASSERT_TRUE(run_until_over(first));
  RecordingHandler second;
  send_request(pool_->open_stream(second, {.fresh = true}));
  ASSERT_TRUE(net_.run_until([&] { return net_.metrics.connects.value() == 2; }));
}

TEST_F(Http1PoolTest, ReadsNothingWhileTheResponseIsPaused) {
  RecordingHandler handler;
  TestPeer* peer = request_on_new_connection(handler);
  ASSERT_NE(peer, nullptr);
  handler.at_head = [&] { stream_->pause_response(); };
  const test::Content content = test::Content::bytes(32 * 1024 * 1024, 1);
  peer->send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(content.size()) + "\r\n\r\n");
  peer->send(content.to_string());
  net_.settle();
  EXPECT_EQ(handler.status, 200);
  EXPECT_EQ(handler.body.size(), 0u);
  EXPECT_FALSE(peer->all_sent()) << "somebody took more than the kernel's buffers hold";
  stream_->resume_response();
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_TRUE(handler.ended);
  EXPECT_TRUE(content.matches(0, handler.body));
}

TEST_F(Http1PoolTest, TellsWhenTheEndpointTakesNoMoreOfTheRequest) {
  RecordingHandler handler;
  http::UpstreamStream& stream = pool_->open_stream(handler, {});
  http::RequestHead head = head_of(kPost);
  head.body = http::BodyLength::unknown();
  stream.send_request_head(head);
  TestPeer* peer = net_.accept(listening_);
  ASSERT_NE(peer, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return !peer->received.empty(); }));
  peer->reading = false;
  const std::string piece(64 * 1024, 'x');
  size_t pieces = 0;
  ASSERT_TRUE(net_.run_until([&] {
    if (handler.blocked == 0) {
      stream.send_request_body(piece);
      ++pieces;
    }
    return handler.blocked > 0;
  }));
  EXPECT_EQ(handler.unblocked, 0);
  peer->reading = true;
  ASSERT_TRUE(net_.run_until([&] { return handler.unblocked == 1; }));
  EXPECT_EQ(handler.blocked, 1);
  stream.end_request({});
  ASSERT_TRUE(net_.run_until([&] { return peer->received.ends_with("0\r\n\r\n"); }));
  EXPECT_GT(peer->received.size(), pieces * piece.size());
}

TEST_F(Http1PoolTest, ClosesTheConnectionOfACancelledExchange) {
  enum class When { kAtOnce, kWaiting, kInHead, kInBody };
  for (const When when : {When::kAtOnce, When::kWaiting, When::kInHead, When::kInBody}) {
    SCOPED_TRACE(static_cast<int>(when));
    RecordingHandler handler;
    if (when == When::kAtOnce) {
      http::UpstreamStream& stream = pool_->open_stream(handler, {});
      send_request(stream);
      stream.cancel();
      net_.settle();
      if (TestPeer* peer = net_.accept(listening_)) peer->close();
    } else {
      TestPeer* peer = request_on_new_connection(handler);
      ASSERT_NE(peer, nullptr);
      bool cancelled = false;
      const auto cancel = [&] {
        if (!std::exchange(cancelled, true)) stream_->cancel();
      };
      if (when == When::kWaiting) cancel();
      if (when == When::kInHead) handler.at_head = cancel;
      if (when == When::kInBody) handler.at_body = cancel;
      peer->send(kOk);
      ASSERT_TRUE(net_.run_until([&] { return peer->ended || peer->broken; }));
      EXPECT_TRUE(cancelled);
    }
    EXPECT_FALSE(handler.is_over());
    EXPECT_EQ(net_.metrics.upstream_sockets.open.value(), 0);
  }
}

TEST_F(Http1PoolTest, KeepsTheConnectionsThatBecameIdleLastUpToTheLimit) {
  options_.idle_connections_max = 2;
  make_pool();
  std::vector<RecordingHandler> handlers(3);
  std::vector<TestPeer*> peers;
  for (RecordingHandler& handler : handlers)
    peers.push_back(request_on_new_connection(handler));
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_NE(peers[i], nullptr);
    peers[i]->take();
    peers[i]->send(kOk);
    ASSERT_TRUE(run_until_over(handlers[i]));
  }
  ASSERT_TRUE(net_.run_until([&] { return peers[2]->ended || peers[2]->broken; }));
  EXPECT_EQ(net_.metrics.upstream_sockets.open.value(), 2);
  RecordingHandler next;
  send_request(pool_->open_stream(next, {}));
  ASSERT_TRUE(net_.run_until([&] { return !peers[1]->received.empty(); }));
  EXPECT_TRUE(peers[0]->received.empty());
}

TEST_F(Http1PoolTest, ClosesAConnectionThatIsIdleForTooLong) {
  options_.idle_timeout = 10ms;
  make_pool();
  TestPeer* peer = idle_connection();
  ASSERT_NE(peer, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return peer->ended; }));
  EXPECT_EQ(net_.metrics.upstream_sockets.open.value(), 0);
}

TEST_F(Http1PoolTest, DrainsByClosingWhatIsIdleAndTheRestWhenItBecomesSo) {
  TestPeer* idle = idle_connection();
  ASSERT_NE(idle, nullptr);
  RecordingHandler handler;
  send_request(pool_->open_stream(handler, {}));
  TestPeer* active = idle;
  RecordingHandler other;
  TestPeer* fresh = request_on_new_connection(other);
  ASSERT_NE(fresh, nullptr);
  fresh->send(kOk);
  ASSERT_TRUE(run_until_over(other));
  pool_->drain();
  ASSERT_TRUE(net_.run_until([&] { return fresh->ended; }));
  EXPECT_FALSE(active->ended);
  active->send(kOk);
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_TRUE(handler.ended);
  ASSERT_TRUE(net_.run_until([&] { return active->ended; }));
}

TEST_F(Http1PoolTest, MayBeDestroyedWithExchangesUnderWay) {
  RecordingHandler waiting;
  RecordingHandler connecting;
  TestPeer* peer = request_on_new_connection(waiting);
  ASSERT_NE(peer, nullptr);
  send_request(pool_->open_stream(connecting, {}));
  pool_.reset();
  ASSERT_TRUE(net_.run_until([&] { return peer->ended || peer->broken; }));
  EXPECT_FALSE(waiting.is_over());
  EXPECT_FALSE(connecting.is_over());
}

}  // namespace
}  // namespace httpteleport::upstream
