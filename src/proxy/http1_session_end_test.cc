#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proxy/http1_session.h"
#include "proxy/test_http1_session.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using testing::StartsWith;

// ---- Clients that go away.

TEST_F(Http1SessionTest, CancelsTheExchangeOfAClientThatIsGone) {
  enum class When { kInBody, kWaiting, kInAnswer };
  for (const When when : {When::kInBody, When::kWaiting, When::kInAnswer}) {
    for (const bool rst : {false, true}) {
      SCOPED_TRACE(static_cast<int>(when) * 10 + rst);
      TestPeer& client = connect();
      client.send(when == When::kInBody
                      ? "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf"
                      : kGet);
      const size_t before = handlers_.exchanges.size();
      ASSERT_TRUE(sessions_.wait_for_exchanges(before + 1));
      TestExchange& exchange = handlers_.last();
      if (when == When::kInAnswer) {
        exchange.send_head(200, http::BodyLength::unknown());
        exchange.send_body("half");
        ASSERT_TRUE(sessions_.run_until([&] { return !client.received.empty(); }));
      }
      if (rst) {
        client.reset();
      } else {
        client.close();
      }
      ASSERT_TRUE(sessions_.run_until([&] { return exchange.gone.has_value(); }));
      EXPECT_EQ(exchange.gone->source, Source::kDownstream);
      EXPECT_TRUE(sessions_.wait_session_gone());
      EXPECT_TRUE(exchange.destroyed);
    }
  }
}

TEST_F(Http1SessionTest, ForgetsAClientThatLeavesBetweenRequests) {
  answer_everything();
  for (const std::string_view half : {"", "GET / HT"}) {
    for (const bool rst : {false, true}) {
      TestPeer& client = connect();
      client.send(kGet);
      EXPECT_EQ(wait_for_answer(client).status, 200);
      client.send(half);
      sessions_.net.settle();
      if (rst) {
        client.reset();
      } else {
        client.finish();
      }
      EXPECT_TRUE(sessions_.wait_session_gone());
    }
  }
  EXPECT_EQ(handlers_.exchanges.size(), 4u);
}

// ---- Deadlines.

TEST_F(Http1SessionTest, ClosesAnIdleConnectionWithoutAWord) {
  options_.keep_alive_timeout = 10ms;
  answer_everything();
  TestPeer& fresh = connect();
  ASSERT_TRUE(wait_closed(fresh));
  EXPECT_EQ(fresh.received, "");
  TestPeer& used = connect();
  used.send(kGet);
  EXPECT_EQ(wait_for_answer(used).status, 200);
  ASSERT_TRUE(wait_closed(used));
  EXPECT_EQ(used.received, "");
  EXPECT_TRUE(sessions_.wait_session_gone());
}

TEST_F(Http1SessionTest, SaysRequestTimeoutWhenAHeadDoesNotComeInTime) {
  options_.head_timeout = 30ms;
  TestPeer& client = connect();
  const TimePoint start = sessions_.net.loop.now();
  client.send("GET / HTTP/1.1\r\nHost:");
  // Bytes that dribble in do not push the deadline away.
  bool answered = false;
  ASSERT_TRUE(sessions_.run_until([&] {
    if (!client.broken) client.send("x");
    answered = client.received.find("\r\n\r\n") != std::string::npos;
    return answered;
  }));
  EXPECT_GE(sessions_.net.loop.now() - start, Duration(30ms));
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 408 "));
  ASSERT_TRUE(wait_closed(client));
  EXPECT_EQ(failures(Code::kTimeout), 1u);
}

TEST_F(Http1SessionTest, AnswersHeadsThatAreRefusedWithoutABodyOnlyIfTheyAreOfHead) {
  options_.head_timeout = 30ms;
  answer_everything();
  const std::string bad_field = " / HTTP/1.1\r\nHost: h\r\nA B: c\r\n\r\n";
  const std::string unfinished = " / HTTP/1.1\r\nHost: h";
  const std::string after_head = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const std::string& rest : {bad_field, unfinished}) {
    for (const char* method : {"GET", "HEAD"}) {
      TestPeer& client = connect();
      client.send(after_head);
      ASSERT_TRUE(sessions_.run_until([&] { return client.received.ends_with("\r\n\r\n"); }));
      client.received.clear();
      client.send(method + rest);
      ASSERT_TRUE(wait_closed(client));
      EXPECT_THAT(client.received, StartsWith("HTTP/1.1 40"));
      EXPECT_EQ(client.received.ends_with("\r\n\r\n"), method == std::string("HEAD"))
          << client.received;
    }
  }
}

