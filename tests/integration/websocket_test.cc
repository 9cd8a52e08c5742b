// WebSocket through the program: tunnels from http to http, what is refused, and links, which have
// no place for them.
#include "support/websocket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "integration/topology.h"
#include "support/independent_codecs.h"
#include "support/origin.h"
#include "support/scripted_peer.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kFrameBytes[] = {0, 1, 125, 126, 64 * 1024, 1024 * 1024};

// The program in front of an origin; `peer` is the latter's address.
class Proxy : public RunningHttptp {
 public:
  explicit Proxy(const Address& peer, const Flags& flags = {})
      : RunningHttptp(http_flags(peer.text()) + flags) {}

  bool wait_for(std::string_view name, int64_t value) {
    return wait_until([&] { return (*this)->expvar(name) == value; });
  }
};

std::optional<WebSocket> open_at(const Address& address, int receive_buffer_bytes = 0) {
  std::string error;
  auto end = WebSocket::open(address, error, receive_buffer_bytes);
  EXPECT_TRUE(end.has_value()) << error;
  return end;
}

testing::AssertionResult echoes(WebSocket& end, const std::string& payload) {
  const IoStatus sent = end.send_frame(payload);
  const Received back = end.read_frame();
  if (back.status == IoStatus::kOk && back.bytes == payload) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "sent " << payload.size() << ": " << sent << ", got "
                                     << back.bytes.size() << ": " << back.status;
}

