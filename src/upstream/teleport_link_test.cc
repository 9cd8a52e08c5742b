#include "upstream/teleport_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "http/error_status.h"
#include "net/test_net.h"
#include "support/content.h"
#include "support/independent_codecs.h"
#include "support/socket.h"
#include "upstream/test_upstream.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using test::link_frame;
using test::link_handshake;
using test::LinkCoding;
using testing::ElementsAre;

std::string answer(std::string_view body, std::string_view extra = {}) {
  return "HTTP/1.1 200 OK\r\n" + std::string(extra) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// A link without compression; the test plays the far end.
class TeleportLinkTest : public testing::Test {
 protected:
  TeleportLinkTest() { options_.compression.method = compress::Method::kNone; }
  void SetUp() override { make_link(); }
  void make_link() {
    link_ = std::make_unique<TeleportLink>(TransportContext{net_.loop, net_.metrics, addresses_},
                                           options_);
  }

  http::UpstreamStream& request(RecordingHandler& handler, const TestRequest& what = {}) {
    http::UpstreamStream& stream = link_->open_stream(handler);
    send_request(stream, what);
    return stream;
  }

  // Takes the next connection as the far end, up to and including the handshakes.
  bool accept_link() {
    far_ = net_.accept(listening_);
    if (far_ == nullptr) return false;
    if (!net_.run_until([&] { return far_->received.size() >= test::kLinkHandshakeBytes; }))
      return false;
    EXPECT_EQ(far_->received.substr(0, test::kLinkHandshakeBytes),
              link_handshake(LinkCoding::kNone));
    far_->received.erase(0, test::kLinkHandshakeBytes);
    far_->send(link_handshake(LinkCoding::kNone));
    return true;
  }
  test::LinkFrames requests_at_far_end() {
    test::LinkFrames frames = test::split_requests(far_->received);
    EXPECT_EQ(frames.error, "");
    return frames;
  }
  // The ids and targets of the first `count` requests that the far end has got, when it has them.
  std::vector<std::pair<uint32_t, std::string>> wait_for_requests(size_t count) {
    EXPECT_TRUE(net_.run_until([&] { return requests_at_far_end().frames.size() >= count; }));
    std::vector<std::pair<uint32_t, std::string>> seen;
    for (const test::LinkFrame& frame : requests_at_far_end().frames)
      seen.emplace_back(frame.id, frame.head.target);
    return seen;
  }
  bool run_until_over(const RecordingHandler& handler) {
    return net_.run_until([&] { return handler.is_over(); });
  }
  // A round trip on the link as it is now: whatever was sent before it has been read.
  void expect_usable() {
    RecordingHandler handler;
    far_->take();
    request(handler, {.target = "/usable"});
    ASSERT_EQ(wait_for_requests(1).size(), 1u);
    far_->send(link_frame(requests_at_far_end().frames[0].id, answer("yes")));
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_EQ(handler.body, "yes");
  }

  net::TestNet net_;
  net::Socket listening_ = net::TestNet::listen_socket();
  std::vector<net::Address> addresses_{net::local_address(listening_.fd())};
  TeleportOptions options_;
  std::unique_ptr<TeleportLink> link_;
  TestPeer* far_ = nullptr;
};

// ---- The handshake.

TEST_F(TeleportLinkTest, SendsRequestsOnlyAfterTheFarEndsHandshake) {
  RecordingHandler handler;
  request(handler);
  TestPeer* far = net_.accept(listening_);
  ASSERT_NE(far, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return !far->received.empty(); }));
  net_.settle();
  EXPECT_EQ(far->take(), link_handshake(LinkCoding::kNone));
  for (const char byte : link_handshake(LinkCoding::kNone)) {
    EXPECT_EQ(far->received, "");
    far->send({&byte, 1});
    net_.settle();
  }
  EXPECT_EQ(far->received, link_frame(1, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
}

TEST_F(TeleportLinkTest, ReadsAnswersThatComeTogetherWithTheHandshake) {
  RecordingHandler handler;
  request(handler);
  // Nothing was asked yet, so this answer is nobody's, but it must be read past.
  TestPeer* far = net_.accept(listening_);
  ASSERT_NE(far, nullptr);
  far->send(link_handshake(LinkCoding::kNone) + link_frame(1, answer("early")));
  ASSERT_TRUE(net_.run_until([&] { return far->received.size() > test::kLinkHandshakeBytes; }));
  EXPECT_EQ(net_.metrics.link.late_answers.value(), 1u);
  far->send(link_frame(1, answer("right")));
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.body, "right");
}

