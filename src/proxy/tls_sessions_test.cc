// Sessions of both kinds over TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "proxy/http1_session.h"
#include "proxy/link_acceptor.h"
#include "proxy/test_sessions.h"
#include "support/independent_codecs.h"
#include "tls/test_tls.h"

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using test::link_frame;
using test::link_handshake;
using test::LinkCoding;
using testing::EndsWith;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

class TlsSessionsTest : public testing::Test {
 protected:
  TlsSessionsTest() {
    sessions_.context.tls = &context_;
    sessions_.teleport_options.compression.method = compress::Method::kNone;
    sessions_.handlers.at_end = [](TestExchange& exchange) { exchange.reply("hello"); };
  }
  template <class SessionType>
  void connect() {
    wire_ = &sessions_.connect<SessionType>();
  }
  void begin_tls() {
    peer_ = std::make_unique<tls::TlsPeer>(
        *wire_, test::TlsOptions{.server_name = "a.example", .trusted_pem = ca_.pem()});
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    return sessions_.run_until([&] {
      peer_->pump();
      return condition();
    });
  }
  uint64_t failures(Code code) {
    return sessions_.net.metrics.failures[static_cast<size_t>(code)].value();
  }

  test::TestCa ca_{"root"};
  tls::ServerContext context_{tls::server_options(ca_.issue({.names = {"a.example"}}))};
  TestSessions sessions_;
  net::TestPeer* wire_ = nullptr;
  std::unique_ptr<tls::TlsPeer> peer_;
};

TEST_F(TlsSessionsTest, Http1AnswersOneRequestAfterAnother) {
  connect<Http1Session>();
  begin_tls();
  for (size_t i = 1; i <= 3; ++i) {
    peer_->received().clear();
    peer_->send(kGet);
    ASSERT_TRUE(run_until([&] { return peer_->received().ends_with("hello"); }));
    EXPECT_EQ(sessions_.handlers.exchanges.size(), i);
    EXPECT_EQ(sessions_.handlers.last().client_scheme, "https");
  }
  peer_->end();
  EXPECT_TRUE(run_until([&] { return sessions_.context.sessions.empty(); }));
}

TEST_F(TlsSessionsTest, Http1SendsAnAnswerWithOneWrite) {
  connect<Http1Session>();
  begin_tls();
  peer_->send(kGet);
  ASSERT_TRUE(run_until([&] { return peer_->received().ends_with("hello"); }));
  sessions_.net.settle();
  const uint64_t sends = sessions_.net.metrics.downstream_sockets.write_calls.value();
  for (int i = 0; i < 10; ++i) {
    peer_->received().clear();
    peer_->send(kGet);
    ASSERT_TRUE(run_until([&] { return peer_->received().ends_with("hello"); }));
  }
  EXPECT_EQ(sessions_.net.metrics.downstream_sockets.write_calls.value(), sends + 10);
}

TEST_F(TlsSessionsTest, Http1EndsTlsInOrderWhenItCloses) {
  connect<Http1Session>();
  begin_tls();
  peer_->send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return peer_->is_cut(); }));
  EXPECT_THAT(peer_->received(), EndsWith("hello"));
  EXPECT_TRUE(peer_->tls().has_ended());
}

TEST_F(TlsSessionsTest, Http1GivesTheHandshakeADeadline) {
  sessions_.http1_options.handshake_timeout = 20ms;
  connect<Http1Session>();
  begin_tls();
  wire_->send(peer_->tls().take_output().substr(0, 50));
  EXPECT_TRUE(sessions_.wait_session_gone());
  EXPECT_EQ(sessions_.handlers.exchanges.size(), 0u);
}

TEST_F(TlsSessionsTest, Http1WaitsNoKeepAliveTimeWhenItDrainsInsideTheHandshake) {
  connect<Http1Session>();
  begin_tls();
  sessions_.net.settle();
  sessions_.context.draining = true;
  sessions_.context.sessions.for_each([](Session& session) { session.drain(); });
  ASSERT_TRUE(run_until([&] { return peer_->is_complete(); }));
  EXPECT_TRUE(run_until([&] { return peer_->is_cut(); }));
}

TEST_F(TlsSessionsTest, LinksSecureWhatFollowsTheirHandshake) {
  for (const bool together : {false, true}) {
    connect<LinkAcceptor>();
    begin_tls();
    const std::string hello = link_handshake(LinkCoding::kNone, true);
    wire_->send(together ? hello + peer_->tls().take_output() : hello);
    ASSERT_TRUE(sessions_.run_until([&] { return wire_->received.size() >= hello.size(); }));
    EXPECT_EQ(wire_->received.substr(0, hello.size()), hello);
    wire_->received.erase(0, hello.size());
    peer_->send(link_frame(7, kGet));
    ASSERT_TRUE(run_until([&] { return peer_->received().ends_with("hello"); }));
    EXPECT_EQ(sessions_.net.metrics.link.open.value(), together ? 2 : 1);
  }
}

TEST_F(TlsSessionsTest, LinksOfVersion2SayTheirHelloInsideTls) {
  sessions_.teleport_options.v2.method = teleport::v2::EncoderOptions::Method::kNone;
  connect<LinkAcceptor>();
  begin_tls();
  const std::string handshake("httpteleport\2\1\1");
  wire_->send(handshake);
  ASSERT_TRUE(sessions_.run_until([&] { return wire_->received.size() >= handshake.size(); }));
  EXPECT_EQ(wire_->received, handshake);
  wire_->received.clear();
  const std::string hello = teleport::v2::encode_hello({});
  ASSERT_TRUE(run_until([&] { return peer_->received().size() >= hello.size(); }));
  EXPECT_EQ(peer_->received(), hello);
  EXPECT_EQ(sessions_.net.metrics.link.open.value(), 0);
  peer_->send(hello);
  ASSERT_TRUE(run_until([&] { return sessions_.net.metrics.link.open.value() == 1; }));
}

TEST_F(TlsSessionsTest, LinksThatDoNotAskForTlsAreTakenOrRefusedAsSet) {
  for (const bool required : {false, true}) {
    sessions_.teleport_options.tls_required = required;
    connect<LinkAcceptor>();
    wire_->send(link_handshake(LinkCoding::kNone) + link_frame(7, kGet));
    ASSERT_TRUE(sessions_.run_until(
        [&] { return wire_->ended || wire_->broken || wire_->received.ends_with("hello"); }));
    EXPECT_EQ(wire_->received.empty(), required);
  }
  EXPECT_EQ(failures(Code::kUnsupported), 1u);
}

TEST_F(TlsSessionsTest, LinksTakeNothingInTheClearFromAPeerThatIsGoneBeforeTls) {
  std::string flood = link_handshake(LinkCoding::kNone, true);
  while (flood.size() < 2 * event::Loop::kReadBufferBytes)
    flood += link_frame(7, kGet);
  connect<LinkAcceptor>();
  wire_->send(flood);
  ASSERT_TRUE(wire_->all_sent());
  wire_->reset();
  EXPECT_TRUE(sessions_.wait_session_gone());
  EXPECT_EQ(sessions_.handlers.exchanges.size(), 0u);
}

TEST_F(TlsSessionsTest, LinksGiveTheHandshakeOfTlsADeadline) {
  sessions_.teleport_options.handshake_timeout = 20ms;
  connect<LinkAcceptor>();
  wire_->send(link_handshake(LinkCoding::kNone, true));
  EXPECT_TRUE(sessions_.wait_session_gone());
  EXPECT_EQ(failures(Code::kTimeout), 1u);
}

}  // namespace
}  // namespace httpteleport::proxy
