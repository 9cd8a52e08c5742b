// Connections and links to endpoints over TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/test_net.h"
#include "support/independent_codecs.h"
#include "tls/test_tls.h"
#include "upstream/http1_pool.h"
#include "upstream/teleport_link.h"
#include "upstream/test_upstream.h"

namespace httpteleport::upstream {
namespace {

using test::link_frame;
using test::link_handshake;
using test::LinkCoding;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class TlsTransportsTest : public testing::Test {
 protected:
  TransportContext transport() {
    return {net_.loop, net_.metrics, addresses_, &context_, "a.example"};
  }
  void accept_tls(const test::Pem& certificate) {
    peer_ = std::make_unique<tls::TlsPeer>(
        *wire_, test::TlsOptions{.server = true, .certificate = certificate});
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    return net_.run_until([&] {
      peer_->pump();
      return condition();
    });
  }
  // The far end's side of a link, which has agreed on TLS or not.
  bool accept_link(bool with_tls) {
    wire_ = net_.accept(listening_);
    const std::string hello = link_handshake(LinkCoding::kNone, true);
    if (wire_ == nullptr || !net_.run_until([&] { return wire_->received.size() >= hello.size(); }))
      return false;
    EXPECT_EQ(wire_->take(), hello);
    wire_->send(link_handshake(LinkCoding::kNone, with_tls));
    return true;
  }

  test::TestCa ca_{"root"};
  test::Pem good_ = ca_.issue({.names = {"a.example"}});
  test::Pem wrong_ = ca_.issue({.names = {"b.example"}});
  tls::ClientContext context_{
      {.trusted = tls::trust(ca_), .server_name = "", .certificate = nullptr}};
  net::TestNet net_;
  net::Socket listening_ = net::TestNet::listen_socket();
  std::vector<net::Address> addresses_{net::local_address(listening_.fd())};
  net::TestPeer* wire_ = nullptr;
  std::unique_ptr<tls::TlsPeer> peer_;
};

TEST_F(TlsTransportsTest, Http1CarriesRequestsAndKeepsTheConnection) {
  const Http1Options options;
  Http1Pool pool(transport(), options);
  for (int i = 0; i < 3; ++i) {
    RecordingHandler handler;
    send_request(pool.open_stream(handler, {}), {.method = "POST", .body = "body"});
    if (i == 0) {
      wire_ = net_.accept(listening_);
      ASSERT_NE(wire_, nullptr);
      accept_tls(good_);
    }
    ASSERT_TRUE(run_until([&] { return peer_->received().ends_with("body"); }));
    peer_->received().clear();
    peer_->send(kOk);
    ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
    EXPECT_EQ(handler.body, "ok");
  }
  EXPECT_EQ(net_.metrics.connects.value(), 1u);
}

TEST_F(TlsTransportsTest, Http1TellsWhyTheEndpointIsNotTrusted) {
  const Http1Options options;
  Http1Pool pool(transport(), options);
  RecordingHandler handler;
  send_request(pool.open_stream(handler, {}));
  wire_ = net_.accept(listening_);
  ASSERT_NE(wire_, nullptr);
  accept_tls(wrong_);
  ASSERT_TRUE(run_until([&] { return handler.is_over(); }));
  EXPECT_EQ(handler.failure_code(), Code::kConnectFailed);
  EXPECT_THAT(handler.failure->detail, HasSubstr("hostname mismatch"));
  EXPECT_EQ(peer_->received(), "");
  EXPECT_EQ(net_.metrics.connect_errors.value(), 1u);
}

class TlsLinkTest : public TlsTransportsTest {
 protected:
  TlsLinkTest() {
    options_.versions = {.v0 = true};
    options_.compression.method = compress::Method::kNone;
    link_ = std::make_unique<TeleportLink>(transport(), options_, peer_version_);
    send_request(link_->open_stream(handler_));
  }

  TeleportOptions options_;
  PeerVersion peer_version_;
  std::unique_ptr<TeleportLink> link_;
  RecordingHandler handler_;
};

TEST_F(TlsLinkTest, CarriesRequestsOverTls) {
  ASSERT_TRUE(accept_link(true));
  accept_tls(good_);
  const std::string frame = link_frame(1, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return peer_->received().size() >= frame.size(); }));
  EXPECT_EQ(peer_->received(), frame);
  peer_->send(link_frame(1, std::string(kOk)));
  ASSERT_TRUE(run_until([&] { return handler_.is_over(); }));
  EXPECT_EQ(handler_.body, "ok");
}

TEST_F(TlsLinkTest, TellsThatThePeerHasNoTls) {
  ASSERT_TRUE(accept_link(false));
  ASSERT_TRUE(net_.run_until([&] { return handler_.is_over(); }));
  EXPECT_EQ(handler_.failure_code(), Code::kConnectFailed);
  EXPECT_THAT(handler_.failure->detail, HasSubstr("has no TLS"));
  EXPECT_EQ(wire_->received, "");
}

TEST_F(TlsLinkTest, TellsWhyThePeerIsNotTrusted) {
  ASSERT_TRUE(accept_link(true));
  accept_tls(wrong_);
  ASSERT_TRUE(run_until([&] { return handler_.is_over(); }));
  EXPECT_EQ(handler_.failure_code(), Code::kConnectFailed);
  EXPECT_THAT(handler_.failure->detail, HasSubstr("hostname mismatch"));
  EXPECT_EQ(peer_->received(), "");
}

}  // namespace
}  // namespace httpteleport::upstream
