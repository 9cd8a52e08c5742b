// The effects of the flags of links, and of the PROXY header toward endpoints.
#include <string>
#include <vector>

#include "integration/flags.h"
#include "support/content.h"
#include "support/scripted_peer.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;
using testing::StartsWith;

constexpr size_t kTogether = 6;

// Messages and batches that one end has sent.
struct Sent {
  int64_t messages;
  int64_t batches;
};
Sent sent_by(HttptpProcess& end) {
  return {end.expvar("linkMessagesSent").value_or(-1), end.expvar("linkBatchesSent").value_or(-1)};
}

// Requests that the origin answers at one moment; their responses come after `least` at the
// earliest.
void answer_together(const Chain& chain, Origin& origin, std::chrono::milliseconds least) {
  std::vector<HttpConnection> clients;
  for (size_t i = 0; i < kTogether; ++i) {
    clients.emplace_back(chain.address());
    clients.back().send(get_text("/bytes/10?hold=1"));
  }
  ASSERT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.held == kTogether; }));
  const Stopwatch watch;
  origin.open_gate();
  for (HttpConnection& client : clients)
    EXPECT_EQ(client.read_response().head.status, 200);
  EXPECT_TRUE(watch.has_run(least));
}

TEST(FlagsLink, InDelayLetsResponsesShareABatch) {
  Origin origin;
  Chain chain(origin.address().text(), {"-outTimeout=30s"}, {"-inDelay=300ms"});
  ASSERT_TRUE(chain.started());
  answer_together(chain, origin, 300ms);
  const Sent sent = sent_by(chain.far());
  EXPECT_EQ(sent.messages, static_cast<int64_t>(kTogether));
  EXPECT_LT(sent.batches, static_cast<int64_t>(kTogether));
}

TEST(FlagsLink, OutDelayLetsRequestsShareABatch) {
  Origin origin;
  Chain chain(origin.address().text(), {"-outTimeout=30s", "-outDelay=300ms"}, {});
  ASSERT_TRUE(chain.started());
  const Stopwatch watch;
  answer_together(chain, origin, 0ms);
  EXPECT_TRUE(watch.has_run(300ms));
  const Sent sent = sent_by(chain.near());
  EXPECT_EQ(sent.messages, static_cast<int64_t>(kTogether));
  EXPECT_LT(sent.batches, static_cast<int64_t>(kTogether));
}

TEST(FlagsLink, WithoutADelayEachMessageGoesAtOnce) {
  Origin origin;
  Chain chain(origin.address().text(), {}, {});
  ASSERT_TRUE(chain.started());
  HttpConnection client(chain.address());
  for (size_t i = 0; i < kTogether; ++i)
    EXPECT_EQ(ask(client, get_text("/bytes/10")).head.status, 200);
  for (HttptpProcess* end : {&chain.near(), &chain.far()}) {
    const Sent sent = sent_by(*end);
    EXPECT_EQ(sent.messages, static_cast<int64_t>(kTogether));
    EXPECT_EQ(sent.batches, static_cast<int64_t>(kTogether));
  }
}

// Percent that is left on the wire of what `end` has sent.
int64_t percent_left(HttptpProcess& end) {
  const int64_t raw = end.expvar("linkBytesRawSent").value_or(0);
  return raw > 0 ? end.expvar("linkBytesWireSent").value_or(-1) * 100 / raw : -1;
}

