#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "http/error_status.h"
#include "support/socket.h"
#include "upstream/teleport_link.h"
#include "upstream/test_teleport_link.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;
using test::link_frame;
using testing::ElementsAre;

TEST_F(TeleportLinkTest, TellsEachRequestHowFarItWasWhenTheLinkDies) {
  enum class End { kFin, kRst, kGarbage };
  for (const End end : {End::kFin, End::kRst, End::kGarbage}) {
    SCOPED_TRACE(static_cast<int>(end));
    make_link();
    RecordingHandler answering;
    RecordingHandler begun;
    RecordingHandler unfinished;
    request(answering);
    request(begun);
    http::UpstreamStream& stream = link_->open_stream(unfinished);
    const TestRequest post{.method = "POST", .body = "body"};
    stream.send_request_head(head_of(post));
    ASSERT_TRUE(accept_link());
    wait_for_requests(2);
    far_->send(link_frame(1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"));
    ASSERT_TRUE(net_.run_until([&] { return answering.body == "half"; }));
    if (end == End::kFin) far_->finish();
    if (end == End::kRst) far_->reset();
    if (end == End::kGarbage) far_->send("567890 and then no frame\r\n\r\n");
    ASSERT_TRUE(run_until_over(begun));
    ASSERT_TRUE(run_until_over(unfinished));
    // What a broken answer cost is not asked for again.
    EXPECT_EQ(begun.failure_code(),
              end == End::kGarbage ? Code::kMalformed : Code::kConnectionLost);
    EXPECT_EQ(unfinished.failure_code(), Code::kNotSent);
    if (end == End::kGarbage) {
      EXPECT_TRUE(answering.ended);
    } else {
      EXPECT_EQ(answering.failure_code(), Code::kTruncated);
    }
    for (const RecordingHandler* handler : {&begun, &unfinished})
      EXPECT_EQ(handler->failure->source, Source::kUpstream);
    EXPECT_EQ(link_->pending(), 0u);
    EXPECT_EQ(net_.metrics.link.open.value(), 0);
  }
}

TEST_F(TeleportLinkTest, SaysNotSentForWhatWaitsForItsBatch) {
  options_.batch_delay = 1h;
  make_link();
  RecordingHandler handler;
  request(handler, {.method = "POST", .body = "x"});
  ASSERT_TRUE(accept_link());
  net_.settle();
  EXPECT_EQ(far_->received, "");
  far_->finish();
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.failure_code(), Code::kNotSent);
}

TEST_F(TeleportLinkTest, LetsHandlersAskAgainFromInsideTheirFailure) {
  RecordingHandler first;
  RecordingHandler second;
  first.at_end = [&] { request(second, {.target = "/again"}); };
  request(first);
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  far_->finish();
  ASSERT_TRUE(run_until_over(first));
  EXPECT_EQ(first.failure_code(), Code::kConnectionLost);
  ASSERT_TRUE(accept_link());
  EXPECT_THAT(wait_for_requests(1), ElementsAre(std::pair(2u, std::string("/again"))));
  far_->send(link_frame(2, answer("again")));
  ASSERT_TRUE(run_until_over(second));
  EXPECT_EQ(second.body, "again");
}

TEST_F(TeleportLinkTest, FailsWhatWaitsWhenTheConnectionIsRefused) {
  addresses_ = {net::loopback(test::dead_address().port)};
  RecordingHandler handlers[3];
  for (RecordingHandler& handler : handlers) {
    request(handler, {.method = "POST", .body = "x"});
    EXPECT_FALSE(handler.is_over()) << "reported inside open_stream()";
  }
  ASSERT_TRUE(run_until_over(handlers[2]));
  for (const RecordingHandler& handler : handlers)
    EXPECT_EQ(handler.failure_code(), Code::kConnectFailed);
  EXPECT_EQ(net_.metrics.connect_errors.value(), 1u);
}

TEST_F(TeleportLinkTest, TriesTheNextAddressAfterAFailure) {
  addresses_.insert(addresses_.begin(), net::loopback(test::dead_address().port));
  RecordingHandler first;
  request(first);
  ASSERT_TRUE(run_until_over(first));
  EXPECT_EQ(first.failure_code(), Code::kConnectFailed);
  RecordingHandler second;
  request(second);
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  far_->send(link_frame(2, answer("ok")));
  ASSERT_TRUE(run_until_over(second));
  EXPECT_EQ(second.body, "ok");
}

TEST_F(TeleportLinkTest, WaitsLongerBeforeEachReconnectUpToTheLimit) {
  addresses_ = {net::loopback(test::dead_address().port)};
  options_.reconnect_delay_min = 8ms;
  options_.reconnect_delay_max = 30ms;
  make_link();
  RecordingHandler handlers[5];
  request(handlers[0]);
  ASSERT_TRUE(run_until_over(handlers[0]));
  // A quarter less at the most, by the jitter.
  const Duration expected[] = {6ms, 12ms, 22ms, 22ms};
  for (int i = 1; i < 5; ++i) {
    const TimePoint before = net_.loop.now();
    request(handlers[i]);
    ASSERT_TRUE(run_until_over(handlers[i]));
    EXPECT_GE(net_.loop.now() - before, expected[i - 1]) << i;
  }
  EXPECT_EQ(net_.metrics.connect_errors.value(), 5u);
}

TEST_F(TeleportLinkTest, ReconnectsAfterALinkThatWorked) {
  for (uint32_t id = 1; id <= 3; ++id) {
    RecordingHandler handler;
    request(handler);
    ASSERT_TRUE(accept_link());
    EXPECT_THAT(wait_for_requests(1), ElementsAre(std::pair(id, std::string("/"))));
    far_->send(link_frame(id, answer("ok")));
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_TRUE(handler.ended);
    far_->finish();
    ASSERT_TRUE(net_.run_until([&] { return net_.metrics.link.open.value() == 0; }));
  }
  EXPECT_EQ(net_.metrics.connects.value(), 3u);
}

TEST_F(TeleportLinkTest, RefusesWhatAV0FarEndMustNotSend) {
  for (const std::string_view message : {"HTTP/1.1 200 OK\r\n\r\nno length", "nonsense\r\n\r\n"}) {
    SCOPED_TRACE(message);
    make_link();
    RecordingHandler handler;
    request(handler);
    ASSERT_TRUE(accept_link());
    wait_for_requests(1);
    far_->send(link_frame(1, message));
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_EQ(handler.failure_code(), Code::kMalformed);
    ASSERT_TRUE(net_.run_until([&] { return far_->ended || far_->broken; }));
  }
}

// A Go far end reads no body of GET and HEAD: it would take it for the next frames.
TEST_F(TeleportLinkTest, RefusesABodyThatTheFarEndWouldReadAsFrames) {
  make_link();
  RecordingHandler get;
  RecordingHandler head;
  RecordingHandler post;
  request(get, {.method = "GET", .body = "\7\0\0\0GET /smuggled HTTP/1.1\r\n\r\n"});
  request(head, {.method = "HEAD", .body = "x"});
  request(post, {.method = "POST", .body = "x"});
  ASSERT_TRUE(accept_link());
  ASSERT_TRUE(run_until_over(get));
  ASSERT_TRUE(run_until_over(head));
  EXPECT_EQ(http::status_of(*get.failure), 501);
  EXPECT_EQ(http::status_of(*head.failure), 501);
  wait_for_requests(1);
  net_.settle();
  EXPECT_EQ(far_->received,
            link_frame(3, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"));
}

// A Go far end takes a form of known length apart as it reads it, and a bad form costs it the link.
TEST_F(TeleportLinkTest, SendsFormsInChunks) {
  make_link();
  RecordingHandler form;
  request(form, {.method = "POST",
                 .body = "no form at all",
                 .content_type = "Multipart/Form-Data; boundary=x"});
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  EXPECT_EQ(far_->received,
            link_frame(1,
                       "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: Multipart/Form-Data; "
                       "boundary=x\r\nTransfer-Encoding: chunked\r\n\r\ne\r\nno form at "
                       "all\r\n0\r\n\r\n"));
}

// A legacy far end passes on what its endpoint says, sense or not.
TEST_F(TeleportLinkTest, FailsOneRequestAloneOverAnAnswerItCannotPassOn) {
  make_link();
  for (const std::string_view message : {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
                                         "HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\nhi"}) {
    SCOPED_TRACE(message);
    RecordingHandler broken;
    RecordingHandler innocent;
    request(broken);
    request(innocent);
    if (far_ == nullptr) {
      ASSERT_TRUE(accept_link());
    }
    const auto requests = wait_for_requests(2);
    ASSERT_EQ(requests.size(), 2u);
    far_->send(link_frame(requests[0].first, message) +
               link_frame(requests[1].first, answer("ok")));
    ASSERT_TRUE(run_until_over(broken));
    ASSERT_TRUE(run_until_over(innocent));
    EXPECT_EQ(broken.failure_code(), Code::kMalformed);
    EXPECT_EQ(innocent.body, "ok");
    far_->received.clear();
  }
}

// A legacy far end's own error texts go out whole, also in answer to HEAD.
TEST_F(TeleportLinkTest, ReadsPastTheBodyOfAnErrorAnswerToHead) {
  for (const std::string_view text : {"", "http proxying error: timeout"}) {
    SCOPED_TRACE(text);
    far_ = nullptr;
    make_link();
    RecordingHandler head;
    RecordingHandler next;
    request(head, {.method = "HEAD"});
    request(next);
    ASSERT_TRUE(accept_link());
    wait_for_requests(2);
    const std::string answer_to_head =
        "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 28\r\n\r\n" + std::string(text);
    for (const char byte : link_frame(1, answer_to_head) + link_frame(2, answer("ok")))
      far_->send(std::string(1, byte));
    ASSERT_TRUE(run_until_over(next));
    EXPECT_EQ(head.status, 504);
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(next.body, "ok");
  }
}

}  // namespace
}  // namespace httpteleport::upstream
