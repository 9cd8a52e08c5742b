// What HTTP/1.1 asks of a proxy about good messages (RFC 9110, RFC 9112), seen by a client on a raw
// socket: through http->http and through the link, where the same must hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "integration/topology.h"
#include "support/content.h"
#include "support/http_message.h"
#include "support/origin.h"
#include "support/scripted_peer.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;

class HttpSemantics : public testing::TestWithParam<Topology> {
 protected:
  void SetUp() override { ASSERT_TRUE(proxy_.started()); }

  // The request head the origin saw, told by its /headers.
  static MessageHead seen_by_origin(const Message& answer) {
    MessageParser parser;
    parser.expect_request();
    parser.step(answer.body);
    EXPECT_TRUE(parser.state() != MessageParser::State::kHead && !parser.failed()) << answer.body;
    return parser.head();
  }

  // Sends a GET on `client` and expects the generated body: the connection is in step.
  static void expect_usable(HttpConnection& client, uint64_t seed = 99) {
    client.send("GET /bytes/500?seed=" + std::to_string(seed) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const Message answer = client.read_response();
    ASSERT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
    EXPECT_EQ(answer.head.status, 200);
    EXPECT_TRUE(body_is(answer, Content::bytes(500, seed)));
  }

  Origin origin_;
  Arrangement proxy_{GetParam(), origin_.address().text()};
};

INSTANTIATE_TEST_SUITE_P(Topologies, HttpSemantics,
                         testing::Values(Topology::kHttp, Topology::kChain), topology_name);

TEST_P(HttpSemantics, KeepsTheConnectionForTheNextRequest) {
  HttpConnection client(proxy_.address());
  for (uint64_t seed = 1; seed <= 5; ++seed)
    expect_usable(client, seed);
  client.send("GET /bytes/3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const Message last = client.read_response();
  EXPECT_EQ(last.body.size(), 3u);
  EXPECT_FALSE(last.head.keep_alive());
  EXPECT_TRUE(client.wait_closed());
}

TEST_P(HttpSemantics, AnswersPipelinedRequestsInOrder) {
  HttpConnection client(proxy_.address());
  std::string requests;
  constexpr uint64_t kCount = 20;
  for (uint64_t index = 0; index < kCount; ++index) {
    // The earlier the slower, so that the answers are ready in another order.
    const std::string delay = std::to_string(index < 4 ? 100 - 25 * index : 0);
    requests += "GET /bytes/" + std::to_string(100 + index) + "?seed=" + std::to_string(index) +
                "&delay=" + delay + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  ASSERT_TRUE(client.send(requests));
  for (uint64_t index = 0; index < kCount; ++index) {
    const Message answer = client.read_response();
    ASSERT_EQ(answer.outcome, Outcome::kComplete) << index << " " << answer.error;
    EXPECT_TRUE(body_is(answer, Content::bytes(100 + index, index))) << index;
  }
}

TEST_P(HttpSemantics, PipelinesRequestsWithBodies) {
  HttpConnection client(proxy_.address());
  ASSERT_TRUE(client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /bytes/0 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nfg"));
  for (const char* body : {"abc", "de", "", "fg"}) {
    const Message answer = client.read_response();
    ASSERT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
    EXPECT_EQ(answer.body, body);
  }
}

TEST_P(HttpSemantics, ReadsARequestThatComesByteByByte) {
  HttpConnection client(proxy_.address());
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\nwiki\r\n1;ext=\"v\"\r\n!\r\n0\r\n\r\n";
  for (const char& byte : request)
    ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_EQ(client.read_response().body, "wiki!");
  expect_usable(client);
}

TEST_P(HttpSemantics, AnswersHeadWithoutABody) {
  HttpConnection client(proxy_.address());
  client.send("HEAD /bytes/1000 HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message answer = client.read_response(true);
  ASSERT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
  EXPECT_EQ(answer.head.status, 200);
  // The link cannot carry the length of a body that is not there (docs/protocol/teleport-v0.md).
  if (GetParam() == Topology::kHttp) {
    EXPECT_EQ(answer.head.find("content-length"), "1000");
  }
  expect_usable(client);
  client.send("HEAD /chunked/1000 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_response(true).head.status, 200);
  expect_usable(client);
}

TEST_P(HttpSemantics, PassesStatusesWithoutABody) {
  HttpConnection client(proxy_.address());
  client.send("GET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message no_content = client.read_response();
  EXPECT_EQ(no_content.head.status, 204) << no_content.error;
  EXPECT_EQ(no_content.head.count("content-length"), 0u) << no_content.head.raw;
  EXPECT_EQ(no_content.head.count("transfer-encoding"), 0u) << no_content.head.raw;
  expect_usable(client);
  for (const char* target : {"/status/304", "/status/304?length=500"}) {
    client.send(std::string("GET ") + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.read_response().head.status, 304) << target;
    expect_usable(client);
  }
}

TEST_P(HttpSemantics, PassesStatusesOfAllClasses) {
  HttpConnection client(proxy_.address());
  for (const int status : {200, 201, 301, 404, 418, 500, 503, 599}) {
    client.send("GET /status/" + std::to_string(status) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const Message answer = client.read_response();
    EXPECT_EQ(answer.head.status, status) << answer.error;
    EXPECT_EQ(answer.body, "status " + std::to_string(status) + "\n");
  }
}

TEST_P(HttpSemantics, ServesHttp10Clients) {
  HttpConnection plain(proxy_.address());
  plain.send("GET /bytes/300?seed=1 HTTP/1.0\r\n\r\n");
  const Message answer = plain.read_response();
  ASSERT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
  EXPECT_TRUE(body_is(answer, Content::bytes(300, 1)));
  EXPECT_TRUE(plain.wait_closed());

  HttpConnection chunked(proxy_.address());
  chunked.send("GET /chunked/5000?seed=1 HTTP/1.0\r\nHost: a\r\n\r\n");
  const Message whole = chunked.read_response();
  ASSERT_EQ(whole.outcome, Outcome::kComplete) << whole.error;
  EXPECT_EQ(whole.head.count("transfer-encoding"), 0u) << "HTTP/1.0 knows no chunks";
  EXPECT_TRUE(body_is(whole, Content::json(5000, 1)));

  HttpConnection kept(proxy_.address());
  kept.send("GET /bytes/3 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  const Message first = kept.read_response();
  EXPECT_EQ(first.body.size(), 3u);
  // Keeping it is a choice; saying so and doing otherwise is not.
  if (first.head.has_token("connection", "keep-alive")) {
    expect_usable(kept);
  } else {
    EXPECT_TRUE(kept.wait_closed());
  }
}

TEST_P(HttpSemantics, PassesChunkedBodiesBothWays) {
  HttpConnection client(proxy_.address());
  const std::string body = Content::json(40'000, 3).to_string();
  std::string request = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n";
  for (size_t at = 0, size = 1; at < body.size(); at += size, size = size * 3 % 7001) {
    const std::string chunk = body.substr(at, size);
    char line[16];
    std::snprintf(line, sizeof line, "%zX\r\n", chunk.size());
    request.append(line).append(chunk).append("\r\n");
  }
  ASSERT_TRUE(client.send(request + "0\r\nX-Trailer: t\r\n\r\n"));
  EXPECT_EQ(client.read_response().body, body);
  client.send("GET /chunked/100000?seed=4 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(body_is(client.read_response(), Content::json(100'000, 4)));
  expect_usable(client);
}

TEST_P(HttpSemantics, PassesBodiesDelimitedByTheEndOfTheConnection) {
  HttpConnection client(proxy_.address());
  client.send("GET /close/70000?seed=5 HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message answer = client.read_response();
  ASSERT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
  EXPECT_TRUE(body_is(answer, Content::bytes(70'000, 5)));
}

TEST_P(HttpSemantics, TellsAClientThatExpectsItToContinue) {
  HttpConnection client(proxy_.address());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  const Message interim = client.read_response();
  ASSERT_EQ(interim.outcome, Outcome::kComplete) << interim.error;
  ASSERT_EQ(interim.head.status, 100);
  client.send("hello");
  const Message answer = client.read_response();
  EXPECT_EQ(answer.head.status, 200) << "one 100 is enough";
  EXPECT_EQ(answer.body, "hello");
  expect_usable(client);
  // A client that does not wait for the 100 is served as well.
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi");
  EXPECT_EQ(client.read_final_response().body, "hi");
  expect_usable(client);
}

TEST_P(HttpSemantics, RemovesHopByHopFieldsOfRequests) {
  const Message answer = exchange(
      proxy_.address(),
      "GET /headers HTTP/1.1\r\nHost: a\r\nConnection: X-Drop , keep-alive,x-also\r\nX-Drop: 1\r\n"
      "X-ALSO: 2\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n"
      "Upgrade: websocket\r\nX-Keep: kept\r\nCookie: a=b; c=d\r\n\r\n");
  const MessageHead seen = seen_by_origin(answer);
  for (const char* name : {"X-Drop", "X-Also", "Keep-Alive", "Proxy-Connection", "TE", "Upgrade"}) {
    EXPECT_EQ(seen.count(name), 0u) << name << " in " << seen.raw;
  }
  EXPECT_FALSE(seen.has_token("connection", "x-drop")) << seen.raw;
  EXPECT_EQ(seen.find("x-keep"), "kept");
  EXPECT_EQ(seen.find("cookie"), "a=b; c=d");
  EXPECT_EQ(seen.find("host"), "a");
}

TEST_P(HttpSemantics, TakesTheHostFromAnAbsoluteTarget) {
  const MessageHead seen = seen_by_origin(
      exchange(proxy_.address(),
               "GET http://right.test:81/headers?q=1 HTTP/1.1\r\nHost: wrong.test\r\n\r\n"));
  EXPECT_EQ(seen.target, "/headers?q=1");
  EXPECT_EQ(seen.count("host"), 1u);
  EXPECT_EQ(seen.find("host"), "right.test:81");
}

TEST_P(HttpSemantics, LeavesTargetsAndFieldsAsTheyAre) {
  const std::string target = "/headers/a%2Fb//../c;d?x=%20&y=a+b&z=[1]";
  const MessageHead seen = seen_by_origin(exchange(
      proxy_.address(), "GET " + target +
                            " HTTP/1.1\r\nHost: Example.Test\r\nX-Two: 1\r\nX-Two: 2\r\n"
                            "X-Latin: caf\xe9\r\nX-Empty:\r\nX-Spaces: \t a  b \t\r\n\r\n"));
  EXPECT_EQ(seen.target, target);
  EXPECT_EQ(seen.count("x-two"), 2u);
  EXPECT_EQ(seen.find("x-latin"), "caf\xe9");
  EXPECT_EQ(seen.find("x-empty"), "");
  EXPECT_EQ(seen.find("x-spaces"), "a  b");
}

// The same against an origin that follows a script.
TEST_P(HttpSemantics, GivesTheOriginAHostWhereAnOldClientSendsNone) {
  EXPECT_EQ(
      seen_by_origin(exchange(proxy_.address(), "GET http://x.test:81/headers HTTP/1.0\r\n\r\n"))
          .find("host"),
      "x.test:81");
  EXPECT_NE(
      seen_by_origin(exchange(proxy_.address(), "GET /headers HTTP/1.0\r\n\r\n")).find("host"), "");
}

TEST_P(HttpSemantics, CountsDownMaxForwards) {
  const std::string rest = " HTTP/1.1\r\nHost: a\r\nMax-Forwards: ";
  const Message seen = exchange(proxy_.address(), "OPTIONS /headers" + rest + "7\r\n\r\n");
  const char* hops_left = GetParam() == Topology::kHttp ? "6" : "5";
  EXPECT_EQ(seen_by_origin(seen).find("max-forwards"), hops_left);
  EXPECT_EQ(exchange(proxy_.address(), "OPTIONS /headers" + rest + "0\r\n\r\n").body, "");
  EXPECT_EQ(exchange(proxy_.address(), "TRACE /headers" + rest + "0\r\n\r\n").head.status, 405);
}

class HttpSemanticsScripted : public testing::TestWithParam<Topology> {
 protected:
  void SetUp() override { ASSERT_TRUE(proxy_.started()); }

  ScriptedPeer origin_;
  Arrangement proxy_{GetParam(), origin_.address().text()};
};

INSTANTIATE_TEST_SUITE_P(Topologies, HttpSemanticsScripted,
                         testing::Values(Topology::kHttp, Topology::kChain), topology_name);

TEST_P(HttpSemanticsScripted, RemovesHopByHopFieldsOfAnswers) {
  origin_.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    connection.send(
        "HTTP/1.1 200 Fine\r\nConnection: close, X-Drop\r\nX-Drop: 1\r\nKeep-Alive: timeout=9\r\n"
        "X-Keep: kept\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok");
  });
  HttpConnection client(proxy_.address());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message answer = client.read_response();
  ASSERT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
  EXPECT_EQ(answer.body, "ok");
  EXPECT_EQ(answer.head.count("x-drop"), 0u) << answer.head.raw;
  EXPECT_NE(answer.head.find("keep-alive"), "timeout=9") << answer.head.raw;
  EXPECT_FALSE(answer.head.has_token("connection", "close"))
      << "the origin's connection is not the client's";
  EXPECT_EQ(answer.head.find("x-keep"), "kept");
  EXPECT_EQ(answer.head.count("set-cookie"), 2u);
  origin_.join();
}

TEST_P(HttpSemanticsScripted, PassesAnAnswerThatComesBeforeTheEndOfTheUpload) {
  for (int round = 0; round < 20; ++round) {
    origin_.add_script([](ScriptedPeer::Connection& connection) {
      connection.expect("\r\n\r\n");
      connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
      connection.close();  // with most of the body unread, so that the kernel makes it a reset
    });
    HttpConnection client(proxy_.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    client.socket().send_all(std::string(3'000'000, 'x'));
    const Message answer = client.read_response();
    ASSERT_EQ(answer.outcome, Outcome::kComplete) << answer.error << " in round " << round;
    EXPECT_EQ(answer.head.status, 413);
    EXPECT_EQ(answer.body, "no");
  }
  origin_.join();
}

TEST_P(HttpSemanticsScripted, ReadsPastInterimAnswers) {
  origin_.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    connection.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n");
    connection.send(
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
  });
  const Message answer = exchange(proxy_.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.body, "done");
  origin_.join();
}

TEST_P(HttpSemanticsScripted, ReadsAnAnswerThatComesByteByByte) {
  origin_.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    const std::string_view answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    for (const char& byte : answer)
      connection.send({&byte, 1});
  });
  const Message answer = exchange(proxy_.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
  EXPECT_EQ(answer.body, "hello!");
  origin_.join();
}

TEST_P(HttpSemanticsScripted, UsesANewConnectionWhenTheOriginEndedAnIdleOne) {
  for (int index = 0; index < 3; ++index) {
    origin_.add_script([](ScriptedPeer::Connection& connection) {
      connection.expect_request();
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  }
  HttpConnection client(proxy_.address());
  for (int index = 0; index < 3; ++index) {
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const Message answer = client.read_response();
    EXPECT_EQ(answer.head.status, 200) << index << " " << answer.body;
    EXPECT_EQ(answer.body, "ok");
  }
  origin_.join();
}

}  // namespace
}  // namespace httpteleport::test
