#include "proxy/link_acceptor.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/test_near_v2.h"
#include "support/independent_codecs.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using net::TestPeer;
using test::link_handshake;
using test::LinkCoding;

// In the clear; tls_sessions_test.cc has links with TLS.
class LinkAcceptorTest : public testing::Test {
 protected:
  LinkAcceptorTest() { options_.compression.method = compress::Method::kNone; }

  uint64_t failures(Code code) {
    return sessions_.net.metrics.failures[static_cast<size_t>(code)].value();
  }

  TestSessions sessions_;
  TestHandlers& handlers_ = sessions_.handlers;
  TeleportSessionOptions& options_ = sessions_.teleport_options;
};

TEST_F(LinkAcceptorTest, AnswersTheHandshakeInItsOwnCompression) {
  options_.compression.method = compress::Method::kSnappy;
  TestPeer& near = sessions_.connect<LinkAcceptor>();
  for (const char byte : link_handshake(LinkCoding::kFlate)) {
    EXPECT_EQ(near.received, "");
    near.send({&byte, 1});
    sessions_.net.settle();
  }
  EXPECT_EQ(near.received, link_handshake(LinkCoding::kSnappy));
}

TEST_F(LinkAcceptorTest, TellsAPeerThatAsksForTlsThatThereIsNone) {
  TestPeer& near = sessions_.connect<LinkAcceptor>();
  near.send(link_handshake(LinkCoding::kNone, true));
  ASSERT_TRUE(sessions_.run_until([&] { return !near.received.empty(); }));
  EXPECT_EQ(near.received, link_handshake(LinkCoding::kNone, false));
}

TEST_F(LinkAcceptorTest, ClosesWithoutAnAnswerOnAnythingElse) {
  using namespace std::string_literals;
  for (const std::string& hello : {"GET / HTTP/1.1\r\n\r\n"s, "x"s, "httpteleport\1\1\0"s,
                                   "httpteleport\0\3\0"s, "httpteleporu"s}) {
    SCOPED_TRACE(hello);
    TestPeer& near = sessions_.connect<LinkAcceptor>();
    near.send(hello);
    ASSERT_TRUE(sessions_.run_until([&] { return near.ended || near.broken; }));
    EXPECT_EQ(near.received, "");
    EXPECT_TRUE(sessions_.wait_session_gone());
  }
  EXPECT_EQ(handlers_.exchanges.size(), 0u);
  EXPECT_EQ(sessions_.net.metrics.link.open.value(), 0);
}

TEST_F(LinkAcceptorTest, GivesTheHandshakeADeadline) {
  options_.handshake_timeout = 10ms;
  TestPeer& near = sessions_.connect<LinkAcceptor>();
  near.send("httptele");
  ASSERT_TRUE(sessions_.run_until([&] { return near.ended; }));
  EXPECT_EQ(failures(Code::kTimeout), 1u);
  EXPECT_TRUE(sessions_.wait_session_gone());
}