TEST(WebSocketTest, AnswersTheKeyOfTheSpecification) {
  EXPECT_EQ(websocket_accept(kWebSocketKey), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketTest, CarriesFramesOfEverySize) {
  WebSocketEcho origin;
  Proxy proxy(origin.address());
  auto client = open_at(proxy.address());
  ASSERT_TRUE(client);
  for (const size_t size : kFrameBytes)
    EXPECT_TRUE(echoes(*client, Content::bytes(size, size).to_string()));
  client->socket().shutdown_write();
  EXPECT_EQ(client->socket().recv_to_end().status, IoStatus::kClosed);
  EXPECT_TRUE(proxy.wait_for("tunnelsOpen", 0));
  EXPECT_TRUE(proxy.wait_for("inConns", 0));
  EXPECT_TRUE(proxy.wait_for("outConns", 0));
  EXPECT_EQ(proxy->expvar("upgrades"), 1);
  EXPECT_EQ(proxy->expvar("inRequestSuccess"), 1);
  EXPECT_EQ(proxy->expvar("responses1xx"), 1);
  EXPECT_EQ(origin.ended(), 1);
}

TEST(WebSocketTest, CarriesFramesBothWaysAtOnce) {
  WebSocketEcho origin;
  Proxy proxy(origin.address());
  auto client = open_at(proxy.address());
  ASSERT_TRUE(client);
  constexpr int kRounds = kSanitized ? 3 : 10;
  std::thread sender([fd = ::dup(client->socket().fd())] {
    WebSocket out(Socket(Fd(fd)), WebSocket::Role::kClient);
    for (int round = 0; round < kRounds; ++round) {
      for (const size_t size : kFrameBytes)
        EXPECT_EQ(out.send_frame(Content::bytes(size, size).to_string(), after(30s)),
                  IoStatus::kOk);
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    for (const size_t size : kFrameBytes) {
      const Received frame = client->read_frame(after(30s));
      EXPECT_EQ(frame.status, IoStatus::kOk);
      EXPECT_TRUE(frame.bytes == Content::bytes(size, size).to_string()) << size;
    }
  }
  sender.join();
}

TEST(WebSocketTest, HoldsLittleForAClientThatReadsSlowly) {
  const Content content = Content::bytes(uint64_t{48} << 20, 5);
  ScriptedPeer origin;
  origin.add_script([&](ScriptedPeer::Connection& peer) {
    peer.expect("\r\n\r\n");
    peer.send(websocket_answer(kWebSocketKey));
    peer.send(content.to_string());
  });
  Proxy proxy(origin.address(), {"-workers=1"});
  auto client = Socket::connect(proxy.address(), after(), 64 * 1024);
  ASSERT_TRUE(client);
  client->send_all(websocket_request(kWebSocketKey));
  EXPECT_THAT(client->recv_until("\r\n\r\n").bytes, StartsWith("HTTP/1.1 101 "));
  // Whatever the kernels hold, what the program has read stops to grow far below the whole.
  int64_t read = 0;
  int same = 0;
  ASSERT_TRUE(wait_until([&] {
    const int64_t now = proxy->expvar("outBytesRead").value_or(0);
    same = now == read && now > 0 ? same + 1 : 0;
    read = now;
    return same == 50;
  }));
  EXPECT_LT(read, 16 << 20);
  const uint64_t memory = proxy->process().rss_bytes();
  EXPECT_LT(memory, uint64_t{kSanitized ? 400 : 40} << 20);
  uint64_t got = 0;
  while (got < content.size()) {
    const Received piece = client->recv_some();
    ASSERT_EQ(piece.status, IoStatus::kOk);
    ASSERT_TRUE(content.matches(got, piece.bytes)) << got;
    got += piece.bytes.size();
  }
  origin.join();
}

TEST(WebSocketTest, PassesEachEndOnByItself) {
  ScriptedPeer origin;
  origin.add_script([](ScriptedPeer::Connection& peer) {
    peer.expect("\r\n\r\n");
    peer.send(websocket_answer(kWebSocketKey));
    peer.expect_bytes("last words");
    peer.expect_end();
    peer.send("an answer all the same");
  });
  Proxy proxy(origin.address());
  HttpConnection client(proxy.address());
  client.send(websocket_request(kWebSocketKey));
  EXPECT_THAT(client.socket().recv_until("\r\n\r\n").bytes, StartsWith("HTTP/1.1 101 "));
  client.send("last words");
  client.socket().shutdown_write();
  const Received rest = client.socket().recv_to_end();
  EXPECT_EQ(rest.status, IoStatus::kClosed);
  EXPECT_EQ(rest.bytes, "an answer all the same");
  EXPECT_TRUE(proxy.wait_for("tunnelsOpen", 0));
}

TEST(WebSocketTest, PassesAResetOn) {
  WebSocketEcho origin;
  Proxy proxy(origin.address());
  auto reset_by_origin = open_at(proxy.address());
  auto reset_by_client = open_at(proxy.address());
  ASSERT_TRUE(reset_by_origin && reset_by_client);
  reset_by_origin->send_frame("reset");
  EXPECT_EQ(reset_by_origin->read_frame().status, IoStatus::kReset);
  EXPECT_TRUE(echoes(*reset_by_client, "hello"));
  reset_by_client->socket().reset();
  EXPECT_TRUE(wait_until([&] { return origin.resets() == 1; }));
  EXPECT_TRUE(proxy.wait_for("tunnelsOpen", 0));
  EXPECT_TRUE(proxy.wait_for("outConns", 0));
}

// ---- What is no tunnel.

TEST(WebSocketTest, PassesARefusalOnAndKeepsTheConnections) {
  ScriptedPeer origin;
  origin.add_script([](ScriptedPeer::Connection& peer) {
    peer.expect_request();
    peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    const Message next = peer.expect_request();
    EXPECT_EQ(next.head.count("upgrade"), 0u);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
  });
  Proxy proxy(origin.address(), {"-workers=1"});
  HttpConnection client(proxy.address());
  client.send(websocket_request(kWebSocketKey));
  const Message refusal = client.read_response();
  EXPECT_EQ(refusal.head.status, 403);
  EXPECT_EQ(refusal.body, "no");
  EXPECT_TRUE(refusal.head.keep_alive());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "yes");
  origin.join();
}

TEST(WebSocketTest, ServesNothingBehindAnOfferThatWasRefused) {
  ScriptedPeer origin;
  origin.add_script([](ScriptedPeer::Connection& peer) {
    peer.expect_request();
    peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    peer.stall();
  });
  Proxy proxy(origin.address(), {"-workers=1"});
  HttpConnection client(proxy.address());
  client.send(websocket_request(kWebSocketKey) + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message refusal = client.read_response();
  EXPECT_EQ(refusal.head.status, 403);
  EXPECT_FALSE(refusal.head.keep_alive());
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(proxy->expvar("inRequestStart"), 1);
  EXPECT_EQ(origin.extra_connections(), 0u);
}

TEST(WebSocketTest, HoldsBytesBehindTheOfferForTheTunnel) {
  WebSocketEcho origin;
  Proxy proxy(origin.address());
  auto socket = Socket::connect(proxy.address());
  ASSERT_TRUE(socket);
  socket->send_all(websocket_request(kWebSocketKey) +
                   websocket_frame("early", WebSocket::Role::kClient));
  EXPECT_THAT(socket->recv_until("\r\n\r\n").bytes, StartsWith("HTTP/1.1 101 "));
  WebSocket client(std::move(*socket), WebSocket::Role::kClient);
  EXPECT_EQ(client.read_frame().bytes, "early");
}

TEST(WebSocketTest, AnswersBadGatewayToASwitchThatWasNotOffered) {
  ScriptedPeer origin;
  for (const char* protocol : {"websocket", "chess"}) {
    origin.add_script([protocol](ScriptedPeer::Connection& peer) {
      peer.expect_request();
      peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: " +
                std::string(protocol) + "\r\n\r\n");
      peer.expect_end();
    });
  }
  Proxy proxy(origin.address());
  HttpConnection plain(proxy.address());
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(plain.read_response().head.status, 502);
  HttpConnection client(proxy.address());
  client.send(websocket_request(kWebSocketKey));
  EXPECT_EQ(client.read_response().head.status, 502);
  origin.join();
  EXPECT_EQ(proxy->expvar("upgrades"), 0);
}

// No tunnel for requests: the offer is dropped, and what follows is a request like any other.
TEST(WebSocketTest, ServesOffersOfHttpAndTlsWithoutThem) {
  Origin origin;
  Proxy proxy(origin.address());
  HttpConnection client(proxy.address());
  for (const char* protocol : {"h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c"}) {
    client.send(
        "GET /headers HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: " +
        std::string(protocol) + "\r\nHTTP2-Settings: AAMAAABk\r\n\r\n");
    const Message answer = client.read_response();
    EXPECT_EQ(answer.head.status, 200);
    EXPECT_EQ(answer.body.find("pgrade"), std::string::npos) << answer.body;
    EXPECT_EQ(answer.body.find("HTTP2"), std::string::npos) << answer.body;
  }
}

// ---- Links.

constexpr std::string_view kNotOverLinks =
    "an upgrade (WebSocket) cannot pass over a teleport link\n";

TEST(WebSocketTest, IsRefusedAtTheNearEndOfALink) {
  Origin origin;
  Arrangement proxy(Topology::kChain, origin.address().text());
  HttpConnection client(proxy.address());
  client.send(websocket_request(kWebSocketKey));
  const Message refusal = client.read_response();
  EXPECT_EQ(refusal.head.status, 501);
  EXPECT_EQ(refusal.body, kNotOverLinks);
  client.send("GET /bytes/10 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_response().head.status, 200);
  EXPECT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.requests == 1; }));
}

