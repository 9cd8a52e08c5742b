#include "proxy/teleport_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "proxy/link_acceptor.h"
#include "proxy/test_sessions.h"
#include "support/content.h"
#include "support/independent_codecs.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using test::link_frame;
using test::link_handshake;
using test::LinkCoding;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string get(std::string_view target = "/", std::string_view extra = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(extra) + "\r\n";
}
std::string post(std::string_view body, std::string_view target = "/") {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// A session without compression; the test plays the near end of the link.
class TeleportSessionTest : public testing::Test {
 protected:
  TeleportSessionTest() { options_.compression.method = compress::Method::kNone; }

  // A new link, handshakes done.
  TestPeer& connect(int buffer_bytes = 0) {
    near_ = &sessions_.connect<LinkAcceptor>(buffer_bytes);
    near_->send(link_handshake(LinkCoding::kNone));
    EXPECT_TRUE(
        sessions_.run_until([&] { return near_->received.size() >= test::kLinkHandshakeBytes; }));
    EXPECT_EQ(near_->received.substr(0, test::kLinkHandshakeBytes),
              link_handshake(LinkCoding::kNone));
    near_->received.erase(0, test::kLinkHandshakeBytes);
    return *near_;
  }
  test::LinkFrames answers() {
    test::LinkFrames frames =
        test::split_responses(near_->received, [this](uint32_t id) { return heads_.contains(id); });
    EXPECT_EQ(frames.error, "");
    return frames;
  }
  // The answers so far, in their order, once there are `count`.
  std::vector<uint32_t> wait_for_answers(size_t count) {
    EXPECT_TRUE(sessions_.run_until([&] { return answers().frames.size() >= count; }));
    std::vector<uint32_t> ids;
    for (const test::LinkFrame& frame : answers().frames)
      ids.push_back(frame.id);
    return ids;
  }
  void answer_everything() {
    handlers_.at_end = [](TestExchange& exchange) { exchange.reply("to " + exchange.target); };
  }
  // A round trip on the link as it is now.
  void expect_usable() {
    answer_everything();
    near_->take();
    near_->send(link_frame(77777, get("/usable")));
    EXPECT_THAT(wait_for_answers(1), ElementsAre(77777));
    EXPECT_EQ(answers().frames[0].body, "to /usable");
  }
  uint64_t failures(Code code) {
    return sessions_.net.metrics.failures[static_cast<size_t>(code)].value();
  }

  TestSessions sessions_;
  TestHandlers& handlers_ = sessions_.handlers;
  TeleportSessionOptions& options_ = sessions_.teleport_options;
  TestPeer* near_ = nullptr;
  std::map<uint32_t, bool> heads_;  // ids of HEAD requests
};

TEST_F(TeleportSessionTest, SaysNotImplementedToAnUpgradeAlone) {
  connect();
  near_->send(link_frame(5, get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n")));
  EXPECT_THAT(wait_for_answers(1), ElementsAre(5));
  EXPECT_EQ(answers().frames[0].head.status, 501);
  EXPECT_EQ(answers().frames[0].body, "an upgrade (WebSocket) cannot pass over a teleport link\n");
  EXPECT_EQ(failures(Code::kUnsupported), 1u);
  near_->take();
  // What is not taken for an upgrade is served without it.
  answer_everything();
  near_->send(link_frame(6, get("/h2c", "Connection: upgrade\r\nUpgrade: h2c\r\n")));
  EXPECT_THAT(wait_for_answers(1), ElementsAre(6));
  EXPECT_EQ(answers().frames[0].body, "to /h2c");
  EXPECT_THAT(handlers_.last().fields, Not(HasSubstr("h2c")));
  expect_usable();
}

// ---- Requests and answers.

TEST_F(TeleportSessionTest, AnswersInTheOrderInWhichItsHandlersDo) {
  connect();
  near_->send(link_frame(10, get("/ten")) + link_frame(7, post("body", "/seven")) +
              link_frame(0xffffffff, get("/max")));
  ASSERT_TRUE(sessions_.wait_for_exchanges(3));
  auto exchange = handlers_.exchanges.begin();
  TestExchange& ten = *exchange++;
  TestExchange& seven = *exchange++;
  TestExchange& max = *exchange;
  EXPECT_EQ(ten.target, "/ten");
  EXPECT_EQ(ten.client_ip, "");
  EXPECT_EQ(seven.method, "POST");
  EXPECT_EQ(seven.body, "body");
  EXPECT_TRUE(seven.ended);
  max.reply("3");
  EXPECT_THAT(wait_for_answers(1), ElementsAre(0xffffffff));
  ten.reply("1", 404);
  seven.reply("2");
  EXPECT_THAT(wait_for_answers(3), ElementsAre(0xffffffff, 10, 7));
  EXPECT_EQ(answers().find(10)->head.status, 404);
  EXPECT_EQ(answers().find(10)->body, "1");
  EXPECT_EQ(answers().find(7)->body, "2");
  EXPECT_TRUE(ten.destroyed && seven.destroyed && max.destroyed);
}

TEST_F(TeleportSessionTest, WritesEveryAnswerWithALength) {
  connect();
  near_->send(link_frame(1, get()) + link_frame(2, get()) + link_frame(3, get()) +
              link_frame(4, get()));
  ASSERT_TRUE(sessions_.wait_for_exchanges(4));
  auto exchange = handlers_.exchanges.begin();
  exchange->send_head(200, http::BodyLength::unknown(), {{"Date", "now"}, {"A", "b"}});
  exchange->send_body("in ");
  exchange->send_body("pieces");
  exchange->end();
  ++exchange;
  exchange->send_head(103, http::BodyLength::none());  // has no place on the link
  exchange->send_head(200, http::BodyLength::known(0), {{"Date", "now"}});
  exchange->end();
  ++exchange;
  exchange->send_head(204, http::BodyLength::none(), {{"Date", "now"}});
  exchange->end();
  ++exchange;
  exchange->send_head(304, http::BodyLength::none(), {{"Date", "now"}});
  exchange->end();
  const std::string expected =
      link_frame(1, "HTTP/1.1 200 OK\r\nDate: now\r\nA: b\r\nContent-Length: 9\r\n\r\nin pieces") +
      link_frame(2, "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n") +
      link_frame(3, "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n") +
      link_frame(4, "HTTP/1.1 304 Not Modified\r\nDate: now\r\n\r\n");
  ASSERT_TRUE(sessions_.run_until([&] { return near_->received.size() >= expected.size(); }));
  EXPECT_EQ(near_->received, expected);
}

TEST_F(TeleportSessionTest, GivesAnAnswerToHeadTheLengthZero) {
  connect();
  near_->send(link_frame(1, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n") + link_frame(2, get()));
  ASSERT_TRUE(sessions_.wait_for_exchanges(2));
  TestExchange& head = handlers_.exchanges.front();
  head.send_head(200, http::BodyLength::known(1000));
  head.send_body("never sent");
  head.end();
  handlers_.last().reply("next");
  // A legacy near end takes the length for that of a body, so it is read here as one does.
  EXPECT_THAT(wait_for_answers(2), ElementsAre(1, 2));
  EXPECT_EQ(answers().find(1)->head.find("content-length"), "0");
  EXPECT_EQ(answers().find(1)->body, "");
  EXPECT_EQ(answers().find(2)->body, "next");
}

TEST_F(TeleportSessionTest, AnswersHeadWithoutABodyWhenItRefusesIt) {
  options_.request_head_bytes_max = 100;
  connect();
  near_->send(
      link_frame(1, "HEAD / HTTP/1.1\r\nHost: h\r\nX: " + std::string(200, 'x') + "\r\n\r\n"));
  EXPECT_THAT(wait_for_answers(1), ElementsAre(1));
  EXPECT_EQ(answers().frames[0].head.status, 431);
  EXPECT_EQ(answers().frames[0].body, "");
  expect_usable();
}

TEST_F(TeleportSessionTest, SendsNoAnswerToIdZero) {
  answer_everything();
  connect();
  near_->send(link_frame(0, get("/a")) + link_frame(5, get("/b")) + link_frame(0, post("c")));
  EXPECT_THAT(wait_for_answers(1), ElementsAre(5));
  ASSERT_TRUE(sessions_.wait_for_exchanges(3));
  sessions_.net.settle();
  EXPECT_THAT(wait_for_answers(1), ElementsAre(5));
  for (const TestExchange& exchange : handlers_.exchanges)
    EXPECT_TRUE(exchange.ended && exchange.destroyed && !exchange.gone);
  expect_usable();
}

TEST_F(TeleportSessionTest, LeavesExpectOutBecauseTheBodyComesAnyway) {
  answer_everything();
  connect();
  near_->send(link_frame(
      1, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab"));
  EXPECT_THAT(wait_for_answers(1), ElementsAre(1));
  EXPECT_FALSE(handlers_.last().expects_continue);
  EXPECT_THAT(handlers_.last().fields, Not(HasSubstr("Expect")));
  EXPECT_EQ(handlers_.last().body, "ab");
}

TEST_F(TeleportSessionTest, CarriesLargeMessagesAmongSmallOnes) {
  const test::Content upload = test::Content::bytes(3'000'000, 1);
  const test::Content download = test::Content::bytes(3'000'000, 2);
  connect();
  near_->send(link_frame(1, post(upload.to_string())) + link_frame(2, get()));
  ASSERT_TRUE(sessions_.wait_for_exchanges(2));
  EXPECT_TRUE(upload.matches(0, handlers_.exchanges.front().body));
  handlers_.exchanges.front().reply(download.to_string());
  handlers_.last().reply("small");
  EXPECT_THAT(wait_for_answers(2), ElementsAre(1, 2));
  EXPECT_TRUE(download.matches(0, answers().find(1)->body));
}

TEST_F(TeleportSessionTest, AnswersTwoRequestsOfOneIdTwice) {
  answer_everything();
  connect();
  near_->send(link_frame(3, get("/a")) + link_frame(3, get("/b")));
  EXPECT_THAT(wait_for_answers(2), ElementsAre(3, 3));
}

TEST_F(TeleportSessionTest, LetsAnswersWaitForOthersAsLongAsTheBatchDelay) {
  options_.batch_delay = 50ms;
  connect();
  near_->send(link_frame(1, get()) + link_frame(2, get()));
  ASSERT_TRUE(sessions_.wait_for_exchanges(2));
  const TimePoint start = sessions_.net.loop.now();
  handlers_.exchanges.front().reply("1");
  sessions_.net.settle();
  handlers_.last().reply("2");
  EXPECT_THAT(wait_for_answers(2), ElementsAre(1, 2));
  EXPECT_GE(sessions_.net.loop.now() - start, Duration(50ms));
  EXPECT_EQ(sessions_.net.metrics.link.batches_sent.value(), 1u);
}

// ---- Requests that fail alone.

TEST_F(TeleportSessionTest, RefusesOneRequestWithALargeHeadAndReadsOn) {
  answer_everything();
  options_.request_head_bytes_max = 100;
  connect();
  const std::string large =
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX: " + std::string(100, 'x') +
      "\r\n\r\nhello";
  near_->send(link_frame(1, get("/a")) + link_frame(2, large) + link_frame(3, get("/b")));
  wait_for_answers(3);
  EXPECT_EQ(answers().find(1)->body, "to /a");
  EXPECT_EQ(answers().find(2)->head.status, 431);
  EXPECT_EQ(answers().find(3)->body, "to /b");
  EXPECT_EQ(handlers_.exchanges.size(), 2u);
}

TEST_F(TeleportSessionTest, RefusesRequestsOverTheStreamLimitOnly) {
  options_.streams_max = 2;
  connect();
  near_->send(link_frame(1, get("/a")) + link_frame(2, get("/b")) +
              link_frame(3, post(std::string(200'000, 'x'))) + link_frame(0, get("/zero")));
  EXPECT_THAT(wait_for_answers(1), ElementsAre(3));
  EXPECT_EQ(answers().find(3)->head.status, 429);
  EXPECT_EQ(handlers_.exchanges.size(), 2u);
  handlers_.exchanges.front().reply("a");
  EXPECT_THAT(wait_for_answers(2), ElementsAre(3, 1));
  expect_usable();
}

TEST_F(TeleportSessionTest, RefusesABodyThatItWouldHaveToHoldForTooLong) {
  options_.held_request_bytes_max = 1000;
  handlers_.at_head = [](TestExchange& exchange) {
    if (exchange.target == "/slow") exchange.downstream->pause_request();
  };
  handlers_.at_end = [](TestExchange& exchange) { exchange.reply("to " + exchange.target); };
  connect();
  near_->send(link_frame(1, post(std::string(1001, 'x'), "/slow")) +
              link_frame(2, post(std::string(100'000, 'x'), "/fast")) + link_frame(3, get("/c")));
  wait_for_answers(3);
  EXPECT_EQ(answers().find(1)->head.status, 413);
  EXPECT_EQ(answers().find(2)->body, "to /fast");
  EXPECT_EQ(answers().find(3)->body, "to /c");
  EXPECT_EQ(handlers_.exchanges.front().gone->code, Code::kBodyTooLarge);
}

TEST_F(TeleportSessionTest, HoldsABodyForASlowHandlerAndReadsOn) {
  handlers_.at_head = [](TestExchange& exchange) {
    if (exchange.target == "/slow") exchange.downstream->pause_request();
  };
  handlers_.at_end = [](TestExchange& exchange) { exchange.reply("to " + exchange.target); };
  connect();
  const test::Content content = test::Content::bytes(300'000, 1);
  near_->send(link_frame(1, post(content.to_string(), "/slow")) + link_frame(2, get("/b")));
  EXPECT_THAT(wait_for_answers(1), ElementsAre(2));
  TestExchange& slow = handlers_.exchanges.front();
  EXPECT_EQ(slow.body, "");
  // Goes on in parts: the handler is full again in between.
  int resumes = 0;
  handlers_.at_body = [&](TestExchange& exchange) {
    if (resumes < 3) exchange.downstream->pause_request();
  };
  while (!slow.ended && resumes < 3) {
    ++resumes;
    const size_t before = slow.body.size();
    slow.downstream->resume_request();
    EXPECT_EQ(slow.body.size(), before) << "called back inside resume_request()";
    ASSERT_TRUE(sessions_.run_until([&] { return slow.body.size() > before; }));
  }
  ASSERT_TRUE(sessions_.run_until([&] { return slow.ended; }));
  EXPECT_TRUE(content.matches(0, slow.body));
  EXPECT_THAT(wait_for_answers(2), ElementsAre(2, 1));
}

TEST_F(TeleportSessionTest, GoesOnWithTheRequestsThatAreResumedAndWithNoOthers) {
  handlers_.at_head = [](TestExchange& exchange) { exchange.downstream->pause_request(); };
  connect();
  std::string requests;
  for (uint32_t id = 1; id <= 4; ++id)
    requests += link_frame(id, post("body"));
  near_->send(requests);
  ASSERT_TRUE(sessions_.wait_for_exchanges(4));
  sessions_.net.settle();
  std::vector<TestExchange*> slow;
  for (TestExchange& exchange : handlers_.exchanges)
    slow.push_back(&exchange);
  slow[3]->downstream->resume_request();
  slow[0]->downstream->resume_request();
  slow[2]->downstream->resume_request();
  // This one is full again before its turn, and this one is answered.
  slow[0]->downstream->pause_request();
  slow[2]->reply("early");
  ASSERT_TRUE(sessions_.run_until([&] { return slow[3]->ended; }));
  EXPECT_THAT(wait_for_answers(1), ElementsAre(3));
  sessions_.net.settle();
  EXPECT_EQ(slow[3]->body, "body");
  for (const int other : {0, 1, 2})
    EXPECT_EQ(slow[static_cast<size_t>(other)]->body, "") << other;
  slow[0]->downstream->resume_request();
  ASSERT_TRUE(sessions_.run_until([&] { return slow[0]->ended; }));
  EXPECT_EQ(slow[0]->body, "body");
}

TEST_F(TeleportSessionTest, ReplacesAnAnswerThatDoesNotFitOnTheLink) {
  options_.response_bytes_max = 1000;
  options_.response_head_bytes_max = 200;
  connect();
  near_->send(link_frame(1, get()) + link_frame(2, get()) + link_frame(3, get()));
  ASSERT_TRUE(sessions_.wait_for_exchanges(3));
  auto exchange = handlers_.exchanges.begin();
  exchange->send_head(200, http::BodyLength::unknown());
  exchange->send_body(std::string(1001, 'x'));
  EXPECT_EQ(exchange->gone->code, Code::kBodyTooLarge);
  ++exchange;
  exchange->send_head(200, http::BodyLength::known(2), {{"X", std::string(200, 'x')}});
  exchange->send_body("ok");
  exchange->end();
  ++exchange;
  exchange->send_head(200, http::BodyLength::known(10));
  exchange->send_body("half");
  exchange->reset({Code::kTruncated, Source::kUpstream, 0, "broke off"});
  wait_for_answers(3);
  for (uint32_t id = 1; id <= 3; ++id)
    EXPECT_EQ(answers().find(id)->head.status, 502) << id;
  EXPECT_EQ(answers().find(3)->body, "broke off\n");
  expect_usable();
}

// What we say ourselves goes out also when memory is short, and once.
TEST_F(TeleportSessionTest, AnswersThatItIsOverloadedWhenItIs) {
  options_.response_bytes_max = 0;
  handlers_.at_head = [](TestExchange& exchange) {
    send_error_reply(*exchange.downstream, {Code::kOverloaded, Source::kInternal, 0, "too much"});
  };
  connect();
  sessions_.net.loop.pool().set_budget(0);
  near_->send(link_frame(1, get()) + link_frame(2, get()) + link_frame(0, get()));
  wait_for_answers(2);
  for (uint32_t id = 1; id <= 2; ++id) {
    EXPECT_EQ(answers().find(id)->head.status, 503) << id;
    EXPECT_EQ(answers().find(id)->body, "too much\n") << id;
  }
  sessions_.net.loop.pool().set_budget(SIZE_MAX);
  options_.response_bytes_max = 1000;
  handlers_.at_head = nullptr;
  expect_usable();
}

TEST_F(TeleportSessionTest, TakesAnAnswerThatComesBeforeTheEndOfTheRequest) {
  handlers_.at_head = [](TestExchange& exchange) {
    if (exchange.target == "/early") exchange.reply("early", 413);
  };
  connect();
  const std::string large = post(std::string(300'000, 'x'), "/early");
  near_->send(link_frame(1, large.substr(0, 100'000)));
  EXPECT_THAT(wait_for_answers(1), ElementsAre(1));
  near_->send(large.substr(100'000));
  sessions_.net.settle();
  EXPECT_EQ(handlers_.last().body, "");
  expect_usable();
}

TEST_F(TeleportSessionTest, AnswersARequestThatMustBeRefused) {
  answer_everything();
  connect();
  near_->send(link_frame(1, "GET / HTTP/1.1\r\nA: b\r\n\r\n") + link_frame(2, get("/b")));
  wait_for_answers(2);
  EXPECT_EQ(answers().find(1)->head.status, 400);
  EXPECT_EQ(answers().find(2)->body, "to /b");
}

// ---- The end of the link.

TEST_F(TeleportSessionTest, EndsTheLinkOnAFrameThatCannotBeDelimited) {
  for (const std::string& broken :
       {link_frame(2, "not HTTP at all\r\n\r\n"),
        link_frame(2, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        link_frame(2, "GET / HTTP/1.1\r\nX: " + std::string(300 * 1024, 'x'))}) {
    connect();
    const size_t before = handlers_.exchanges.size();
    near_->send(link_frame(1, get()));
    ASSERT_TRUE(sessions_.wait_for_exchanges(before + 1));
    TestExchange& first = handlers_.last();
    near_->send(broken);
    ASSERT_TRUE(sessions_.run_until([&] { return near_->ended || near_->broken; }));
    ASSERT_TRUE(first.gone);
    EXPECT_TRUE(sessions_.wait_session_gone());
    EXPECT_TRUE(first.destroyed);
  }
  EXPECT_EQ(sessions_.net.metrics.link.open.value(), 0);
}

TEST_F(TeleportSessionTest, CancelsEverythingWhenThePeerIsReset) {
  connect();
  near_->send(link_frame(1, get()) + link_frame(2, post("body")).substr(0, 50));
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  near_->reset();
  EXPECT_TRUE(sessions_.wait_session_gone());
  for (const TestExchange& exchange : handlers_.exchanges) {
    ASSERT_TRUE(exchange.gone);
    EXPECT_EQ(exchange.gone->source, Source::kDownstream);
  }
}

TEST_F(TeleportSessionTest, CancelsEverythingWhenThePeerEndsInsideAFrame) {
  connect();
  const std::string frame = link_frame(2, post("body"));
  near_->send(link_frame(1, get()) + frame.substr(0, frame.size() - 1));
  ASSERT_TRUE(sessions_.wait_for_exchanges(2));
  near_->finish();
  EXPECT_TRUE(sessions_.wait_session_gone());
  for (const TestExchange& exchange : handlers_.exchanges)
    EXPECT_TRUE(exchange.gone);
}

TEST_F(TeleportSessionTest, AnswersAPeerThatOnlyStoppedAsking) {
  connect();
  near_->send(link_frame(1, get()) + link_frame(2, get()));
  near_->finish();
  ASSERT_TRUE(sessions_.wait_for_exchanges(2));
  sessions_.net.settle();
  handlers_.last().reply("2");
  EXPECT_THAT(wait_for_answers(1), ElementsAre(2));
  EXPECT_FALSE(near_->ended);
  handlers_.exchanges.front().reply("1");
  EXPECT_THAT(wait_for_answers(2), ElementsAre(2, 1));
  ASSERT_TRUE(sessions_.run_until([&] { return near_->ended; }));
  EXPECT_FALSE(near_->broken);
  EXPECT_TRUE(sessions_.wait_session_gone());
}

// The answers are made, but not all of them have left, when the peer says that it asks no more.
TEST_F(TeleportSessionTest, SendsTheRestOfItsAnswersToAPeerThatOnlyStoppedAsking) {
  for (const size_t body_bytes : {size_t{200'000}, size_t{5'000'000}}) {
    SCOPED_TRACE(body_bytes);
    const std::string body(body_bytes, 'x');
    handlers_.at_end = [&](TestExchange& exchange) { exchange.reply(body); };
    connect(16 * 1024);
    near_->reading = false;
    near_->send(link_frame(1, get()));
    ASSERT_TRUE(sessions_.wait_for_exchanges(1));
    sessions_.net.settle();
    near_->finish();
    sessions_.net.settle();
    near_->reading = true;
    ASSERT_TRUE(sessions_.run_until([&] { return near_->ended || near_->broken; }));
    EXPECT_FALSE(near_->broken);
    ASSERT_EQ(answers().frames.size(), 1u);
    EXPECT_TRUE(answers().frames[0].body == body);
    EXPECT_TRUE(sessions_.wait_session_gone());
  }
}

TEST_F(TeleportSessionTest, ClosesALinkThatIsIdle) {
  options_.idle_timeout = 10ms;
  connect();
  ASSERT_TRUE(sessions_.run_until([&] { return near_->ended; }));
  EXPECT_TRUE(sessions_.wait_session_gone());
}

TEST_F(TeleportSessionTest, IsNotIdleWhileAnAnswerIsAwaited) {
  options_.idle_timeout = 10ms;
  connect();
  near_->send(link_frame(1, get()));
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  const TimePoint start = sessions_.net.loop.now();
  ASSERT_TRUE(sessions_.run_until([&] { return sessions_.net.loop.now() - start > 50ms; }));
  handlers_.last().reply("at last");
  EXPECT_THAT(wait_for_answers(1), ElementsAre(1));
}

TEST_F(TeleportSessionTest, DrainsAfterTheLastAnswer) {
  connect();
  near_->send(link_frame(1, get()));
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  TestPeer& busy = *near_;
  TestPeer& idle = connect();
  sessions_.context.draining = true;
  sessions_.context.sessions.for_each([](Session& session) { session.drain(); });
  ASSERT_TRUE(sessions_.run_until([&] { return idle.ended; }));
  EXPECT_FALSE(busy.ended);
  near_ = &busy;
  handlers_.last().reply("last");
  EXPECT_THAT(wait_for_answers(1), ElementsAre(1));
  ASSERT_TRUE(sessions_.run_until([&] { return busy.ended; }));
}

TEST_F(TeleportSessionTest, AbortsAtOnce) {
  connect();
  near_->send(link_frame(1, get()));
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  sessions_.context.sessions.front().abort();
  EXPECT_EQ(handlers_.last().gone->code, Code::kCancelled);
  EXPECT_TRUE(sessions_.wait_session_gone());
}

TEST_F(TeleportSessionTest, CountsWhatTheLinkCarries) {
  answer_everything();
  connect();
  const std::string requests = link_frame(1, get("/a")) + link_frame(2, get("/b"));
  near_->send(requests);
  wait_for_answers(2);
  const metrics::LinkMetrics& counts = sessions_.net.metrics.link;
  EXPECT_EQ(counts.open.value(), 1);
  EXPECT_EQ(counts.messages_received.value(), 2u);
  EXPECT_EQ(counts.raw_received.value(), requests.size());
  EXPECT_EQ(counts.wire_received.value(), requests.size());
  EXPECT_EQ(counts.messages_sent.value(), 2u);
  EXPECT_EQ(counts.raw_sent.value(), near_->received.size());
  EXPECT_EQ(counts.wire_sent.value(), near_->received.size());
  EXPECT_EQ(sessions_.net.metrics.responses[2].value(), 2u);
}

}  // namespace
}  // namespace httpteleport::proxy