TEST_F(Http1SessionTest, SaysRequestTimeoutWhenABodyStops) {
  options_.body_idle_timeout = 20ms;
  TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  const Answer answer = wait_for_answer(client);
  EXPECT_EQ(answer.status, 408);
  ASSERT_TRUE(handlers_.last().gone);
  EXPECT_EQ(handlers_.last().gone->code, Code::kTimeout);
  ASSERT_TRUE(wait_closed(client));
}

TEST_F(Http1SessionTest, DoesNotBlameAClientThatIsPausedForItsSlowBody) {
  options_.body_idle_timeout = 10ms;
  handlers_.at_body = [](TestExchange& exchange) {
    if (exchange.body == "half") exchange.downstream->pause_request();
  };
  TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nhalf");
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  const TimePoint start = sessions_.net.loop.now();
  ASSERT_TRUE(sessions_.run_until([&] { return sessions_.net.loop.now() - start > 50ms; }));
  EXPECT_FALSE(handlers_.last().gone);
  client.send("half");
  handlers_.last().downstream->resume_request();
  ASSERT_TRUE(sessions_.run_until([&] { return handlers_.last().ended; }));
}

TEST_F(Http1SessionTest, DropsAClientThatTakesNothingOfItsAnswer) {
  options_.write_idle_timeout = 20ms;
  TestPeer& client = connect(64 * 1024);
  client.reading = false;
  client.send(kGet);
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  exchange.send_head(200, http::BodyLength::known(4'000'000));
  exchange.send_body(std::string(4'000'000, 'x'));
  EXPECT_EQ(exchange.blocked, 1);
  ASSERT_TRUE(sessions_.run_until([&] { return exchange.gone.has_value(); }));
  EXPECT_EQ(exchange.gone->code, Code::kTimeout);
  client.reading = true;
  ASSERT_TRUE(wait_closed(client));
  EXPECT_TRUE(client.broken) << "a FIN would make the answer look complete";
  EXPECT_TRUE(sessions_.wait_session_gone());
}

TEST_F(Http1SessionTest, DropsAClientThatTakesNothingOfAnAnswerThatIsComplete) {
  options_.write_idle_timeout = 20ms;
  handlers_.at_end = [](TestExchange& exchange) { exchange.reply(std::string(4'000'000, 'x')); };
  TestPeer& client = connect(64 * 1024);
  client.reading = false;
  client.send(kGet);
  EXPECT_TRUE(sessions_.wait_for_exchanges(1));
  EXPECT_TRUE(sessions_.wait_session_gone());
  client.reading = true;
  ASSERT_TRUE(wait_closed(client));
  EXPECT_TRUE(client.broken);
}

// ---- The end.

TEST_F(Http1SessionTest, DrainsByClosingWhatIsIdleAndSayingCloseOnTheRest) {
  answer_everything();
  TestPeer& idle = connect();
  idle.send(kGet);
  EXPECT_EQ(wait_for_answer(idle).status, 200);
  handlers_.at_end = nullptr;
  TestPeer& busy = connect();
  busy.send(std::string(kGet) + std::string(kGet));
  ASSERT_TRUE(sessions_.wait_for_exchanges(2));
  sessions_.context.draining = true;
  sessions_.context.sessions.for_each([](Session& session) { session.drain(); });
  ASSERT_TRUE(wait_closed(idle));
  EXPECT_FALSE(busy.ended);
  handlers_.last().reply("last");
  const Answer answer = wait_for_answer(busy);
  EXPECT_EQ(answer.body, "last");
  EXPECT_FALSE(answer.head.keep_alive());
  ASSERT_TRUE(wait_closed(busy));
  EXPECT_FALSE(busy.broken);
  EXPECT_EQ(handlers_.exchanges.size(), 2u);
}

