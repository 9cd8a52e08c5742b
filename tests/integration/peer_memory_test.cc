// What a peer costs that says much and sends little: memory follows the bytes that have come, never
// a length that was told. 10 KiB from one peer must never cost 1 MiB.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "integration/flags.h"
#include "support/certificates.h"
#include "support/independent_codecs.h"
#include "support/scripted_peer.h"
#include "support/temporary_folder.h"
#include "support/websocket.h"

namespace httpteleport::test {
namespace {

using namespace std::string_literals;

constexpr uint64_t kKiB = 1024;
constexpr size_t kSentBytes = 10 * 1024;
// An open link has buffers and the two dictionaries of its compressions; it is one of few.
constexpr uint64_t kLinkCostMax = 1024 * kKiB;
constexpr uint64_t kTlsCostMax = 256 * kKiB;
constexpr uint64_t kCostMax = 64 * kKiB;
constexpr size_t kPeers = 100;
constexpr size_t kLinks = 40;

// More than any machine has.
constexpr const char* kHugeLength = "Content-Length: 4000000000000\r\n";
constexpr const char* kHugeLimit = "-inMaxBodySize=9000000000000";

// Pseudo-random, without an end of line.
std::string filler(size_t bytes = kSentBytes) {
  std::string text = Content::bytes(bytes, 1).to_string();
  for (char& c : text)
    c = static_cast<char>('a' + static_cast<unsigned char>(c) % 26);
  return text;
}

struct Peer {
  std::string what;
  std::string bytes;
  size_t count = kPeers;
  uint64_t cost_max = kCostMax;
};

// Nothing moves in the process any more.
void settle(HttptpProcess& process) {
  std::pair<int64_t, uint64_t> before{-1, 0};
  int same = 0;
  EXPECT_TRUE(wait_until([&] {
    const std::pair now{process.expvar("inBytesRead").value_or(0), process.process().rss_bytes()};
    same = now == before ? same + 1 : 0;
    before = now;
    return same > 20;
  }));
}

void connect(const Address& address, size_t count, const std::string& bytes,
             std::vector<Socket>& sockets) {
  for (size_t i = 0; i < count; ++i) {
    auto socket = Socket::connect(address);
    ASSERT_TRUE(socket);
    socket->send_all(bytes);  // one that is refused at once is as good
    sockets.push_back(std::move(*socket));
  }
}

// What each of so many peers of `proxy` makes `watched` grow.
void measure(const Peer& peer, RunningHttptp& proxy, RunningHttptp& watched) {
  ASSERT_TRUE(proxy.started() && watched.started());
  std::vector<Socket> sockets;
  // What is needed once is there after some of them.
  connect(proxy.address(), peer.count / 4, peer.bytes, sockets);
  settle(*watched);
  const uint64_t before = watched->process().rss_bytes();
  connect(proxy.address(), peer.count, peer.bytes, sockets);
  settle(*watched);
  const uint64_t after = watched->process().rss_bytes();
  const uint64_t cost = (after - std::min(before, after)) / peer.count;
  std::printf("%s: %.1f KiB each\n", peer.what.c_str(), static_cast<double>(cost) / kKiB);
  EXPECT_LT(cost, peer.cost_max * (kSanitized ? 4 : 1));
  sockets.clear();
  EXPECT_TRUE(becomes(*proxy, "exchangesOpen", 0)) << "they have left";
}

// A process for each, because memory that one kind of peer has left is there for the next.
void expect_cheap(const Flags& flags, const std::vector<Peer>& peers) {
  for (const Peer& peer : peers) {
    SCOPED_TRACE(peer.what);
    RunningHttptp proxy(flags + Flags{"-workers=1"});
    measure(peer, proxy, proxy);
  }
}

const std::string kPost = "POST /hash HTTP/1.1\r\nHost: a\r\n";
const std::string kChunkedPost = kPost + "Transfer-Encoding: chunked\r\n\r\n";

TEST(PeerMemory, OfHttpClientsFollowsWhatTheyHaveSent) {
  Origin origin;
  expect_cheap(http_flags(origin.address().text()) + Flags{"-inMaxHeaderSize=100000", kHugeLimit},
               {{"heads", "GET / HTTP/1.1\r\nHost: a\r\nX: " + filler()},
                {"bodies", kPost + kHugeLength + "\r\n" + filler()},
                {"chunks", kChunkedPost + "ffffffffff\r\n" + filler()},
                {"chunk extensions", kChunkedPost + "1;x=" + filler()},
                {"trailers", kChunkedPost + "1\r\na\r\n0\r\nX: " + filler()}});
}

TEST(PeerMemory, OfClientsOfALinkFollowsWhatTheyHaveSent) {
  Origin origin;
  RunningHttptp far(far_flags(origin.address().text()));
  // The near end holds bodies whole, but for those that say that they are longer than it may hold.
  expect_cheap(near_flags(far.address().text()) + Flags{kHugeLimit},
               {{"bodies for a link", kPost + "Content-Length: 1000000000\r\n\r\n" + filler()},
                {"chunks for a link", kChunkedPost + "ffffffffff\r\n" + filler()}});
}

TEST(PeerMemory, OfLinksFollowsWhatTheyHaveSent) {
  Origin origin;
  for (const LinkCoding coding : kLinkCodings) {
    const auto link = [coding](const std::string& what, const std::string& message) {
      return Peer{link_coding_name(coding) + (": " + what),
                  link_handshake(coding) + pack(coding, link_frame(1, message)), kLinks,
                  kLinkCostMax};
    };
    expect_cheap(far_flags(origin.address().text()) + Flags{"-inMaxHeaderSize=100000", kHugeLimit},
                 {link("heads", kPost + "X: " + filler()),
                  link("bodies", kPost + kHugeLength + "\r\n" + filler()),
                  link("chunks", kChunkedPost + "ffffffffff\r\n" + filler())});
  }
}

// 10 KiB of flate hold 10 MiB. What an endpoint does not take at once is held: that is what was
// unpacked, up to -inMaxBodySize.
TEST(PeerMemory, OfLinksIsSmallWhateverTheirBytesUnpackTo) {
  Origin origin;
  constexpr uint64_t kBodyBytesMax = 4096 * kKiB;
  const std::string bomb(10 << 20, 'x');
  for (const LinkCoding coding : {LinkCoding::kFlate, LinkCoding::kSnappy}) {
    const auto link = [&](const std::string& what, const std::string& message, uint64_t cost_max) {
      return Peer{link_coding_name(coding) + (": 10 MiB of " + what),
                  link_handshake(coding) + pack(coding, link_frame(1, message + bomb)), kLinks,
                  cost_max};
    };
    expect_cheap(far_flags(origin.address().text()),
                 {link("a body", kChunkedPost + "fffffff\r\n", kLinkCostMax + kBodyBytesMax),
                  link("a head", kPost + "X: ", kLinkCostMax),
                  link("a chunk's extensions", kChunkedPost + "1;", kLinkCostMax)});
  }
}

// Records and messages as TLS 1.2 and 1.3 begin them.
std::string begun_client_hello() {
  const std::string message =
      "\x01"s + "\x01\x86\xa0"s + "\x03\x03"s + filler(kSentBytes);  // 100,000 bytes
  std::string wire;
  wire += "\x16\x03\x01"s + static_cast<char>(message.size() >> 8) +
          static_cast<char>(message.size() & 0xff);
  return wire + message;
}

TEST(PeerMemory, OfTlsHandshakesFollowsWhatHasCome) {
  Origin origin;
  const TestCa ca("memory");
  const TemporaryFolder folder;
  const Pem pem = ca.issue({.ips = {"127.0.0.1"}});
  expect_cheap({"-in=127.0.0.1:0", "-inType=https", "-outType=http",
                "-inTLSCert=" + folder.write("pem", pem.certificate),
                "-inTLSKey=" + folder.write("key", pem.key), "-out=" + origin.address().text()},
               {{"nothing of a handshake", "\x16"s, kPeers, kTlsCostMax},
                // OpenSSL takes room for a message, up to 128 KiB, as soon as its length is known.
                {"a ClientHello of 100,000 bytes", begun_client_hello(), kPeers, kTlsCostMax},
                {"a record", "\x16\x03\x01\x40\x00"s + filler(), kPeers, kTlsCostMax}});
}

TEST(PeerMemory, OfProxyHeadersFollowsWhatHasCome) {
  Origin origin;
  const std::string signature = "\r\n\r\n\0\r\nQUIT\n\x21\x11"s;
  expect_cheap(http_flags(origin.address().text()) +
                   Flags{"-inProxyProtocol=any", "-inProxyProtocolFrom=127.0.0.1"},
               {{"PROXY version 1", "PROXY TCP4 " + filler()},
                {"PROXY version 2, 65,535 bytes", signature + "\xff\xff"s + filler()},
                {"PROXY version 2, 4,000 bytes", signature + "\x0f\xa0"s + filler(3900)}});
}

TEST(PeerMemory, OfWebSocketsFollowsWhatTheyHaveSent) {
  WebSocketEcho echo;
  const std::string begun_frame = "\x82\xff\x40\0\0\0\0\0\0\0abcd"s;  // of 2^62 bytes
  expect_cheap(http_flags(echo.address().text()),
               {{"WebSocket frames", websocket_request(kWebSocketKey) + begun_frame + filler()}});
}

// An origin that says much and sends little, to many clients.
TEST(PeerMemory, OfAnswersFollowsWhatHasCome) {
  constexpr size_t kAnswers = 40;
  for (const Topology topology : {Topology::kHttp, Topology::kChain}) {
    ScriptedPeer origin;
    for (size_t i = 0; i < kAnswers + kAnswers / 4; ++i) {
      origin.add_script([](ScriptedPeer::Connection& connection) {
        connection.expect_request();
        connection.send("HTTP/1.1 200 OK\r\n"s + kHugeLength + "\r\n" + filler());
        connection.stall();
      });
    }
    const std::string address = origin.address().text();
    const bool is_link = topology == Topology::kChain;
    RunningHttptp proxy((is_link ? far_flags(address) : http_flags(address)) +
                        Flags{"-workers=1", "-outTimeout=60s"});
    RunningHttptp near(near_flags(proxy.address().text()) + Flags{"-outTimeout=60s"});
    measure({.what = is_link ? "answers for a link" : "answers",
             .bytes = get_text("/"),
             .count = kAnswers},
            is_link ? near : proxy, proxy);
    origin.release();
    origin.join();
  }
}

}  // namespace
}  // namespace httpteleport::test
