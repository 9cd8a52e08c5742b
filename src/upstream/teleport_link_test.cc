#include "upstream/teleport_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/content.h"
#include "upstream/test_teleport_link.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using test::link_frame;
using test::link_handshake;
using test::LinkCoding;
using testing::ElementsAre;

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
    send_request(links.open_stream(handler, {}));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(accept_link());
    EXPECT_EQ(wait_for_requests(3).size(), 3u);
  }
}

TEST_F(TeleportLinkTest, LearnsTheVersionOfAPeerAsSoonAsThereIsAnAddress) {
  options_.versions = {.v0 = true, .v2 = true};
  const std::vector<net::Address> found = std::exchange(addresses_, {});
  TeleportLinks links({net_.loop, net_.metrics, addresses_}, options_);
  links.learn_version();
  addresses_ = found;
  links.on_addresses_changed();
  far_ = net_.accept(listening_);
  ASSERT_NE(far_, nullptr);
  ASSERT_TRUE(net_.run_until([&] { return far_->received.size() >= test::kLinkHandshakeBytes; }));
  EXPECT_EQ(far_->received[12], 2) << "the version";
}

TEST_F(TeleportLinkTest, ConnectsWithTheFirstRequestUnlessTheVersionIsToBeLearntBefore) {
  options_.versions = {.v0 = true, .v2 = true};
  const TeleportLinks links({net_.loop, net_.metrics, addresses_}, options_);
  net_.loop.run_once(Duration::zero());
  EXPECT_TRUE(links.is_idle());
  EXPECT_EQ(net_.metrics.connects.value(), 0u);
}

TEST_F(TeleportLinkTest, BeginsWithAProxyHeaderThatNamesNobody) {
  for (const auto version : {net::ProxyVersion::kV1, net::ProxyVersion::kV2}) {
    options_.proxy_header = version;
    make_link();
    RecordingHandler handler;
    request(handler);
    far_ = net_.accept(listening_);
    ASSERT_NE(far_, nullptr);
    const std::string header = net::encode_proxy_header({.version = version});
    ASSERT_TRUE(net_.run_until(
        [&] { return far_->received.size() >= header.size() + test::kLinkHandshakeBytes; }));
    EXPECT_EQ(far_->received, header + link_handshake(LinkCoding::kNone));
    link_.reset();
  }
}

}  // namespace
}  // namespace httpteleport::upstream