TEST_F(LinkAcceptorTest, HandsOverWhatCameWithTheHandshakeInOrder) {
  handlers_.at_end = [](TestExchange& exchange) { exchange.reply("to " + exchange.target); };
  TestPeer& near = sessions_.connect<LinkAcceptor>();
  const std::string first = test::link_frame(1, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string second = test::link_frame(2, "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  near.send(link_handshake(LinkCoding::kNone) + first + second.substr(0, 20));
  ASSERT_TRUE(sessions_.wait_for_exchanges(1));
  near.send(second.substr(20));
  ASSERT_TRUE(sessions_.wait_for_exchanges(2));
  EXPECT_EQ(handlers_.exchanges.front().target, "/1");
  EXPECT_EQ(handlers_.exchanges.back().target, "/2");
  EXPECT_EQ(sessions_.net.metrics.link.open.value(), 1);
  near.finish();
  EXPECT_TRUE(sessions_.wait_session_gone());
  EXPECT_EQ(sessions_.net.metrics.link.open.value(), 0);
}

TEST_F(LinkAcceptorTest, EndsWithAPeerThatLeavesInsideTheHandshake) {
  TestPeer& near = sessions_.connect<LinkAcceptor>();
  near.send("httptele");
  near.finish();
  EXPECT_TRUE(sessions_.wait_session_gone());
  EXPECT_EQ(failures(Code::kConnectionLost), 1u);
}

// ---- Version 2.

using LinkAcceptorV2Test = V2SessionTest;

TEST_F(LinkAcceptorV2Test, AnswersInItsOwnCompressionAndSaysWhatItHasRoomFor) {
  using Method = teleport::v2::EncoderOptions::Method;
  for (const Method method : {Method::kNone, Method::kZstd}) {
    options_.v2.method = method;
    options_.v2.hello.stream_window = 100'000;
    TestPeer& near = sessions_.connect<LinkAcceptor>();
    for (const char byte : NearV2::handshake('\1')) {
      EXPECT_EQ(near.received, "");
      near.send({&byte, 1});
      sessions_.net.settle();
    }
    const std::string_view answer = near.received;
    EXPECT_EQ(answer.substr(0, teleport::kHandshakeBytes),
              NearV2::handshake(method == Method::kZstd ? '\3' : '\1'));
    // Without waiting for the peer's.
    EXPECT_EQ(answer.substr(teleport::kHandshakeBytes),
              teleport::v2::encode_hello(options_.v2.hello));
  }
}

TEST_F(LinkAcceptorV2Test, HasPeersOfBothVersionsAtATime) {
  handlers_.at_end = [](TestExchange& exchange) { exchange.reply("to " + exchange.target); };
  options_.compression.method = compress::Method::kNone;
  connect();
  TestPeer& v0 = sessions_.connect<LinkAcceptor>();
  v0.send(link_handshake(LinkCoding::kNone) +
          test::link_frame(1, "GET /v0 HTTP/1.1\r\nHost: h\r\n\r\n"));
  NearStream& v2 = near_->get("/v2");
  ASSERT_TRUE(run_until([&] { return v2.ended && v0.received.ends_with("to /v0"); }));
  EXPECT_EQ(v2.body, "to /v2");
  EXPECT_EQ(v0.received.substr(0, test::kLinkHandshakeBytes), link_handshake(LinkCoding::kNone));
}

TEST_F(LinkAcceptorV2Test, ClosesOnAVersionThatIsNotToBeSpoken) {
  for (const bool v2 : {false, true}) {
    options_.versions = {.v0 = !v2, .v2 = v2};
    TestPeer& near = sessions_.connect<LinkAcceptor>();
    near.send(v2 ? link_handshake(LinkCoding::kNone) : NearV2::handshake('\1'));
    ASSERT_TRUE(run_until([&] { return near.ended || near.broken; }));
    EXPECT_EQ(near.received, "");
    EXPECT_TRUE(wait_session_gone());
  }
  EXPECT_EQ(failures(Code::kBadVersion), 2u);
}

TEST_F(LinkAcceptorV2Test, ClosesOnACompressionOfTheOtherVersion) {
  for (const char coding : {'\0', '\2', '\4'}) {
    TestPeer& near = sessions_.connect<LinkAcceptor>();
    near.send(NearV2::handshake(coding));
    ASSERT_TRUE(run_until([&] { return near.ended || near.broken; }));
    EXPECT_EQ(near.received, "");
  }
}

TEST_F(LinkAcceptorV2Test, TakesTheHelloInPiecesAndWhatIsBehindItInOrder) {
  answer_everything();
  NearV2& link = connect();
  // The same bytes as of that link, one by one.
  NearStream& stream = link.get("/1");
  std::string batch;
  while (link.multiplexer().has_work()) {
    BufferChain wire(link.pool());
    link.multiplexer().make_batch(wire);
    batch += wire.to_string();
  }
  const std::string hello = teleport::v2::encode_hello({});
  TestPeer& whole = sessions_.connect<LinkAcceptor>();
  whole.send(NearV2::handshake('\1') + hello + batch);
  ASSERT_TRUE(wait_for_exchanges(1));
  TestPeer& pieces = sessions_.connect<LinkAcceptor>();
  for (const char byte : NearV2::handshake('\1') + hello + batch) {
    pieces.send({&byte, 1});
    sessions_.net.settle();
  }
  ASSERT_TRUE(wait_for_exchanges(2));
  for (const TestExchange& exchange : handlers_.exchanges)
    EXPECT_EQ(exchange.target, "/1");
  EXPECT_FALSE(stream.ended);
}

TEST_F(LinkAcceptorV2Test, ClosesOnAHelloThatIsNone) {
  using namespace std::string_literals;
  for (const std::string& hello : {"\xff\xff\xff"s, "\x81\x02"s + std::string(257, '\0'),
                                   // A window that is too small.
                                   "\x02\x07\x01"s, "\x01\x07"s}) {
    TestPeer& near = sessions_.connect<LinkAcceptor>();
    near.send(NearV2::handshake('\1') + hello);
    ASSERT_TRUE(run_until([&] { return near.ended || near.broken; }));
    EXPECT_TRUE(wait_session_gone());
  }
  EXPECT_EQ(failures(Code::kMalformed), 4u);
  EXPECT_EQ(sessions_.net.metrics.link.open.value(), 0);
}

TEST_F(LinkAcceptorV2Test, GivesTheHelloADeadline) {
  options_.handshake_timeout = 10ms;
  TestPeer& near = sessions_.connect<LinkAcceptor>();
  near.send(NearV2::handshake('\1') + "\x05");
  ASSERT_TRUE(run_until([&] { return near.ended || near.broken; }));
  EXPECT_EQ(failures(Code::kTimeout), 1u);
  EXPECT_TRUE(wait_session_gone());
}

TEST_F(LinkAcceptorV2Test, EndsWithAPeerThatLeavesInsideTheHello) {
  TestPeer& near = sessions_.connect<LinkAcceptor>();
  near.send(NearV2::handshake('\1'));
  near.finish();
  EXPECT_TRUE(wait_session_gone());
  EXPECT_EQ(failures(Code::kConnectionLost), 1u);
}

TEST_F(LinkAcceptorTest, ClosesAtOnceWhenItDrains) {
  TestPeer& near = sessions_.connect<LinkAcceptor>();
  near.send("httptele");
  sessions_.net.settle();
  sessions_.context.sessions.for_each([](Session& session) { session.drain(); });
  EXPECT_TRUE(sessions_.wait_session_gone());
  EXPECT_EQ(failures(Code::kCancelled), 1u);
}

}  // namespace
}  // namespace httpteleport::proxy
