// The effects of the flags that say what version a link speaks, and of those that only v2 has.
#include <random>
#include <string>
#include <string_view>

#include "integration/flags.h"
#include "support/scripted_peer.h"

namespace httpteleport::test {
namespace {

// A chain whose compressions are the default ones.
class DefaultChain : public Chain {
 public:
  DefaultChain(const Origin& origin, const Flags& near, const Flags& far)
      : Chain(origin.address().text(), Flags{"-outCompress=auto"} + near,
              Flags{"-inCompress=auto"} + far) {}
};

// What each end of a link sends first: version, compression, TLS.
std::string handshake(char version, char compression) {
  return "httpteleport" + std::string{version, compression, '\0'};
}
const std::string kV0 = handshake(0, 0);  // flate
const std::string kV2 = handshake(2, 3);  // zstd

// What a far end with these flags says to such a handshake: "" if it closes the connection.
std::string answer_of(const Flags& flags, const std::string& sent) {
  RunningHttptp far(
      Flags{"-in=127.0.0.1:0", "-inType=teleport", "-outType=http", "-out=127.0.0.1:9"} + flags);
  EXPECT_TRUE(far.started());
  auto near = Socket::connect(far.address(), after());
  EXPECT_TRUE(near);
  near->send_all(sent);
  return near->recv_exactly(kV0.size()).bytes;
}

TEST(FlagsProtocol, InProtocolIsTheVersionThatIsTaken) {
  EXPECT_EQ(answer_of({}, kV0), kV0);
  EXPECT_EQ(answer_of({}, kV2), kV2);
  EXPECT_EQ(answer_of({"-inProtocol=v0"}, kV0), kV0);
  EXPECT_EQ(answer_of({"-inProtocol=v0"}, kV2), "");
  EXPECT_EQ(answer_of({"-inProtocol=v2"}, kV0), "");
  EXPECT_EQ(answer_of({"-inProtocol=v2"}, kV2), kV2);
}

TEST(FlagsProtocol, InCompressIsThatOfTheVersion) {
  EXPECT_EQ(answer_of({"-inCompress=none"}, kV0), handshake(0, 1));
  EXPECT_EQ(answer_of({"-inCompress=none"}, kV2), handshake(2, 1));
  EXPECT_EQ(answer_of({"-inCompress=zstd:3"}, kV0), kV0);
  EXPECT_EQ(answer_of({"-inCompress=zstd:3"}, kV2), kV2);
  EXPECT_EQ(answer_of({"-inCompress=snappy"}, kV0), handshake(0, 2));
  EXPECT_EQ(answer_of({"-inCompress=snappy"}, kV2), "") << "v2 has no snappy";
}

// A far end that closes the first connection, and what is asked for on the next one.
void expect_asked(const Flags& flags, const std::string& first, const std::string& second) {
  ScriptedPeer far;
  for (const std::string& asked : {first, second}) {
    far.add_script([asked](ScriptedPeer::Connection& connection) {
      connection.expect_bytes(asked);
      connection.close();
    });
  }
  RunningHttptp near(
      Flags{"-in=127.0.0.1:0", "-outType=teleport", "-workers=1", "-out=" + far.address().text()} +
      flags);
  ASSERT_TRUE(near.started());
  EXPECT_EQ(exchange(near.address(), get_text("/")).head.status, 502);
  EXPECT_EQ(exchange(near.address(), get_text("/")).head.status, 502);
  far.join();
}

TEST(FlagsProtocol, OutProtocolIsTheVersionThatIsAskedFor) {
  expect_asked({}, kV2, kV0);
  expect_asked({"-outProtocol=v2"}, kV2, kV2);
  expect_asked({"-outProtocol=v0"}, kV0, kV0);
  expect_asked({"-outCompress=none"}, handshake(2, 1), handshake(0, 1));
  expect_asked({"-outCompress=flate:6"}, kV0, kV0);
}

TEST(FlagsProtocol, EndsThatHaveNoVersionInCommonServeNobody) {
  Origin origin;
  for (const bool near_is_v2 : {true, false}) {
    DefaultChain chain(origin, {near_is_v2 ? "-outProtocol=v2" : "-outProtocol=v0"},
                       {near_is_v2 ? "-inProtocol=v0" : "-inProtocol=v2"});
    ASSERT_TRUE(chain.started());
    EXPECT_EQ(exchange(chain.address(), get_text("/bytes/1")).head.status, 502);
  }
}

TEST(FlagsProtocol, AnyTwoEndsThatHaveAVersionInCommonServe) {
  Origin origin;
  for (const std::string near :
       {"-outProtocol=auto", "-outProtocol=v2", "-outProtocol=v0", "-outCompress=none",
        "-outCompress=zstd:9", "-outCompress=snappy"}) {
    DefaultChain chain(origin, {near}, {});
    ASSERT_TRUE(chain.started());
    EXPECT_EQ(exchange(chain.address(), get_text("/bytes/1000")).body.size(), 1000u) << near;
  }
  for (const std::string far : {"-inProtocol=v2", "-inProtocol=v0", "-inCompress=none",
                                "-inCompress=zstd:2", "-inCompress=flate:9"}) {
    DefaultChain chain(origin, {}, {far});
    ASSERT_TRUE(chain.started());
    EXPECT_EQ(exchange(chain.address(), get_text("/bytes/1000")).body.size(), 1000u) << far;
  }
}

// A hello begins with its length and, as setting 1, the window that its sender has room for.
TEST(FlagsProtocol, LinkMemoryIsWhatAnEndHasRoomFor) {
  struct {
    std::string value;
    char window_log;
  } const kCases[] = {{"small", 19}, {"normal", 22}, {"large", 24}};
  for (const auto& c : kCases) {
    const Flags flags = {"-linkMemory=" + c.value};
    ScriptedPeer far;
    far.add_script([&c](ScriptedPeer::Connection& connection) {
      connection.expect_bytes(kV2);
      connection.send(kV2);
      const std::string hello = connection.expect(std::string{1, c.window_log, 2});
      EXPECT_EQ(hello.size(), 4u);
      connection.close();
    });
    RunningHttptp near(Flags{"-in=127.0.0.1:0", "-workers=1", "-out=" + far.address().text()} +
                       flags);
    ASSERT_TRUE(near.started());
    far.join();

    RunningHttptp end(
        Flags{"-in=127.0.0.1:0", "-inType=teleport", "-outType=http", "-out=127.0.0.1:9"} + flags);
    ASSERT_TRUE(end.started());
    auto peer = Socket::connect(end.address(), after());
    ASSERT_TRUE(peer);
    peer->send_all(kV2);
    const std::string said = peer->recv_until(std::string{1, c.window_log, 2}).bytes;
    EXPECT_EQ(said.size(), kV2.size() + 4) << c.value;
  }
}

// Bytes on the wire of requests whose header X-Token is the same text, a little shifted each time.
int64_t wire_bytes_of_tokens(const std::string& secret_headers) {
  Origin origin;
  DefaultChain chain(origin, {"-outProtocol=v2", "-linkSecretHeaders=" + secret_headers}, {});
  EXPECT_TRUE(chain.started());
  HttpConnection client(chain.address());
  std::string token;
  std::minstd_rand random(7);
  for (size_t i = 0; i < 400; ++i)
    token.push_back(static_cast<char>('a' + random() % 26));
  for (size_t i = 0; i < 40; ++i) {
    const std::string value = std::string(i % 16 + 1, 'x') + token;
    EXPECT_EQ(ask(client, get_text("/bytes/1", "X-Token: " + value + "\r\n")).head.status, 200);
  }
  return chain.near().expvar("linkBytesWireSent").value_or(-1);
}

TEST(FlagsProtocol, LinkSecretHeadersKeepOutOfTheCompressor) {
  const int64_t open = wire_bytes_of_tokens("");
  EXPECT_GT(open, 0);
  EXPECT_GT(wire_bytes_of_tokens("Cookie,X-Token"), 2 * open);
  EXPECT_LT(wire_bytes_of_tokens("cookie"), 2 * open);
}

// Of a body that is asked for and one that is sent, each several times over.
TEST(FlagsProtocol, LinkPlainBodiesKeepBodiesOutOfTheCompressor) {
  constexpr int64_t kBytes = 20'000;
  constexpr int64_t kTimes = 5;
  Origin origin;
  DefaultChain chain(origin, {"-outProtocol=v2", "-linkPlainBodies=/none, /json/,/echo"}, {});
  ASSERT_TRUE(chain.started());
  const std::string body = Content::json(kBytes, 1).to_string();
  const std::string bytes = std::to_string(kBytes);
  HttpConnection client(chain.address());
  for (int i = 0; i < kTimes; ++i) {
    EXPECT_EQ(ask(client, get_text("/json/" + bytes)).body.size(), body.size());
    EXPECT_EQ(ask(client, post_text(body, "/echo")).body, body);
  }
  EXPECT_GT(chain.near().expvar("linkBytesWireSent"), kTimes * kBytes);
  // A client may have its answer before it is counted.
  EXPECT_TRUE(wait_until(
      [&] { return chain.near().expvar("linkBytesWireReceived") > 2 * kTimes * kBytes; }));
  EXPECT_EQ(chain.near().expvar("linkBodies"), 0);
  // Of another path they are what they were.
  const int64_t before = chain.near().expvar("linkBytesWireSent").value_or(0);
  for (int i = 0; i < kTimes; ++i)
    EXPECT_EQ(ask(client, post_text(body)).head.status, 200);
  EXPECT_LT(chain.near().expvar("linkBytesWireSent"), before + kTimes * kBytes / 2);
  EXPECT_GT(chain.near().expvar("linkBodies"), 0);
}

}  // namespace
}  // namespace httpteleport::test