TEST_F(Http1SessionTest, DrainsByTakingOneMoreRequestWhereAnAnswerHasPromisedIt) {
  // In the second case the request is there before the answer has ended.
  for (const bool pipelined : {false, true}) {
    SCOPED_TRACE(pipelined);
    handlers_.at_end = nullptr;
    TestPeer& client = connect();
    client.send(pipelined ? std::string(kGet) + std::string(kGet) : std::string(kGet));
    const size_t before = handlers_.exchanges.size();
    ASSERT_TRUE(sessions_.wait_for_exchanges(before + 1));
    TestExchange& exchange = handlers_.last();
    exchange.send_head(200, http::BodyLength::known(8));
    exchange.send_body("half");
    ASSERT_TRUE(sessions_.run_until([&] { return client.received.ends_with("half"); }));
    answer_everything();
    sessions_.context.draining = true;
    sessions_.context.sessions.for_each([](Session& session) { session.drain(); });
    exchange.send_body("half");
    exchange.end();
    const Answer first = wait_for_answer(client);
    EXPECT_TRUE(first.head.keep_alive());
    EXPECT_EQ(first.body, "halfhalf");
    if (!pipelined) client.send(kGet);
    const Answer second = wait_for_answer(client);
    EXPECT_EQ(second.body, "to /");
    EXPECT_FALSE(second.head.keep_alive());
    ASSERT_TRUE(wait_closed(client));
    EXPECT_FALSE(client.broken);
    sessions_.context.draining = false;
  }
}

TEST_F(Http1SessionTest, DrainsWithoutCuttingOffTheLastAnswer) {
  // Some bytes below the watermark, and many over it, with a pipelined request behind.
  for (const size_t bytes : {size_t{200'000}, size_t{4'000'000}}) {
    SCOPED_TRACE(bytes);
    const std::string large(bytes, 'x');
    handlers_.at_end = [&](TestExchange& exchange) { exchange.reply(large); };
    TestPeer& client = connect(16 * 1024);
    client.reading = false;
    client.send(bytes > 1'000'000 ? std::string(kGet) + std::string(kGet) : std::string(kGet));
    const size_t before = handlers_.exchanges.size();
    ASSERT_TRUE(sessions_.wait_for_exchanges(before + 1));
    sessions_.net.settle();
    sessions_.context.draining = true;
    sessions_.context.sessions.for_each([](Session& session) { session.drain(); });
    sessions_.net.settle();
    client.reading = true;
    const Answer answer = wait_for_answer(client);
    EXPECT_EQ(answer.body.size(), large.size());
    ASSERT_TRUE(wait_closed(client));
    EXPECT_FALSE(client.broken);
    // The answer in front had been promised to be followed by one.
    EXPECT_EQ(handlers_.exchanges.size(), before + (bytes > 1'000'000 ? 2 : 1));
    client.close();
    sessions_.context.draining = false;
  }
  EXPECT_TRUE(sessions_.wait_session_gone());
}

TEST_F(Http1SessionTest, DropsAStreamingClientThatEndsItsRequestAndTakesNoAnswer) {
  options_.write_idle_timeout = 20ms;
  TestPeer& client = connect(64 * 1024);
  client.reading = false;
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nhalf");
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  exchange.send_head(200, http::BodyLength::unknown());
  exchange.send_body(std::string(4'000'000, 'x'));
  EXPECT_EQ(exchange.blocked, 1);
  client.send("half");
  ASSERT_TRUE(sessions_.run_until([&] { return exchange.ended; }));
  ASSERT_TRUE(sessions_.run_until([&] { return exchange.gone.has_value(); }));
  EXPECT_EQ(exchange.gone->code, Code::kTimeout);
}

TEST_F(Http1SessionTest, AbortsAtOnce) {
  TestPeer& client = connect();
  client.send(kGet);
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  sessions_.context.sessions.front().abort();
  EXPECT_EQ(handlers_.last().gone->code, Code::kCancelled);
  EXPECT_TRUE(sessions_.wait_session_gone());
  ASSERT_TRUE(wait_closed(client));
}

}  // namespace
}  // namespace httpteleport::proxy
