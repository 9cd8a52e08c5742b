#include "proxy/link_acceptor.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/test_sessions.h"
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