TEST(WebSocketTest, IsRefusedAtTheFarEndOfALinkAlone) {
  Origin origin;
  RunningHttptp far({"-in=127.0.0.1:0", "-inType=teleport", "-inCompress=none", "-outType=http",
                     "-out=" + origin.address().text()});
  auto link = Socket::connect(far.address());
  ASSERT_TRUE(link);
  link->send_all(link_handshake(LinkCoding::kNone));
  EXPECT_EQ(link->recv_exactly(kLinkHandshakeBytes).bytes, link_handshake(LinkCoding::kNone));
  link->send_all(link_frame(1, websocket_request(kWebSocketKey)));
  const std::string refusal = link->recv_until(kNotOverLinks).bytes;
  EXPECT_THAT(refusal.substr(4), StartsWith("HTTP/1.1 501 Not Implemented\r\n"));
  link->send_all(link_frame(2, "GET /bytes/0 HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_THAT(link->recv_until("\r\n\r\n").bytes.substr(4), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.requests == 1; }));
}

// ---- The end of the process, and many at a time.

TEST(WebSocketTest, GoesOnWhileTheProgramDrainsUntilTheDeadline) {
  WebSocketEcho origin;
  Proxy proxy(origin.address(), {"-shutdownTimeout=1500ms"});
  auto client = open_at(proxy.address());
  ASSERT_TRUE(client);
  const auto begin = Clock::now();
  proxy->process().signal(SIGTERM);
  ASSERT_TRUE(proxy->process().wait_line("signal received").has_value());
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(echoes(*client, "still there"));
  EXPECT_EQ(client->read_frame().status, IoStatus::kReset);
  EXPECT_GE(Clock::now() - begin, 1400ms);
  EXPECT_TRUE(wait_until([&] { return origin.resets() == 1; }));
  const auto status = proxy->process().wait_exit();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code, 0);
}

TEST(WebSocketTest, LetsTheProgramEndAsSoonAsTheLastTunnelHas) {
  WebSocketEcho origin;
  Proxy proxy(origin.address(), {"-shutdownTimeout=1h"});
  auto client = open_at(proxy.address());
  ASSERT_TRUE(client);
  proxy->process().signal(SIGTERM);
  ASSERT_TRUE(proxy->process().wait_line("signal received").has_value());
  EXPECT_TRUE(echoes(*client, "still there"));
  EXPECT_TRUE(proxy->process().is_running());
  client->socket().shutdown_write();
  EXPECT_EQ(client->read_frame().status, IoStatus::kClosed);
  const auto status = proxy->process().wait_exit();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code, 0);
}