TEST_F(TeleportLinkTest, FailsWhatWaitsWhenTheFarEndSpeaksSomethingElse) {
  using namespace std::string_literals;
  for (const std::string& hello :
       {"HTTP/1.1 400 Bad Request\r\n\r\n"s, "h!"s, "httpteleport\1\1\0"s, "httpteleport\0\7\0"s}) {
    SCOPED_TRACE(hello);
    make_link();
    RecordingHandler handler;
    request(handler, {.method = "POST", .body = "x"});
    TestPeer* far = net_.accept(listening_);
    ASSERT_NE(far, nullptr);
    far->send(hello);
    ASSERT_TRUE(run_until_over(handler));
    EXPECT_EQ(handler.failure_code(), Code::kConnectFailed);
    EXPECT_EQ(handler.failure->source, Source::kUpstream);
    ASSERT_TRUE(net_.run_until([&] { return far->ended || far->broken; }));
    EXPECT_EQ(net_.metrics.link.open.value(), 0);
  }
}

TEST_F(TeleportLinkTest, FailsWhatWaitsWhenTheFarEndClosesInsideTheHandshake) {
  RecordingHandler handler;
  request(handler);
  TestPeer* far = net_.accept(listening_);
  ASSERT_NE(far, nullptr);
  far->send("httptele");
  far->finish();
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.failure_code(), Code::kConnectFailed);
}

TEST_F(TeleportLinkTest, FailsWhatWaitsWhenTheHandshakeDoesNotComeInTime) {
  options_.connect_timeout = 20ms;
  make_link();
  RecordingHandler handler;
  request(handler);
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.failure_code(), Code::kConnectFailed);
}

// ---- Requests and answers.

