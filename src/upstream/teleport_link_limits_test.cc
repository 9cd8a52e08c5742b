#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/error_status.h"
#include "support/content.h"
#include "teleport/v0/frame_reader.h"
#include "upstream/teleport_link.h"
#include "upstream/test_teleport_link.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;
using test::link_frame;

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

// Some kilobytes of flate that hold megabytes of answers nobody waits for, and one that is awaited.
TEST_F(TeleportLinkTest, ReadsInStepsWhatFewBytesHold) {
  constexpr size_t kLateAnswers = 50'000;
  RecordingHandler handler;
  request(handler);
  far_ = net_.accept(listening_);
  ASSERT_NE(far_, nullptr);
  std::string answers;
  for (size_t i = 0; i < kLateAnswers; ++i)
    answers += link_frame(99'999, answer("late"));
  answers += link_frame(1, answer("awaited"));
  far_->send(test::link_handshake(test::LinkCoding::kFlate) +
             test::pack(test::LinkCoding::kFlate, answers));
  constexpr uint64_t kTurnBytesMax =
      2 * (teleport::v0::FrameReader::kPlainBytesPerStep + 64 * 1024);
  uint64_t before = 0;
  ASSERT_TRUE(net_.run_until([&] {
    const uint64_t now = net_.metrics.link.raw_received.value();
    EXPECT_LE(now - before, kTurnBytesMax);
    before = now;
    return handler.is_over();
  }));
  EXPECT_EQ(handler.body, "awaited");
  EXPECT_EQ(net_.metrics.link.late_answers.value(), kLateAnswers);
  EXPECT_EQ(net_.metrics.link.raw_received.value(), answers.size());
}

TEST_F(TeleportLinkTest, GivesUpAPeerThatIsSilent) {
  options_.idle_timeout = options_.silence_timeout = 10ms;
  make_link();
  RecordingHandler handler;
  request(handler);
  ASSERT_TRUE(accept_link());
  wait_for_requests(1);
  ASSERT_TRUE(run_until_over(handler));
  EXPECT_EQ(handler.failure_code(), Code::kConnectionLost);
  ASSERT_TRUE(net_.run_until([&] { return far_->ended || far_->broken; }));
}

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

}  // namespace
}  // namespace httpteleport::upstream