TEST(WebSocketTest, CarriesManyAtATime) {
  constexpr int kTunnels = 200;
  WebSocketEcho origin;
  Proxy proxy(origin.address(), {"-concurrency=1000"});
  std::vector<WebSocket> clients;
  for (int i = 0; i < kTunnels; ++i) {
    auto client = open_at(proxy.address());
    ASSERT_TRUE(client);
    clients.push_back(std::move(*client));
  }
  EXPECT_TRUE(proxy.wait_for("tunnelsOpen", kTunnels));
  EXPECT_EQ(proxy->expvar("exchangesOpen"), kTunnels);
  for (size_t i = 0; i < clients.size(); ++i)
    clients[i].send_frame(Content::bytes(i * 100, i).to_string());
  for (size_t i = 0; i < clients.size(); ++i)
    EXPECT_TRUE(clients[i].read_frame().bytes == Content::bytes(i * 100, i).to_string()) << i;
  for (WebSocket& client : clients)
    client.socket().shutdown_write();
  for (WebSocket& client : clients)
    EXPECT_EQ(client.read_frame().status, IoStatus::kClosed);
  EXPECT_TRUE(proxy.wait_for("tunnelsOpen", 0));
  EXPECT_TRUE(proxy.wait_for("outConns", 0));
  EXPECT_EQ(proxy->expvar("upgrades"), kTunnels);
  EXPECT_EQ(proxy->expvar("inRequestSuccess"), kTunnels);
}

TEST(WebSocketTest, CountsTunnelsForTheLimitOfRequests) {
  WebSocketEcho origin;
  Proxy proxy(origin.address(), {"-concurrency=1", "-workers=1"});
  auto client = open_at(proxy.address());
  ASSERT_TRUE(client);
  HttpConnection other(proxy.address());
  other.send(websocket_request(kWebSocketKey));
  EXPECT_EQ(other.read_response().head.status, 429);
  EXPECT_TRUE(echoes(*client, "hello"));
}

TEST(WebSocketTest, ShakesHandsWithCurl) {
  ScriptedPeer origin;
  origin.add_script([](ScriptedPeer::Connection& peer) {
    peer.expect("\r\n\r\n");
    peer.send(websocket_answer(kWebSocketKey));
    peer.send(websocket_frame("hello, curl\n", WebSocket::Role::kServer));
  });
  Proxy proxy(origin.address());
  Process curl({"/usr/bin/curl", "-sS", "-i", "-N", "--max-time", "10", "--noproxy", "*", "-H",
                "Connection: Upgrade", "-H", "Upgrade: websocket", "-H",
                "Sec-WebSocket-Version: 13", "-H",
                "Sec-WebSocket-Key: " + std::string(kWebSocketKey),
                "http://" + proxy.address().text() + "/chat"});
  EXPECT_TRUE(curl.wait_line("HTTP/1.1 101 Switching Protocols").has_value()) << curl.output();
  EXPECT_TRUE(curl.wait_line("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").has_value());
  EXPECT_TRUE(curl.wait_line("hello, curl").has_value()) << curl.output();
  const auto status = curl.wait_exit();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code, 0) << curl.output();
}

}  // namespace
}  // namespace httpteleport::test
