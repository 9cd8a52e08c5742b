// What a client sees when somebody breaks the rules or does not answer, through http->http and
// through the link: the right status, never another client's harm, never a cut answer that looks
// whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "integration/topology.h"
#include "support/content.h"
#include "support/http_message.h"
#include "support/origin.h"
#include "support/scripted_peer.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr const char* kPlainGet = "GET /bytes/100?seed=1 HTTP/1.1\r\nHost: a\r\n\r\n";

class HttpErrors : public testing::TestWithParam<Topology> {
 protected:
  static void expect_good(const Address& proxy) {
    const Message answer = exchange(proxy, kPlainGet);
    EXPECT_EQ(answer.head.status, 200) << answer.error << answer.body;
    EXPECT_TRUE(body_is(answer, Content::bytes(100, 1)));
  }
};

INSTANTIATE_TEST_SUITE_P(Topologies, HttpErrors, testing::Values(Topology::kHttp, Topology::kChain),
                         topology_name);

struct BadRequest {
  const char* what;
  std::string bytes;
  std::vector<int> statuses = {400};
};

std::string with_field(const std::string& field) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n";
}

std::vector<BadRequest> bad_requests() {
  const std::vector<int> coding = {400, 501};
  const std::vector<int> version = {400, 505};
  return {
      {"no host", "GET / HTTP/1.1\r\n\r\n"},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no version", "GET /\r\n\r\n"},
      {"bare LF", "GET / HTTP/1.1\nHost: a\n\n"},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
      {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"},
      {"NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s},
      {"control character in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n"},
      {"folded value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"},
      {"space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"},
      {"space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"space in a name", "GET / HTTP/1.1\r\nHost: a\r\nX y: b\r\n\r\n"},
      {"empty name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
      {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n"},
      {"bad method", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"control character in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"relative target", "GET path HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", {400, 405, 501}},
      {"another version", "GET / HTTP/3.7\r\nHost: a\r\n\r\n", version},
      {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", version},
      {"not HTTP", "\x16\x03\x01\x02\x01\x01\x01\xfc\r\n\r\n"},
      {"negative length", with_field("Content-Length: -1")},
      {"signed length", with_field("Content-Length: +1")},
      {"length list", with_field("Content-Length: 1, 2")},
      {"hex length", with_field("Content-Length: 0x1")},
      {"length with a space", with_field("Content-Length: 1 1")},
      {"empty length", with_field("Content-Length:")},
      {"enormous length", with_field("Content-Length: 99999999999999999999999"), {400, 413}},
      {"two lengths", with_field("Content-Length: 1\r\nContent-Length: 2")},
      {"unknown coding", with_field("Transfer-Encoding: gzip"), coding},
      {"chunked not last", with_field("Transfer-Encoding: chunked, gzip"), coding},
      {"chunked twice", with_field("Transfer-Encoding: chunked, chunked"), coding},
      {"not quite chunked", with_field("Transfer-Encoding: xchunked"), coding},
      {"chunked in HTTP/1.0",
       "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"unknown expectation", with_field("Content-Length: 0\r\nExpect: 200-maybe"), {400, 417}},
  };
}

TEST_P(HttpErrors, RefusesMalformedRequestsAndTheOriginNeverSeesThem) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text());
  ASSERT_TRUE(proxy.started());
  for (const BadRequest& bad : bad_requests()) {
    SCOPED_TRACE(bad.what);
    HttpConnection client(proxy.address());
    client.send(bad.bytes);
    const Message answer = client.read_response();
    EXPECT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
    if (answer.outcome != Outcome::kComplete) continue;
    EXPECT_THAT(bad.statuses, testing::Contains(answer.head.status)) << answer.body;
    EXPECT_FALSE(answer.body.empty()) << "a line says why";
    // Where the next request begins is not known any more.
    EXPECT_TRUE(answer.head.status != 400 || client.wait_closed(after(3s)));
  }
  EXPECT_EQ(origin.counters().requests, 0u);
  expect_good(proxy.address());
}

TEST_P(HttpErrors, RefusesMalformedChunkedBodies) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text());
  ASSERT_TRUE(proxy.started());
  for (const char* body :
       {"zz\r\nab\r\n0\r\n\r\n", "-1\r\na\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n", "ffffffffffffffffff\r\na\r\n", "3 \r\nabc\r\n0\r\n\r\n",
        "\r\n0\r\n\r\n", "0\r\nbad trailer\r\n\r\n"}) {
    SCOPED_TRACE(body);
    HttpConnection client(proxy.address());
    client.send(
        std::string("POST /hash HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") + body);
    const Message answer = client.read_response();
    EXPECT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
    if (answer.outcome != Outcome::kComplete) continue;
    EXPECT_EQ(answer.head.status, 400) << answer.body;
    EXPECT_TRUE(client.wait_closed());
  }
  EXPECT_EQ(origin.counters().answered, 0u) << "none of them was a whole request";
  expect_good(proxy.address());
}

// Whether it is refused or read as chunked, what follows must not be taken for a request.
TEST_P(HttpErrors, DoesNotLetTwoFramingsHideARequest) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text());
  ASSERT_TRUE(proxy.started());
  HttpConnection client(proxy.address());
  client.send(
      "POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message answer = client.read_response();
  EXPECT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(origin.counters().of(PathKind::kUnknown), 0u);
}

TEST_P(HttpErrors, RefusesAHeadOverTheLimit) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text());
  ASSERT_TRUE(proxy.started());
  const auto request = [](size_t bytes) {
    return "GET /bytes/1 HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(bytes, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(exchange(proxy.address(), request(3000)).head.status, 200);
  HttpConnection client(proxy.address());
  client.send(request(8000));
  const Message answer = client.read_response();
  EXPECT_EQ(answer.head.status, 431) << answer.body;
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(
      exchange(proxy.address(), "GET /" + std::string(8000, 'y') + " HTTP/1.1\r\nHost: a\r\n\r\n")
              .head.status /
          100,
      4);
  EXPECT_EQ(origin.counters().requests, 1u);
  expect_good(proxy.address());
}

TEST_P(HttpErrors, AnswersTooLargeABodyWith413) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text(), {"-inMaxBodySize=100000"});
  ASSERT_TRUE(proxy.started());
  const std::string head = "POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: ";
  EXPECT_EQ(exchange(proxy.address(), head + "200000\r\n\r\n").head.status, 413);
  EXPECT_EQ(
      exchange(proxy.address(), head + "90000\r\n\r\n" + std::string(90'000, 'x')).head.status,
      200);
  HttpConnection chunked(proxy.address());
  chunked.send("POST /hash HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n");
  chunked.socket().send_all(std::string(200'000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.read_response().head.status, 413);
  // Without a link the body streams, so the origin may have seen the beginning of the last one.
  EXPECT_LE(origin.counters().requests, GetParam() == Topology::kHttp ? 2u : 1u);
}

TEST_P(HttpErrors, Answers502WhenTheOriginIsDown) {
  Arrangement proxy(GetParam(), dead_address().text());
  ASSERT_TRUE(proxy.started());
  const Message answer = exchange(proxy.address(), kPlainGet);
  EXPECT_EQ(answer.head.status, 502) << answer.error << answer.body;
  HttpConnection client(proxy.address());
  client.send("POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(client.read_response().head.status, 502);
}

TEST(LinkErrors, Answers502Or504WhenTheLinkIsDown) {
  RunningHttptp near(near_flags(dead_address().text()) + Flags{"-outTimeout=1s"});
  ASSERT_TRUE(near.started());
  const Message answer = exchange(near.address(), kPlainGet);
  EXPECT_TRUE(answer.head.status == 502 || answer.head.status == 504) << answer.head.status;
}

TEST_P(HttpErrors, Answers504WhenTheTimeIsUpAndDropsTheLateAnswer) {
  Origin origin;
  Arrangement proxy(GetParam(), origin.address().text(), {"-outTimeout=300ms"});
  ASSERT_TRUE(proxy.started());
  const Deadline began = Clock::now();
  const Message answer =
      exchange(proxy.address(), "GET /bytes/70?seed=2&hold=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(answer.head.status, 504) << answer.error << answer.body;
  EXPECT_GE(Clock::now() - began, 290ms);
  EXPECT_LT(Clock::now() - began, 5s);
  origin.open_gate();
  for (int index = 0; index < 20; ++index)
    expect_good(proxy.address());
}

struct BrokenAnswer {
  const char* what;
  std::string_view bytes;
  bool reset;
};

// A client's view of a connection whose last answer may not look whole: everything up to the end.
void expect_truncated(HttpConnection& client, const std::string& head) {
  const Received rest = client.socket().recv_to_end();
  MessageParser parser;
  parser.expect_response(false);
  const std::string all = head + rest.bytes;
  for (size_t at = 0; at < all.size() && !parser.done() && !parser.failed();) {
    const size_t consumed = parser.step(std::string_view(all).substr(at)).consumed;
    if (consumed == 0) break;
    at += consumed;
  }
  EXPECT_FALSE(parser.failed()) << parser.error();
  EXPECT_FALSE(parser.done()) << "looks whole: " << all;
  EXPECT_FALSE(rest.status == IoStatus::kClosed && parser.finish()) << "looks whole: " << all;
}

// The answer has begun: through http->http the client must see that it is not whole; the link's far
// end has nothing sent yet and says 502.
TEST_P(HttpErrors, ShowsATruncatedAnswerAsSuch) {
  const BrokenAnswer cases[] = {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot enough", false},
      {"length, reset", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot enough", true},
      {"chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nnot enough", false},
      {"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false},
      {"until close, reset", "HTTP/1.1 200 OK\r\n\r\nnot enough", true},
  };
  for (const BrokenAnswer& broken : cases) {
    SCOPED_TRACE(broken.what);
    ScriptedPeer origin;
    origin.add_script([&](ScriptedPeer::Connection& connection) {
      connection.expect_request();
      connection.send(broken.bytes);
      connection.stall();  // until the client has the head, where it gets one before the end
      if (broken.reset) connection.reset();
    });
    Arrangement proxy(GetParam(), origin.address().text());
    ASSERT_TRUE(proxy.started());
    HttpConnection client(proxy.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    if (GetParam() == Topology::kHttp) {
      const Received head = client.socket().recv_until("\r\n\r\n");
      EXPECT_THAT(head.bytes, testing::StartsWith("HTTP/1.1 200")) << head.status;
      origin.release();
      expect_truncated(client, head.bytes);
    } else {
      origin.release();
      const Message answer = client.read_response();
      EXPECT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
      EXPECT_EQ(answer.head.status, 502) << answer.body;
    }
    origin.join();
  }
}

// Whether the head is already on its way when the bad chunk is seen is the proxy's affair.
TEST_P(HttpErrors, NeverPassesABadChunkAsAWholeAnswer) {
  ScriptedPeer origin;
  origin.add_script([&](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokxx\r\n0\r\n\r\n");
  });
  Arrangement proxy(GetParam(), origin.address().text());
  ASSERT_TRUE(proxy.started());
  const Message answer = exchange(proxy.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  if (GetParam() == Topology::kChain || answer.outcome == Outcome::kComplete) {
    EXPECT_EQ(answer.head.status, 502) << answer.body;
  } else {
    EXPECT_TRUE(answer.outcome == Outcome::kTruncated || answer.outcome == Outcome::kNothing)
        << answer.outcome << " " << answer.error;
  }
  origin.join();
}

TEST_P(HttpErrors, Answers502WhenTheOriginsAnswerIsNotHttp) {
  const std::string long_head =
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Long: " + std::string(100'000, 'x') + "\r\n\r\n";
  const std::string cases[] = {
      "SSH-2.0-OpenSSH_9.2\r\n\r\n",
      "HTTP/1.1 999999 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 0\r\n\r\n",
      "",  // closes without a word
      long_head,
  };
  for (const std::string& bytes : cases) {
    SCOPED_TRACE(bytes.substr(0, 60));
    ScriptedPeer origin;
    origin.add_script([&](ScriptedPeer::Connection& connection) {
      connection.expect_request();
      if (!bytes.empty()) connection.send(bytes);
    });
    Arrangement proxy(GetParam(), origin.address().text());
    ASSERT_TRUE(proxy.started());
    const Message answer =
        exchange(proxy.address(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
    EXPECT_EQ(answer.head.status, 502) << answer.body;
    EXPECT_EQ(answer.body.find("xxxxxxxx"), std::string::npos) << "the origin's bytes leak";
    origin.join();
    EXPECT_EQ(origin.extra_connections(), 0u) << "a POST that was sent is not sent again";
  }
}

}  // namespace
}  // namespace httpteleport::test
