// Messages on a v2 link, far end. Windows and pauses: teleport_v2_flow_test.cc; the ends of streams
// and links: teleport_v2_end_test.cc.
#include "proxy/teleport_v2_session.h"

#include <gmock/gmock.h>

#include "proxy/test_near_v2.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using teleport::v2::EndCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using TeleportV2SessionTest = V2SessionTest;

// ---- Requests and answers.

TEST_F(TeleportV2SessionTest, AnswersInAnyOrder) {
  connect();
  NearStream& first = near_->get("/first");
  NearStream& second = near_->begin_post("/second", "Content-Length: 4").send("body").end();
  ASSERT_TRUE(wait_for_exchanges(2));
  TestExchange& one = handlers_.exchanges.front();
  TestExchange& two = handlers_.exchanges.back();
  EXPECT_EQ(one.target, "/first");
  EXPECT_EQ(one.client_ip, "");
  EXPECT_TRUE(one.ended);
  EXPECT_EQ(two.method, "POST");
  EXPECT_EQ(two.body, "body");
  EXPECT_TRUE(two.ended);
  two.reply("2");
  ASSERT_TRUE(run_until([&] { return second.ended; }));
  EXPECT_FALSE(first.ended);
  one.reply("1", 404);
  ASSERT_TRUE(run_until([&] { return first.ended; }));
  EXPECT_EQ(first.status(), 404);
  EXPECT_EQ(first.body, "1");
  EXPECT_EQ(second.body, "2");
  EXPECT_TRUE(one.destroyed && two.destroyed);
}

TEST_F(TeleportV2SessionTest, SpeaksWithCompressionAsWithout) {
  using Method = teleport::v2::EncoderOptions::Method;
  answer_everything();
  for (const Method far : {Method::kNone, Method::kZstd}) {
    for (const Method near : {Method::kNone, Method::kZstd}) {
      options_.v2.method = far;
      auto options = NearV2::plain_options();
      options.method = near;
      connect(0, options);
      for (int i = 0; i < 10; ++i)
        expect_usable();
    }
  }
}

