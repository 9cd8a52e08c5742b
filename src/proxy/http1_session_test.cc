#include "proxy/http1_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "proxy/test_http1_session.h"

namespace httpteleport::proxy {
namespace {

using net::TestPeer;
using testing::HasSubstr;
using testing::Not;

// ---- Requests.

TEST_F(Http1SessionTest, PassesARequestOnHoweverItIsCut) {
  const std::string request =
      "POST http://example.com:81/a?b HTTP/1.1\r\nHost: example.com:81\r\nA: b\r\nConnection: "
      "Gone\r\nGone: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: u\r\n\r\n";
  for (size_t size : {request.size(), size_t{7}, size_t{1}}) {
    TestPeer& client = connect();
    for (size_t begin = 0; begin < request.size(); begin += size) {
      client.send(std::string_view(request).substr(begin, size));
      if (size < request.size()) sessions_.net.loop.run_once(Duration::zero());
    }
    ASSERT_TRUE(sessions_.run_until(
        [&] { return !handlers_.exchanges.empty() && handlers_.last().ended; }));
    TestExchange& exchange = handlers_.last();
    EXPECT_EQ(exchange.method, "POST");
    EXPECT_EQ(exchange.target, "/a?b");
    EXPECT_EQ(exchange.authority, "example.com:81");
    EXPECT_EQ(exchange.client_ip, "127.0.0.1");
    EXPECT_THAT(exchange.fields, HasSubstr("A: b\n"));
    EXPECT_THAT(exchange.fields, Not(HasSubstr("Gone")));
    EXPECT_EQ(exchange.body, "abcde");
    EXPECT_EQ(exchange.trailers, "T: u\n");
    exchange.reply("done");
    EXPECT_EQ(wait_for_answer(client).body, "done");
    EXPECT_TRUE(exchange.destroyed);
  }
  EXPECT_EQ(handlers_.exchanges.size(), 3u);
}

TEST_F(Http1SessionTest, AnswersPipelinedRequestsOneAfterTheOther) {
  TestPeer& client = connect();
  client.send(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: "
      "3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  const char* bodies[] = {"", "abc", ""};
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(sessions_.wait_for_exchanges(i + 1));
    sessions_.net.settle();
    EXPECT_EQ(handlers_.exchanges.size(), i + 1) << "the next one must wait for this answer";
    EXPECT_EQ(handlers_.last().target, "/" + std::to_string(i + 1));
    EXPECT_EQ(handlers_.last().body, bodies[i]);
    EXPECT_TRUE(handlers_.last().ended);
    handlers_.last().reply(std::to_string(i));
    EXPECT_EQ(wait_for_answer(client).body, std::to_string(i));
  }
  EXPECT_EQ(sessions_.context.sessions.empty(), false);
}

TEST_F(Http1SessionTest, AnswersPipelinedRequestsInOrderWhenTheirHandlersAnswerAtOnce) {
  answer_everything();
  TestPeer& client = connect();
  std::string requests;
  for (int i = 0; i < 200; ++i)
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(wait_for_answer(client).body, "to /" + std::to_string(i));
}

TEST_F(Http1SessionTest, HoldsBackPipelinedRequestsOfAClientThatReadsNoAnswers) {
  const std::string large(100'000, 'x');
  handlers_.at_end = [&](TestExchange& exchange) { exchange.reply(large); };
  TestPeer& client = connect(64 * 1024);
  client.reading = false;
  constexpr size_t kRequests = 500;
  std::string requests;
  for (size_t i = 0; i < kRequests; ++i)
    requests += kGet;
  client.send(requests);
  sessions_.net.settle();
  // As much as the watermark and the kernel's buffers hold, and not 50 MB.
  EXPECT_GE(handlers_.exchanges.size(), 3u);
  EXPECT_LT(handlers_.exchanges.size(), 20u);
  client.reading = true;
  for (size_t i = 0; i < kRequests; ++i)
    ASSERT_EQ(wait_for_answer(client).body.size(), large.size()) << i;
}

TEST_F(Http1SessionTest, AnswersABrokenRequestBehindAGoodOne) {
  answer_everything();
  TestPeer& client = connect();
  client.send(kGet);
  EXPECT_EQ(wait_for_answer(client).status, 200);
  client.send("nonsense\r\n\r\n");
  EXPECT_EQ(wait_for_answer(client).status, 400);
  EXPECT_TRUE(wait_closed(client));
  EXPECT_FALSE(client.broken);
}

TEST_F(Http1SessionTest, RefusesBrokenRequestsWithTheStatusThatFitsAndCloses) {
  struct Case {
    const char* what;
    std::string request;
    int status;
  };
  const std::vector<Case> cases{
      {"garbage", "\x16\x03\x01\r\n\r\n", 400},
      {"no version", "GET /\r\n\r\n", 400},
      {"bare LF", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
      {"space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
      {"folded line", "GET / HTTP/1.1\r\nHost: h\r\n x: y\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"two lengths",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"both framings",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"HTTP/2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"unknown coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 501},
      {"unknown expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\n\r\n", 417},
      {"large head", "GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(5000, 'x') + "\r\n\r\n", 431},
      {"long target", "GET /" + std::string(5000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
      {"bad chunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
       400},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    TestPeer& client = connect();
    // What follows a broken request is never taken for another one.
    client.send(one.request + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    const Answer answer = wait_for_answer(client);
    EXPECT_EQ(answer.status, one.status);
    EXPECT_FALSE(answer.head.keep_alive());
    EXPECT_EQ(answer.body.find('\n'), answer.body.size() - 1) << answer.body;
    ASSERT_TRUE(wait_closed(client));
    EXPECT_FALSE(client.broken);
    EXPECT_EQ(client.received, "");
    client.close();
  }
  for (const TestExchange& exchange : handlers_.exchanges)
    EXPECT_NE(exchange.target, "/next");
  EXPECT_TRUE(sessions_.context.sessions.empty());
}

TEST_F(Http1SessionTest, TellsTheHandlerWhenTheBodyTurnsOutBroken) {
  TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
  EXPECT_EQ(wait_for_answer(client).status, 400);
  EXPECT_EQ(handlers_.last().body, "abc");
  ASSERT_TRUE(handlers_.last().gone);
  EXPECT_EQ(handlers_.last().gone->code, Code::kMalformed);
  EXPECT_EQ(failures(Code::kMalformed), 1u);
}

TEST_F(Http1SessionTest, BreaksOffAnAnswerWhoseRequestTurnsOutBroken) {
  TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  ASSERT_TRUE(sessions_.run_until(
      [&] { return !handlers_.exchanges.empty() && handlers_.last().body == "abc"; }));
  handlers_.last().send_head(200, http::BodyLength::unknown());
  handlers_.last().send_body("half");
  ASSERT_TRUE(
      sessions_.run_until([&] { return client.received.find("half") != std::string::npos; }));
  client.send("zz\r\n");
  ASSERT_TRUE(wait_closed(client));
  EXPECT_TRUE(client.broken);
  EXPECT_THAT(client.received, Not(HasSubstr("half\r\n0\r\n")));
  EXPECT_TRUE(handlers_.last().gone);
}

TEST_F(Http1SessionTest, PausesReadingWhileTheHandlerIsFull) {
  handlers_.at_head = [](TestExchange& exchange) { exchange.downstream->pause_request(); };
  TestPeer& client = connect(64 * 1024);
  const std::string body(4'000'000, 'x');
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n" + body);
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  sessions_.net.settle();
  TestExchange& exchange = handlers_.last();
  EXPECT_LT(exchange.body.size(), 200'000u);
  EXPECT_FALSE(client.all_sent());
  exchange.downstream->resume_request();
  ASSERT_TRUE(sessions_.run_until([&] { return exchange.ended; }));
  EXPECT_TRUE(exchange.body == body);
  exchange.reply("ok");
  EXPECT_EQ(wait_for_answer(client).body, "ok");
}

// ---- Answers.

TEST_F(Http1SessionTest, FramesAnswersForTheClientsVersionAndMethod) {
  struct Case {
    const char* what;
    std::string request;
    int status;
    http::BodyLength length;
    std::string body;
    bool closes;
    bool chunked;
    std::optional<std::string> content_length;
    std::optional<std::string> connection;
  };
  const std::string get10 = "GET / HTTP/1.0\r\nHost: h\r\n\r\n";
  const std::string get10_keep = "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n";
  const std::string get11(kGet);
  const std::string head11 = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string close11 = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  const auto known = http::BodyLength::known;
  const auto unknown = http::BodyLength::unknown;
  const std::vector<Case> cases{
      {"length", get11, 200, known(4), "body", false, false, "4", {}},
      {"empty", get11, 200, known(0), "", false, false, "0", {}},
      {"unknown length", get11, 200, unknown(), "body", false, true, {}, {}},
      {"unknown length, empty", get11, 200, unknown(), "", false, true, {}, {}},
      {"204", get11, 204, http::BodyLength::none(), "", false, false, {}, {}},
      {"HEAD", head11, 200, known(1000), "", false, false, "1000", {}},
      {"close", close11, 200, known(4), "body", true, false, "4", "close"},
      {"close, unknown length", close11, 200, unknown(), "body", true, true, {}, "close"},
      {"1.0", get10, 200, known(4), "body", true, false, "4", "close"},
      {"1.0 keep-alive", get10_keep, 200, known(4), "body", false, false, "4", "keep-alive"},
      {"1.0, unknown length", get10, 200, unknown(), "body", true, false, {}, "close"},
      {"1.0 keep-alive, unknown length",
       get10_keep,
       200,
       unknown(),
       "body",
       true,
       false,
       {},
       "close"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    TestPeer& client = connect();
    client.send(one.request);
    const size_t before = handlers_.exchanges.size();
    ASSERT_TRUE(sessions_.wait_for_exchanges(before + 1));
    TestExchange& exchange = handlers_.last();
    exchange.send_head(one.status, one.length, {{"X", "y"}});
    // A handler may send the body of an answer to HEAD too: it is not passed on.
    if (one.request == head11) exchange.send_body("never sent");
    if (!one.body.empty()) exchange.send_body(one.body);
    exchange.end();
    if (one.closes) {
      ASSERT_TRUE(wait_closed(client));
      EXPECT_FALSE(client.broken);
    }
    const Answer answer = wait_for_answer(client, one.request == head11);
    EXPECT_EQ(answer.status, one.status);
    EXPECT_EQ(answer.head.minor_version, 1);
    EXPECT_EQ(answer.body, one.body);
    EXPECT_EQ(answer.chunked, one.chunked);
    EXPECT_EQ(answer.head.find("content-length"), one.content_length);
    EXPECT_EQ(answer.head.find("connection"), one.connection);
    EXPECT_EQ(answer.head.find("x"), "y");
    EXPECT_EQ(answer.head.count("date"), 1u);
    sessions_.net.settle();
    EXPECT_EQ(client.received, "");
    EXPECT_EQ(client.ended, one.closes);
    client.close();
  }
  EXPECT_TRUE(sessions_.wait_session_gone());
}

TEST_F(Http1SessionTest, SendsChunksAndTrailers) {
  TestPeer& client = connect();
  client.send(kGet);
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  TestExchange& exchange = handlers_.last();
  exchange.send_head(200, http::BodyLength::unknown(), {{"Date", "now"}});
  exchange.send_body("abc");
  exchange.send_body("");
  exchange.send_body(std::string(17, 'x'));
  http::Fields trailers;
  trailers.add("Sum", "1");
  exchange.end(trailers);
  const std::string expected =
      "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n11\r\n" +
      std::string(17, 'x') + "\r\n0\r\nSum: 1\r\n\r\n";
  ASSERT_TRUE(sessions_.run_until([&] { return client.received.size() >= expected.size(); }));
  EXPECT_EQ(client.received, expected);
}

TEST_F(Http1SessionTest, PassesInformationalHeadsToClientsThatKnowThem) {
  for (const bool http10 : {false, true}) {
    SCOPED_TRACE(http10);
    TestPeer& client = connect();
    client.send(http10 ? "GET / HTTP/1.0\r\nHost: h\r\n\r\n" : kGet);
    const size_t before = handlers_.exchanges.size();
    ASSERT_TRUE(sessions_.wait_for_exchanges(before + 1));
    handlers_.last().send_head(103, http::BodyLength::none(), {{"Link", "x"}});
    handlers_.last().reply("ok");
    if (!http10) {
      EXPECT_EQ(wait_for_answer(client).status, 103);
    }
    const Answer answer = wait_for_answer(client);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "ok");
  }
}

TEST_F(Http1SessionTest, ShowsABrokenAnswerForWhatItIs) {
  struct Case {
    const char* what;
    std::string request;
    http::BodyLength length;
    bool rst;  // else the missing rest tells
  };
  const std::vector<Case> cases{
      {"length", std::string(kGet), http::BodyLength::known(100), false},
      {"chunked", std::string(kGet), http::BodyLength::unknown(), false},
      {"until close", "GET / HTTP/1.0\r\nHost: h\r\n\r\n", http::BodyLength::unknown(), true},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    TestPeer& client = connect();
    client.send(one.request);
    const size_t before = handlers_.exchanges.size();
    ASSERT_TRUE(sessions_.wait_for_exchanges(before + 1));
    handlers_.last().send_head(200, one.length);
    handlers_.last().send_body("half");
    ASSERT_TRUE(
        sessions_.run_until([&] { return client.received.find("half") != std::string::npos; }));
    handlers_.last().reset({Code::kTruncated, Source::kUpstream, 0, "test"});
    ASSERT_TRUE(wait_closed(client));
    EXPECT_EQ(client.broken, one.rst);
    EXPECT_THAT(client.received, Not(HasSubstr("half\r\n0\r\n")));
    client.close();
  }
  EXPECT_TRUE(sessions_.wait_session_gone());
}

TEST_F(Http1SessionTest, GivesAnEarlyAnswerWholeAndCloses) {
  TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nbegin");
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  const std::string body(200'000, 'x');
  handlers_.last().reply(body, 413);
  client.send(std::string(500'000, 'y'));
  const Answer answer = wait_for_answer(client);
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, body);
  ASSERT_TRUE(wait_closed(client));
  EXPECT_FALSE(client.broken);
  EXPECT_TRUE(sessions_.context.sessions.empty());
}

// RFC 9112 section 9.6. One that may depend on the rest of the request is taken for one that does.
TEST_F(Http1SessionTest, SaysThatAnEarlyAnswerEndsTheConnection) {
  struct Case {
    int status;
    http::BodyLength length;
    bool says_close;
  };
  for (const Case& one :
       {Case{413, http::BodyLength::known(2), true}, Case{500, http::BodyLength::unknown(), true},
        Case{304, http::BodyLength::none(), true}, Case{200, http::BodyLength::known(2), false},
        Case{200, http::BodyLength::unknown(), false}}) {
    SCOPED_TRACE(one.status);
    TestPeer& client = connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nbegin");
    ASSERT_TRUE(sessions_.wait_for_exchanges(handlers_.exchanges.size() + 1));
    handlers_.last().send_head(one.status, one.length);
    if (one.status != 304) handlers_.last().send_body("ok");
    handlers_.last().end();
    const Answer answer = wait_for_answer(client);
    EXPECT_EQ(answer.status, one.status);
    EXPECT_EQ(answer.head.has_token("connection", "close"), one.says_close);
    ASSERT_TRUE(wait_closed(client));
  }
}

TEST_F(Http1SessionTest, TellsTheHandlerWhenTheClientTakesNoMore) {
  TestPeer& client = connect(64 * 1024);
  client.send(kGet);
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  client.reading = false;
  TestExchange& exchange = handlers_.last();
  exchange.send_head(200, http::BodyLength::unknown());
  const std::string piece(32 * 1024, 'x');
  size_t pieces = 0;
  ASSERT_TRUE(sessions_.run_until([&] {
    if (exchange.blocked > 0) return true;
    exchange.send_body(piece);
    ++pieces;
    return false;
  }));
  EXPECT_EQ(exchange.unblocked, 0);
  client.reading = true;
  ASSERT_TRUE(sessions_.run_until([&] { return exchange.unblocked == 1; }));
  EXPECT_EQ(exchange.blocked, 1);
  exchange.end();
  EXPECT_EQ(wait_for_answer(client).body.size(), pieces * piece.size());
}

}  // namespace
}  // namespace httpteleport::proxy