TEST_F(TeleportLinkTest, WritesEachRequestAsOneFrameWithItsLength) {
  RecordingHandler handlers[3];
  request(handlers[0], {.target = "/a", .extra_field = "y"});
  request(handlers[1], {.method = "POST", .target = "/b", .body = "body"});
  request(handlers[2], {.method = "PUT", .target = "/c"});
  ASSERT_TRUE(accept_link());
  wait_for_requests(3);
  EXPECT_EQ(far_->received,
            link_frame(1, "GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n") +
                link_frame(2, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody") +
                link_frame(3, "PUT /c HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
}

TEST_F(TeleportLinkTest, TakesAnswersInAnyOrder) {
  RecordingHandler handlers[4];
  for (RecordingHandler& handler : handlers)
    request(handler);
  ASSERT_TRUE(accept_link());
  wait_for_requests(4);
  std::string order;
  for (int i = 0; i < 4; ++i)
    handlers[i].at_end = [&order, i] { order += std::to_string(i + 1); };
  far_->send(link_frame(3, answer("three")) + link_frame(1, answer("one")) +
             link_frame(4,
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "4\r\nfour\r\n0\r\n\r\n") +
             link_frame(2, answer("two")));
  ASSERT_TRUE(run_until_over(handlers[1]));
  EXPECT_EQ(order, "3142");
  EXPECT_EQ(handlers[0].body, "one");
  EXPECT_EQ(handlers[1].body, "two");
  EXPECT_EQ(handlers[2].body, "three");
  EXPECT_EQ(handlers[3].body, "four");
  EXPECT_EQ(link_->pending(), 0u);
  EXPECT_EQ(net_.metrics.link.messages_sent.value(), 4u);
  EXPECT_EQ(net_.metrics.link.messages_received.value(), 4u);
}

TEST_F(TeleportLinkTest, CarriesLargeMessagesBothWaysAmongSmallOnes) {
  const test::Content upload = test::Content::bytes(3'000'000, 1);
  const test::Content download = test::Content::bytes(3'000'000, 2);
  RecordingHandler large;
  RecordingHandler small;
  request(large, {.method = "POST", .body = upload.to_string()});
  request(small);
  ASSERT_TRUE(accept_link());
  wait_for_requests(2);
  EXPECT_TRUE(upload.matches(0, requests_at_far_end().find(1)->body));
  far_->send(link_frame(1, answer(download.to_string())) + link_frame(2, answer("small")));
  ASSERT_TRUE(run_until_over(small));
  EXPECT_TRUE(download.matches(0, large.body));
  EXPECT_EQ(small.body, "small");
}

TEST_F(TeleportLinkTest, HidesTheZeroLengthThatAFarEndMustGiveToHead) {
  RecordingHandler handlers[2];
  request(handlers[0], {.method = "HEAD"});
  request(handlers[1], {.method = "HEAD"});
  ASSERT_TRUE(accept_link());
  wait_for_requests(2);
  // The second far end tells the length, as HTTP has it.
  far_->send(link_frame(1, answer("")) +
             link_frame(2, "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n"));
  ASSERT_TRUE(run_until_over(handlers[1]));
  EXPECT_TRUE(handlers[0].ended);
  EXPECT_EQ(handlers[0].declared_length, std::nullopt);
  EXPECT_TRUE(handlers[1].ended);
  EXPECT_EQ(handlers[1].declared_length, 77u);
  expect_usable();
}

TEST_F(TeleportLinkTest, DropsTheAnswerOfACancelledRequest) {
  RecordingHandler cancelled;
  RecordingHandler other;
  http::UpstreamStream& stream = request(cancelled);
  request(other);
  ASSERT_TRUE(accept_link());
  wait_for_requests(2);
  stream.cancel();
  EXPECT_EQ(link_->pending(), 1u);
  far_->send(link_frame(1, answer("late")) + link_frame(2, answer("other")));
  ASSERT_TRUE(run_until_over(other));
  EXPECT_EQ(other.body, "other");
  EXPECT_FALSE(cancelled.is_over());
  EXPECT_EQ(cancelled.status, 0);
  EXPECT_EQ(net_.metrics.link.late_answers.value(), 1u);
  expect_usable();
}

TEST_F(TeleportLinkTest, ReadsPastTheBodilessAnswerOfACancelledHead) {
  RecordingHandler cancelled;
  RecordingHandler other;
  http::UpstreamStream& stream = request(cancelled, {.method = "HEAD"});
  request(other);
  ASSERT_TRUE(accept_link());
  wait_for_requests(2);
  stream.cancel();
  far_->send(link_frame(1, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n") +
             link_frame(2, answer("other")));
  ASSERT_TRUE(run_until_over(other));
  EXPECT_EQ(other.body, "other");
  EXPECT_EQ(net_.metrics.link.late_answers.value(), 1u);
  expect_usable();
}

TEST_F(TeleportLinkTest, MayBeCancelledInsideItsOwnEvents) {
  for (const bool in_body : {false, true}) {
    SCOPED_TRACE(in_body);
    RecordingHandler handler;
    http::UpstreamStream& stream = request(handler);
    const auto cancel = [&] { stream.cancel(); };
    (in_body ? handler.at_body : handler.at_head) = cancel;
    if (far_ == nullptr) {
      ASSERT_TRUE(accept_link());
    }
    far_->take();
    ASSERT_TRUE(net_.run_until([&] { return requests_at_far_end().frames.size() == 1; }));
    far_->send(link_frame(requests_at_far_end().frames[0].id, answer("body")));
    ASSERT_TRUE(net_.run_until([&] { return link_->pending() == 0; }));
    EXPECT_FALSE(handler.is_over());
    expect_usable();
  }
}

TEST_F(TeleportLinkTest, DropsAnswersToIdsItHasNotUsed) {
  RecordingHandler handler;
  request(handler);
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  far_->send(link_frame(0, answer("zero")) + link_frame(2, answer("two")) +
             link_frame(65, answer("same slot")) + link_frame(0xffffffff, answer("max")) +
             link_frame(1, answer("one")) + link_frame(1, answer("again")));
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.body, "one");
  ASSERT_TRUE(net_.run_until([&] { return net_.metrics.link.late_answers.value() == 5; }));
  expect_usable();
}

TEST_F(TeleportLinkTest, TakesBackACancelledRequestThatHasNotBegun) {
  RecordingHandler cancelled;
  RecordingHandler other;
  http::UpstreamStream& stream = request(cancelled, {.target = "/cancelled"});
  request(other, {.target = "/other"});
  stream.cancel();
  ASSERT_TRUE(accept_link());
  EXPECT_THAT(wait_for_requests(1), ElementsAre(std::pair(2u, std::string("/other"))));
  // The same while the link is open and the batch has not left.
  far_->take();
  RecordingHandler third;
  request(third, {.target = "/third"}).cancel();
  expect_usable();
  EXPECT_EQ(requests_at_far_end().frames.size(), 1u);
}

// ---- Limits.

TEST_F(TeleportLinkTest, RefusesRequestsOverThePendingLimit) {
  options_.pending_max = 2;
  make_link();
  RecordingHandler handlers[3];
  for (RecordingHandler& handler : handlers)
    request(handler);
  ASSERT_TRUE(run_until_over(handlers[2]));
  EXPECT_EQ(handlers[2].failure_code(), Code::kOverloaded);
  EXPECT_EQ(http::status_of(*handlers[2].failure), 429);
  ASSERT_TRUE(accept_link());
  wait_for_requests(2);
  net_.settle();
  EXPECT_EQ(requests_at_far_end().frames.size(), 2u);
  far_->send(link_frame(1, answer("one")));
  ASSERT_TRUE(run_until_over(handlers[0]));
  expect_usable();
}

TEST_F(TeleportLinkTest, RefusesAHeadThatTheFarEndWouldNotTakeBeforeItIsSent) {
  const std::string exact_head = "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
  options_.request_head_bytes_max = exact_head.size();
  make_link();
  RecordingHandler fits;
  RecordingHandler too_large;
  request(fits, {.extra_field = "y"});
  request(too_large, {.extra_field = "yy"});
  EXPECT_FALSE(too_large.is_over()) << "reported inside end_request()";
  ASSERT_TRUE(accept_link());
  ASSERT_TRUE(run_until_over(too_large));
  EXPECT_EQ(too_large.failure_code(), Code::kHeadTooLarge);
  EXPECT_EQ(http::status_of(*too_large.failure), 431);
  wait_for_requests(1);
  net_.settle();
  EXPECT_EQ(far_->received, link_frame(1, exact_head));
}

TEST_F(TeleportLinkTest, FailsTheOneResponseWhoseHeadIsTooLarge) {
  options_.response_head_bytes_max = 200;
  make_link();
  RecordingHandler large;
  RecordingHandler other;
  request(large);
  request(other);
  ASSERT_TRUE(accept_link());
  wait_for_requests(2);
  far_->send(link_frame(1, answer("large", "X: " + std::string(200, 'x') + "\r\n")) +
             link_frame(2, answer("other")));
  ASSERT_TRUE(run_until_over(other));
  EXPECT_EQ(large.failure_code(), Code::kHeadTooLarge);
  EXPECT_EQ(large.failure->source, Source::kUpstream);
  EXPECT_EQ(other.body, "other");
  expect_usable();
}

TEST_F(TeleportLinkTest, HoldsAPausedResponseWithoutHoldingUpTheOthers) {
  RecordingHandler paused;
  RecordingHandler other;
  http::UpstreamStream& stream = request(paused);
  request(other);
  paused.at_head = [&] { stream.pause_response(); };
  ASSERT_TRUE(accept_link());
  wait_for_requests(2);
  const test::Content content = test::Content::bytes(500'000, 1);
  far_->send(link_frame(1, answer(content.to_string())) + link_frame(2, answer("other")));
  ASSERT_TRUE(run_until_over(other));
  EXPECT_EQ(paused.status, 200);
  EXPECT_EQ(paused.body, "");
  EXPECT_FALSE(paused.is_over());
  // Paused again in the middle of what is held.
  paused.at_body = [&] {
    if (paused.body.size() < 250'000) return;
    stream.pause_response();
    paused.at_body = nullptr;
  };
  stream.resume_response();
  EXPECT_EQ(paused.body, "") << "called back inside resume_response()";
  ASSERT_TRUE(net_.run_until([&] { return paused.body.size() >= 250'000; }));
  net_.settle();
  EXPECT_LT(paused.body.size(), content.size());
  EXPECT_FALSE(paused.is_over());
  stream.resume_response();
  ASSERT_TRUE(run_until_over(paused));
  EXPECT_TRUE(paused.ended);
  EXPECT_TRUE(content.matches(0, paused.body));
}

TEST_F(TeleportLinkTest, DeliversAHeldResponseThatIsWholeAfterTheLinkHasDied) {
  RecordingHandler paused;
  RecordingHandler half;
  http::UpstreamStream& stream = request(paused);
  request(half);
  paused.at_head = [&] { stream.pause_response(); };
  ASSERT_TRUE(accept_link());
  wait_for_requests(2);
  const std::string second = link_frame(2, answer("second"));
  far_->send(link_frame(1, answer("whole")) + second.substr(0, second.size() - 1));
  far_->finish();
  ASSERT_TRUE(run_until_over(half));
  EXPECT_EQ(half.failure_code(), Code::kTruncated);
  EXPECT_FALSE(paused.is_over());
  stream.resume_response();
  ASSERT_TRUE(run_until_over(paused));
  EXPECT_TRUE(paused.ended);
  EXPECT_EQ(paused.body, "whole");
}

TEST_F(TeleportLinkTest, BreaksOffAHeldResponseOverTheLimit) {
  options_.response_bytes_max = 1000;
  make_link();
  RecordingHandler paused;
  RecordingHandler flowing;
  http::UpstreamStream& stream = request(paused);
  request(flowing);
  paused.at_head = [&] { stream.pause_response(); };
  ASSERT_TRUE(accept_link());
  wait_for_requests(2);
  // The limit is for what is held: a response that flows may be of any size.
  far_->send(link_frame(1, answer(std::string(1001, 'x'))) +
             link_frame(2, answer(std::string(100'000, 'y'))));
  ASSERT_TRUE(run_until_over(flowing));
  EXPECT_EQ(paused.failure_code(), Code::kBodyTooLarge);
  EXPECT_EQ(flowing.body.size(), 100'000u);
  expect_usable();
}

// ---- Batches.

TEST_F(TeleportLinkTest, PutsTheRequestsOfOneTurnIntoOneBatch) {
  RecordingHandler warm_up;
  request(warm_up);
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  const uint64_t before = net_.metrics.link.batches_sent.value();
  RecordingHandler handlers[5];
  for (RecordingHandler& handler : handlers)
    request(handler);
  wait_for_requests(6);
  EXPECT_EQ(net_.metrics.link.batches_sent.value(), before + 1);
  EXPECT_EQ(net_.metrics.link.raw_sent.value(), far_->received.size());
}

TEST_F(TeleportLinkTest, LetsRequestsWaitForOthersAsLongAsTheBatchDelay) {
  options_.batch_delay = 50ms;
  make_link();
  RecordingHandler handlers[4];
  const TimePoint start = net_.loop.now();
  request(handlers[0]);
  ASSERT_TRUE(accept_link());
  for (int i = 1; i < 4; ++i) {
    request(handlers[i]);
    net_.loop.run_once(Duration::zero());
  }
  wait_for_requests(4);
  EXPECT_GE(net_.loop.now() - start, Duration(50ms));
  EXPECT_EQ(net_.metrics.link.batches_sent.value(), 1u);
  // A batch that is large enough does not wait.
  options_.batch_delay = 1h;
  make_link();
  RecordingHandler large[2];
  request(large[0], {.method = "POST", .body = std::string(40'000, 'x')});
  ASSERT_TRUE(accept_link());
  net_.settle();
  EXPECT_EQ(far_->received, "");
  request(large[1], {.method = "POST", .body = std::string(40'000, 'x')});
  EXPECT_EQ(wait_for_requests(2).size(), 2u);
}

TEST_F(TeleportLinkTest, StopsEncodingWhileTheFarEndTakesNothing) {
  RecordingHandler warm_up;
  request(warm_up);
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  far_->take();
  far_->reading = false;
  constexpr size_t kBodyBytes = 1'000'000;
  constexpr size_t kCount = 40;
  std::vector<RecordingHandler> handlers(kCount);
  for (RecordingHandler& handler : handlers)
    request(handler, {.method = "POST", .body = std::string(kBodyBytes, 'x')});
  net_.settle();
  const uint64_t encoded = net_.metrics.link.wire_sent.value();
  net_.settle();
  EXPECT_EQ(net_.metrics.link.wire_sent.value(), encoded);
  EXPECT_LT(encoded, kCount * kBodyBytes) << "the far end's kernel took all of it";
  far_->reading = true;
  ASSERT_TRUE(net_.run_until([&] { return far_->received.size() > kCount * kBodyBytes; }));
  ASSERT_EQ(wait_for_requests(kCount).size(), kCount);
}

// ---- Failures of the link.

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

// ---- The end.

TEST_F(TeleportLinkTest, DrainsAfterTheLastAnswer) {
  RecordingHandler handler;
  request(handler);
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  link_->drain();
  net_.settle();
  EXPECT_FALSE(far_->ended);
  far_->send(link_frame(1, answer("last")));
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.body, "last");
  ASSERT_TRUE(net_.run_until([&] { return far_->ended; }));
}

TEST_F(TeleportLinkTest, MayBeDestroyedWithRequestsUnderWay) {
  RecordingHandler handlers[2];
  request(handlers[0]);
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  link_->open_stream(handlers[1]);
  link_.reset();
  ASSERT_TRUE(net_.run_until([&] { return far_->ended || far_->broken; }));
  EXPECT_FALSE(handlers[0].is_over());
  EXPECT_FALSE(handlers[1].is_over());
}

TEST_F(TeleportLinkTest, ClosesALinkThatIsIdle) {
  options_.idle_timeout = 10ms;
  make_link();
  RecordingHandler handler;
  request(handler);
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  far_->send(link_frame(1, answer("ok")));
  ASSERT_TRUE(run_until_over(handler));
  ASSERT_TRUE(net_.run_until([&] { return far_->ended; }));
  RecordingHandler next;
  request(next);
  ASSERT_TRUE(accept_link());
  EXPECT_EQ(wait_for_requests(1).size(), 1u);
}

TEST_F(TeleportLinkTest, SpreadsRequestsOverTheLinksOfAnEndpoint) {
  options_.links = 3;
  TeleportLinks links({net_.loop, net_.metrics, addresses_}, options_);
  std::vector<RecordingHandler> handlers(9);
  for (RecordingHandler& handler : handlers)
    send_request(links.open_stream(handler, false));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(accept_link());
    EXPECT_EQ(wait_for_requests(3).size(), 3u);
  }
}

}  // namespace
}  // namespace httpteleport::upstream