TEST_F(TeleportV2SessionTest, PassesTheRequestAsItComes) {
  connect();
  NearStream& stream = near_->begin_post("/", "Transfer-Encoding: chunked");
  ASSERT_TRUE(wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  stream.send("some ");
  ASSERT_TRUE(run_until([&] { return exchange.body == "some "; }));
  stream.send("more");
  ASSERT_TRUE(run_until([&] { return exchange.body == "some more"; }));
  EXPECT_FALSE(exchange.ended);
  stream.end();
  ASSERT_TRUE(run_until([&] { return exchange.ended; }));
}

TEST_F(TeleportV2SessionTest, PassesTheResponseAsItComes) {
  connect();
  NearStream& stream = near_->get("/");
  ASSERT_TRUE(wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  exchange.send_head(200, http::BodyLength::unknown(), {{"Date", "now"}, {"A", "b"}});
  ASSERT_TRUE(run_until([&] { return !stream.heads.empty(); }));
  EXPECT_EQ(stream.heads[0],
            "HTTP/1.1 200 OK\r\nDate: now\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n");
  exchange.send_body("some ");
  ASSERT_TRUE(run_until([&] { return stream.body == "some "; }));
  exchange.send_body("more");
  ASSERT_TRUE(run_until([&] { return stream.body == "some more"; }));
  EXPECT_FALSE(stream.ended);
  exchange.end();
  ASSERT_TRUE(run_until([&] { return stream.ended; }));
}

TEST_F(TeleportV2SessionTest, SaysHowLongAnAnswerIs) {
  connect();
  NearStream& empty = near_->get("/empty");
  NearStream& none = near_->get("/none");
  NearStream& same = near_->get("/same");
  NearStream& head = near_->open().head("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").end();
  ASSERT_TRUE(wait_for_exchanges(4));
  auto exchange = handlers_.exchanges.begin();
  exchange->send_head(200, http::BodyLength::known(0), {{"Date", "now"}});
  exchange->end();
  ++exchange;
  exchange->send_head(204, http::BodyLength::none(), {{"Date", "now"}});
  exchange->end();
  ++exchange;
  exchange->send_head(304, http::BodyLength::known(70), {{"Date", "now"}});
  exchange->end();
  ++exchange;
  exchange->send_head(200, http::BodyLength::known(1000), {{"Date", "now"}});
  exchange->send_body("never sent");
  exchange->end();
  ASSERT_TRUE(run_until([&] { return head.ended && same.ended && none.ended && empty.ended; }));
  EXPECT_THAT(empty.heads,
              ElementsAre("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_THAT(none.heads, ElementsAre("HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n"));
  EXPECT_THAT(same.heads, ElementsAre("HTTP/1.1 304 Not Modified\r\nDate: now\r\nContent-Length: "
                                      "70\r\n\r\n"));
  EXPECT_THAT(head.heads,
              ElementsAre("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 1000\r\n\r\n"));
  EXPECT_EQ(head.body, "");
}

TEST_F(TeleportV2SessionTest, PassesInformationBeforeTheAnswer) {
  connect();
  NearStream& stream = near_->begin_post("/", "Content-Length: 2\r\nExpect: 100-continue");
  ASSERT_TRUE(wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  EXPECT_TRUE(exchange.expects_continue);
  exchange.send_head(100, http::BodyLength::none());
  ASSERT_TRUE(run_until([&] { return stream.heads.size() == 1; }));
  stream.send("ab").end();
  ASSERT_TRUE(run_until([&] { return exchange.ended; }));
  // All at once, and in order.
  exchange.send_head(102, http::BodyLength::none());
  exchange.send_head(103, http::BodyLength::none(), {{"Link", "</a>"}});
  exchange.reply("ok");
  ASSERT_TRUE(run_until([&] { return stream.ended; }));
  ASSERT_EQ(stream.heads.size(), 4u);
  EXPECT_EQ(stream.heads[0], "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(stream.heads[1], HasSubstr(" 102 "));
  EXPECT_EQ(stream.heads[2], "HTTP/1.1 103 \r\nLink: </a>\r\n\r\n");
  EXPECT_EQ(stream.status(), 200);
  EXPECT_EQ(stream.body, "ok");
}

TEST_F(TeleportV2SessionTest, PassesTrailersBothWays) {
  connect();
  NearStream& stream = near_->begin_post("/", "Transfer-Encoding: chunked");
  stream.send("body").end("A: b\r\nContent-Length: 7\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return !handlers_.exchanges.empty() && handlers_.last().ended; }));
  TestExchange& exchange = handlers_.last();
  EXPECT_EQ(exchange.trailers, "A: b\n");
  exchange.send_head(200, http::BodyLength::unknown());
  exchange.send_body("answer");
  http::Fields trailers;
  trailers.add("C", "d");
  trailers.add("E", "f");
  exchange.end(trailers);
  ASSERT_TRUE(run_until([&] { return stream.ended; }));
  EXPECT_EQ(stream.body, "answer");
  EXPECT_EQ(stream.trailers, "C: d\r\nE: f\r\n\r\n");
}

TEST_F(TeleportV2SessionTest, HoldsTrailersBehindABodyThatItHolds) {
  handlers_.at_head = [](TestExchange& exchange) { exchange.downstream->pause_request(); };
  connect();
  near_->begin_post("/", "Transfer-Encoding: chunked").send("body").end("A: b\r\n\r\n");
  near_->begin_post("/", "Transfer-Encoding: chunked").end("C: d\r\n\r\n");
  ASSERT_TRUE(wait_for_exchanges(2));
  settle();
  for (TestExchange& exchange : handlers_.exchanges) {
    EXPECT_EQ(exchange.body, "");
    EXPECT_FALSE(exchange.ended);
    exchange.downstream->resume_request();
    EXPECT_FALSE(exchange.ended) << "called back inside resume_request()";
  }
  ASSERT_TRUE(run_until([&] { return handlers_.last().ended; }));
  EXPECT_EQ(handlers_.exchanges.front().body, "body");
  EXPECT_EQ(handlers_.exchanges.front().trailers, "A: b\n");
  EXPECT_EQ(handlers_.last().trailers, "C: d\n");
}

TEST_F(TeleportV2SessionTest, CountsWhatTheLinkCarries) {
  answer_everything();
  connect();
  NearStream& first = near_->get("/a");
  NearStream& second = near_->get("/b");
  ASSERT_TRUE(run_until([&] { return first.ended && second.ended; }));
  const metrics::LinkMetrics& counts = sessions_.net.metrics.link;
  EXPECT_EQ(counts.open.value(), 1);
  EXPECT_EQ(counts.messages_received.value(), 2u);
  EXPECT_EQ(counts.messages_sent.value(), 2u);
  EXPECT_GT(counts.raw_received.value(), 2 * std::string("GET / HTTP/1.1").size());
  EXPECT_GT(counts.wire_received.value(), counts.raw_received.value());  // no compression
  EXPECT_GT(counts.wire_sent.value(), counts.raw_sent.value());
  EXPECT_GT(counts.raw_sent.value(), 2 * std::string("HTTP/1.1 200 OK").size());
  EXPECT_EQ(sessions_.net.metrics.responses[2].value(), 2u);
}

// ---- Requests that fail alone.

TEST_F(TeleportV2SessionTest, RefusesOneBadHeadAndReadsOn) {
  options_.request_head_bytes_max = 200;
  struct Case {
    std::string_view name;
    std::string head;
    int status;
  };
  const std::string fields = "Host: h\r\n\r\n";
  const Case cases[] = {
      {"no HTTP", "not HTTP at all\r\n\r\n", 400},
      {"empty", "", 400},
      {"incomplete", "GET / HTTP/1.1\r\nHost: h\r\n", 400},
      {"more behind it", "GET / HTTP/1.1\r\n" + fields + "GET", 400},
      {"no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400},
      {"two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n" + fields,
       400},
      {"length and chunked",
       "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" + fields, 400},
      {"coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" + fields, 501},
      {"CONNECT", "CONNECT h:1 HTTP/1.1\r\n" + fields, 501},
      {"version", "GET / HTTP/2.0\r\n" + fields, 505},
      {"expectation", "GET / HTTP/1.1\r\nExpect: miracle\r\n" + fields, 417},
      {"large", "GET / HTTP/1.1\r\nX: " + std::string(200, 'x') + "\r\n" + fields, 431},
      {"very large", "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n" + fields, 431},
      {"no body where there must be one", "POST / HTTP/1.1\r\nContent-Length: 1\r\n" + fields, 400},
  };
  connect();
  NearStream& neighbour = near_->begin_post("/", "Content-Length: 2").send("o");
  for (const Case& bad : cases) {
    SCOPED_TRACE(bad.name);
    NearStream& stream = near_->open().head(bad.head).end();
    ASSERT_TRUE(run_until([&] { return stream.is_over(); }));
    EXPECT_FALSE(stream.reset_code);
    EXPECT_EQ(stream.status(), bad.status);
    EXPECT_THAT(stream.body, testing::EndsWith("\n"));
  }
  neighbour.send("k").end();
  ASSERT_TRUE(run_until([&] { return handlers_.exchanges.front().ended; }));
  EXPECT_EQ(handlers_.exchanges.front().body, "ok");
  handlers_.exchanges.front().reply("fine");
  ASSERT_TRUE(run_until([&] { return neighbour.ended; }));
  expect_usable();
}

TEST_F(TeleportV2SessionTest, AnswersARefusedHeadRequestWithoutABody) {
  options_.request_head_bytes_max = 100;
  connect();
  NearStream& stream =
      near_->open()
          .head("HEAD / HTTP/1.1\r\nHost: h\r\nX: " + std::string(200, 'x') + "\r\n\r\n")
          .end();
  ASSERT_TRUE(run_until([&] { return stream.is_over(); }));
  EXPECT_EQ(stream.status(), 431);
  EXPECT_EQ(stream.body, "");
}

TEST_F(TeleportV2SessionTest, NeverTakesABodyOfTheWrongLengthForWhole) {
  struct Case {
    std::string_view name;
    std::string_view framing;
    std::string_view body;
    std::string_view trailers;
  };
  const Case cases[] = {
      {"too little", "Content-Length: 5", "1234", ""},
      {"nothing", "Content-Length: 5", "", ""},
      {"too much", "Content-Length: 5", "123456", ""},
      {"too little and trailers", "Content-Length: 5", "1234", "A: b\r\n\r\n"},
      {"a body that was not announced", "A: b", "1", ""},
      {"trailers that are none", "Transfer-Encoding: chunked", "1", "A b\r\n\r\n"},
      {"trailers of no line", "Transfer-Encoding: chunked", "1", "\r"},
      {"trailers without an end", "Transfer-Encoding: chunked", "1", "A: b\r\n"},
      {"trailers and more", "Transfer-Encoding: chunked", "1", "A: b\r\n\r\nx"},
  };
  connect();
  NearStream& neighbour = near_->get("/neighbour");
  ASSERT_TRUE(wait_for_exchanges(1));
  for (const bool paused : {false, true}) {
    for (const bool answered : {false, true}) {
      for (const Case& bad : cases) {
        SCOPED_TRACE(std::string(bad.name) + (paused ? ", paused" : "") +
                     (answered ? ", answered" : ""));
        const size_t before = handlers_.exchanges.size();
        NearStream& stream = near_->begin_post("/", bad.framing);
        ASSERT_TRUE(wait_for_exchanges(before + 1));
        TestExchange& exchange = handlers_.last();
        if (paused) exchange.downstream->pause_request();
        if (answered) exchange.send_head(200, http::BodyLength::unknown());
        stream.send(bad.body).end(bad.trailers);
        ASSERT_TRUE(run_until([&] { return stream.is_over(); }));
        EXPECT_EQ(stream.reset_code, EndCode::kMalformed);
        ASSERT_TRUE(exchange.gone);
        EXPECT_EQ(exchange.gone->code, Code::kMalformed);
        EXPECT_FALSE(exchange.ended);
      }
    }
  }
  handlers_.exchanges.front().reply("fine");
  ASSERT_TRUE(run_until([&] { return neighbour.ended; }));
  EXPECT_EQ(neighbour.body, "fine");
  expect_usable();
}

TEST_F(TeleportV2SessionTest, RefusesRequestsOverTheLimitOnly) {
  options_.streams_max = 2;
  connect();
  NearStream& first = near_->get("/a");
  near_->get("/b");
  NearStream& third = near_->begin_post("/c", "Content-Length: 200000");
  third.send(std::string(200'000, 'x')).end();
  ASSERT_TRUE(run_until([&] { return third.is_over(); }));
  EXPECT_EQ(third.status(), 429);
  EXPECT_EQ(handlers_.exchanges.size(), 2u);
  handlers_.exchanges.front().reply("a");
  ASSERT_TRUE(run_until([&] { return first.ended; }));
  expect_usable();
}

TEST_F(TeleportV2SessionTest, ReplacesAnAnswerWhoseHeadDoesNotFitOnTheLink) {
  options_.response_head_bytes_max = 200;
  connect();
  NearStream& large = near_->get("/");
  NearStream& hint = near_->get("/");
  ASSERT_TRUE(wait_for_exchanges(2));
  TestExchange& first = handlers_.exchanges.front();
  first.send_head(200, http::BodyLength::known(2), {{"X", std::string(200, 'x')}});
  ASSERT_TRUE(first.gone);
  EXPECT_EQ(first.gone->code, Code::kHeadTooLarge);
  // Nobody needs these.
  handlers_.last().send_head(103, http::BodyLength::none(), {{"X", std::string(200, 'x')}});
  handlers_.last().reply("ok");
  ASSERT_TRUE(run_until([&] { return large.is_over() && hint.is_over(); }));
  EXPECT_EQ(large.status(), 502);
  EXPECT_THAT(large.body, HasSubstr("-inMaxHeaderSize"));
  EXPECT_EQ(hint.heads.size(), 1u);
  EXPECT_EQ(hint.body, "ok");
}

TEST_F(TeleportV2SessionTest, AnswersForAHandlerThatGivesUpAndBreaksOffWhatItHasBegun) {
  connect();
  NearStream& early = near_->get("/early");
  NearStream& late = near_->get("/late");
  ASSERT_TRUE(wait_for_exchanges(2));
  const Error broken{Code::kTruncated, Source::kUpstream, 0, "broke off"};
  handlers_.exchanges.front().reset(broken);
  handlers_.last().send_head(200, http::BodyLength::known(10));
  handlers_.last().send_body("half");
  handlers_.last().reset(broken);
  ASSERT_TRUE(run_until([&] { return early.is_over() && late.is_over(); }));
  EXPECT_EQ(early.status(), 502);
  EXPECT_EQ(early.body, "broke off\n");
  EXPECT_EQ(late.reset_code, EndCode::kBroken);
  EXPECT_TRUE(handlers_.exchanges.front().destroyed && handlers_.last().destroyed);
  expect_usable();
}

TEST_F(TeleportV2SessionTest, AnswersBeforeTheEndOfTheRequestAndWantsNoMoreOfIt) {
  handlers_.at_head = [](TestExchange& exchange) { exchange.reply("early", 413); };
  connect();
  NearStream& stream = near_->begin_post("/", "Content-Length: 3000000");
  stream.send(std::string(1'000'000, 'x'));
  ASSERT_TRUE(run_until([&] { return stream.ended; }));
  EXPECT_EQ(stream.status(), 413);
  EXPECT_EQ(stream.body, "early");
  // Its stream has gone with the rest of the request.
  ASSERT_TRUE(run_until([&] { return near_->multiplexer().open_streams() == 0; }));
  expect_usable();
}

// ---- Other protocols.

TEST_F(TeleportV2SessionTest, BecomesATunnelWhoseDirectionsEndByThemselves) {
  for (const bool client_ends_first : {true, false}) {
    SCOPED_TRACE(client_ends_first);
    connect();
    const size_t before = handlers_.exchanges.size();
    NearStream& stream = near_->open().head(
        "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    stream.send("too early ");
    ASSERT_TRUE(wait_for_exchanges(before + 1));
    TestExchange& exchange = handlers_.last();
    settle();
    EXPECT_TRUE(exchange.ended);
    EXPECT_EQ(exchange.body, "");
    exchange.send_switch("websocket");
    EXPECT_EQ(exchange.body, "") << "called back inside send_response_head()";
    ASSERT_TRUE(run_until([&] { return !exchange.body.empty() && !stream.heads.empty(); }));
    EXPECT_EQ(
        stream.heads[0],
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    stream.send("up");
    exchange.send_body("down");
    ASSERT_TRUE(
        run_until([&] { return exchange.body == "too early up" && stream.body == "down"; }));
    if (client_ends_first) {
      stream.end();
      ASSERT_TRUE(run_until([&] { return exchange.tunnel_ended; }));
      exchange.send_body(", more");
      exchange.end_direction();
      ASSERT_TRUE(run_until([&] { return stream.ended; }));
      EXPECT_EQ(stream.body, "down, more");
    } else {
      exchange.end_direction();
      ASSERT_TRUE(run_until([&] { return stream.ended; }));
      stream.send(", more").end();
      ASSERT_TRUE(run_until([&] { return exchange.tunnel_ended; }));
      EXPECT_EQ(exchange.body, "too early up, more");
    }
    ASSERT_TRUE(run_until([&] { return exchange.destroyed; }));
    EXPECT_FALSE(exchange.gone);
    EXPECT_FALSE(stream.reset_code);
    expect_usable();
  }
}

TEST_F(TeleportV2SessionTest, DropsWhatFollowsAnOfferThatIsNotTaken) {
  connect();
  NearStream& stream = near_->open().head(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  const std::string window(near_->far_hello().stream_window, 'x');
  stream.send(window);
  ASSERT_TRUE(wait_for_exchanges(1));
  settle();
  TestExchange& exchange = handlers_.last();
  exchange.send_head(200, http::BodyLength::unknown());
  // As much again: the window is open.
  stream.send(window).send("more").end();
  ASSERT_TRUE(run_until([&] { return near_->multiplexer().queued_bytes() == 0; }));
  settle();
  EXPECT_EQ(exchange.body, "");
  exchange.end();
  ASSERT_TRUE(run_until([&] { return stream.ended && exchange.destroyed; }));
  EXPECT_FALSE(exchange.gone);
  expect_usable();
}

TEST_F(TeleportV2SessionTest, TellsATunnelThatItsClientHadNothingToSay) {
  connect();
  near_->get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n");
  ASSERT_TRUE(wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  settle();
  EXPECT_TRUE(exchange.ended && !exchange.tunnel_ended);
  exchange.send_switch("websocket");
  ASSERT_TRUE(run_until([&] { return exchange.tunnel_ended; }));
}

}  // namespace
}  // namespace httpteleport::proxy