// Percent of a JSON body that goes over the wire each way.
struct Left {
  int64_t request;
  int64_t response;
};
Left send_json(const std::string& out_compress, const std::string& in_compress) {
  Origin origin;
  Chain chain(origin.address().text(), {"-outCompress=" + out_compress},
              {"-inCompress=" + in_compress});
  EXPECT_TRUE(chain.started());
  const std::string body = Content::json(200'000, 1).to_string();
  const Message answer = exchange(chain.address(), post_text(body, "/echo"));
  EXPECT_EQ(answer.head.status, 200);
  EXPECT_EQ(answer.body, body);
  return {percent_left(chain.near()), percent_left(chain.far())};
}

TEST(FlagsLink, InCompressAndOutCompressHoldForOneDirectionEach) {
  const Left requests = send_json("flate", "none");
  EXPECT_LT(requests.request, 50);
  EXPECT_GE(requests.response, 100);
  const Left responses = send_json("none", "flate:1");
  EXPECT_GE(responses.request, 100);
  EXPECT_EQ(responses.response, requests.request) << "flate is flate:1";
  const Left others = send_json("flate:9", "snappy");
  EXPECT_LT(others.request, requests.request);
  EXPECT_GT(others.response, requests.request);
  EXPECT_LT(others.response, 90);
}

TEST(FlagsLink, OutConnsPerAddrIsTheNumberOfLinks) {
  Origin origin;
  for (const int64_t links : {1, 3}) {
    Chain chain(origin.address().text(), {"-outConnsPerAddr=" + std::to_string(links)}, {});
    ASSERT_TRUE(chain.started());
    HttpConnection client(chain.address());
    for (int i = 0; i < 6; ++i)
      EXPECT_EQ(ask(client, get_text("/bytes/10")).head.status, 200);
    EXPECT_TRUE(becomes(chain.near(), "linkConns", links));
    EXPECT_TRUE(becomes(chain.far(), "linkConns", links));
  }
}

void answer_with(ScriptedPeer& origin, const std::string& answer) {
  origin.add_script([answer](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    connection.send(answer);
  });
}

TEST(FlagsLink, OutMaxHeaderSizeRefusesLongerHeads) {
  const std::string large =
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\nX-Long: " +
      std::string(300, 'x') + "\r\n\r\n";
  const std::string small = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  const Flags flags = {"-outMaxHeaderSize=300"};
  ScriptedPeer origin;
  for (const std::string& answer : {large, small, large, small})
    answer_with(origin, answer);
  const std::string post = post_text("");
  RunningHttptp proxy(http_flags(origin.address().text()) + flags);
  EXPECT_EQ(exchange(proxy.address(), post).head.status, 502);
  EXPECT_EQ(exchange(proxy.address(), post).head.status, 200);
  Chain chain(origin.address().text(), flags, {});
  ASSERT_TRUE(chain.started());
  EXPECT_EQ(exchange(chain.address(), post).head.status, 502);
  const std::string long_request = get_text("/", "X-Long: " + std::string(300, 'x') + "\r\n");
  EXPECT_EQ(exchange(chain.address(), long_request).head.status, 431);
  EXPECT_EQ(exchange(chain.address(), post).head.status, 200);
  EXPECT_EQ(chain.near().expvar("outDialSuccess"), 1) << "the link lives";
}

TEST(FlagsLink, OutMaxBodySizeBoundsResponsesThatAreHeldForALink) {
  Origin origin;
  Chain chain(origin.address().text(), {}, {"-outMaxBodySize=1000"});
  ASSERT_TRUE(chain.started());
  EXPECT_EQ(exchange(chain.address(), get_text("/bytes/1000")).head.status, 200);
  EXPECT_EQ(exchange(chain.address(), get_text("/bytes/1001")).head.status, 502);
  EXPECT_EQ(exchange(chain.address(), get_text("/chunked/1001")).head.status, 502);
  EXPECT_EQ(exchange(chain.address(), get_text("/bytes/1000")).head.status, 200);
  EXPECT_EQ(chain.near().expvar("outDialSuccess"), 1) << "the link lives";
}

// At the near end it bounds what waits for a client that does not read.
TEST(FlagsLink, OutMaxBodySizeBoundsResponsesThatWaitForASlowClient) {
  Origin origin;
  Chain chain(origin.address().text(), {"-outMaxBodySize=100000"}, {});
  ASSERT_TRUE(chain.started());
  auto slow = Socket::connect(chain.address(), after(), 4096);
  ASSERT_TRUE(slow);
  slow->send_all(get_text("/bytes/20000000"));
  EXPECT_TRUE(becomes(chain.near(), "failures.body_too_large", 1));
  EXPECT_LT(slow->recv_to_end().bytes.size(), 20'000'000u);
  EXPECT_EQ(exchange(chain.address(), get_text("/bytes/20000000")).head.status, 200)
      << "who reads gets all of it";
}

TEST(FlagsLink, OutProxyProtocolNamesTheClientToTheServer) {
  for (const bool is_v1 : {true, false}) {
    ScriptedPeer origin;
    origin.add_script([is_v1](ScriptedPeer::Connection& connection) {
      if (is_v1) {
        const std::string header = connection.expect("\r\n");
        EXPECT_THAT(header, StartsWith("PROXY TCP4 127.0.0.3 127.0.0.1 "));
      } else {
        connection.expect_bytes(std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16));
        connection.expect_bytes(std::string("\x7f\0\0\x03\x7f\0\0\x01", 8));
        connection.expect("GET /x HTTP/1.1\r\n");
      }
      connection.expect("\r\n\r\n");
      connection.send("HTTP/1.1 204 No Content\r\n\r\n");
    });
    RunningHttptp proxy(http_flags(origin.address().text()) +
                        Flags{is_v1 ? "-outProxyProtocol=v1" : "-outProxyProtocol=v2"});
    ASSERT_TRUE(proxy.started());
    HttpConnection client = connect_from("127.0.0.3", proxy.address());
    EXPECT_EQ(ask(client, get_text("/x")).head.status, 204);
    origin.join();
  }
}

TEST(FlagsLink, OutProxyProtocolOfALinkNamesNobody) {
  Origin origin;
  for (const std::string version : {"v1", "v2"}) {
    Chain chain(origin.address().text(), {"-outProxyProtocol=" + version},
                {"-inProxyProtocol=" + version, "-inProxyProtocolFrom=127.0.0.1"});
    ASSERT_TRUE(chain.started());
    EXPECT_EQ(exchange(chain.address(), get_text("/bytes/1")).head.status, 200);
  }
}

}  // namespace
}  // namespace httpteleport::test
