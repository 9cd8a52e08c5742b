#include "tls/client_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>

#include "tls/test_connection.h"

namespace httpteleport::tls {
namespace {

using testing::HasSubstr;

// Our client against plain OpenSSL.
class ClientContextTest : public testing::TestWithParam<int> {
 protected:
  test::TlsOptions server(const test::Pem& certificate) {
    return {.server = true, .certificate = certificate, .version_max = GetParam()};
  }
  ClientOptions verifying() {
    return {.trusted = trust(ca_), .server_name = "", .certificate = nullptr};
  }
  ClientContext& make_context(const ClientOptions& options) {
    return contexts_.emplace_back(options);
  }
  void connect(ClientContext& context, const std::string& host, const test::TlsOptions& options) {
    auto [socket, wire] = net_.connected_pair();
    peer_ = std::make_unique<TlsPeer>(*wire, options);
    client_ =
        std::make_unique<Side>(net_, std::move(socket), Source::kUpstream, context.connect(host));
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    return net_.run_until([&] {
      peer_->pump();
      return condition();
    });
  }
  // What our client says to a server for `host` that shows `certificate`; empty: it takes it.
  std::string verdict(const ClientOptions& options, const std::string& host,
                      const test::Pem& certificate) {
    ClientContext& context = make_context(options);
    connect(context, host, server(certificate));
    client_->connection->write("x");
    EXPECT_TRUE(run_until([&] { return peer_->received() == "x" || client_->has('x'); }));
    EXPECT_EQ(client_->events, client_->error ? "x" : "s");
    if (!client_->error) return {};
    EXPECT_EQ(client_->error->code, Code::kConnectFailed);
    EXPECT_EQ(client_->error->source, Source::kUpstream);
    EXPECT_EQ(peer_->received(), "") << "bytes for a server that is not trusted";
    return client_->error->detail;
  }

  test::TestCa ca_{"root"};
  std::list<ClientContext> contexts_;  // outlive their streams
  net::TestNet net_;
  std::unique_ptr<TlsPeer> peer_;
  std::unique_ptr<Side> client_;
};

std::string version_name(const testing::TestParamInfo<int>& tested) {
  return tested.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
}

INSTANTIATE_TEST_SUITE_P(Versions, ClientContextTest,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), version_name);

TEST_P(ClientContextTest, TakesACertificateForTheHost) {
  const test::Pem good =
      ca_.issue({.names = {"a.example", "*.b.example"}, .ips = {"127.0.0.1", "::1"}});
  for (const char* host : {"a.example", "A.example", "x.b.example", "127.0.0.1", "::1"})
    EXPECT_EQ(verdict(verifying(), host, good), "") << host;
  const test::TestCa intermediate("intermediate", ca_);
  EXPECT_EQ(verdict(verifying(), "a.example", intermediate.issue({.names = {"a.example"}})), "");
}

TEST_P(ClientContextTest, RefusesACertificateForAnotherHost) {
  const test::Pem good = ca_.issue({.names = {"a.example", "*.b.example"}, .ips = {"127.0.0.1"}});
  for (const char* host : {"b.example", "x.y.b.example", "c.example"})
    EXPECT_THAT(verdict(verifying(), host, good), HasSubstr("hostname mismatch")) << host;
  EXPECT_THAT(verdict(verifying(), "127.0.0.2", good), HasSubstr("IP address mismatch"));
  EXPECT_EQ(peer_->tls().fatal_alert(), SSL_AD_BAD_CERTIFICATE);
}

TEST_P(ClientContextTest, RefusesACertificateThatIsNotToBeTrusted) {
  const test::TestCa other("root");
  EXPECT_THAT(verdict(verifying(), "a.example", other.issue({.names = {"a.example"}})),
              HasSubstr("the peer's certificate is refused"));
  EXPECT_THAT(verdict(verifying(), "a.example",
                      ca_.issue({.names = {"a.example"}, .valid_for = std::chrono::minutes(5)})),
              HasSubstr("expired"));
  EXPECT_THAT(verdict(verifying(), "a.example",
                      ca_.issue({.names = {"a.example"}, .not_before = std::chrono::hours(1)})),
              HasSubstr("not yet valid"));
  EXPECT_THAT(
      verdict(verifying(), "a.example", ca_.issue({.names = {"a.example"}, .client = true})),
      HasSubstr("purpose"));
}

TEST_P(ClientContextTest, ExpectsTheNameThatIsSetInsteadOfTheHost) {
  ClientOptions options = verifying();
  options.server_name = "a.example";
  EXPECT_EQ(verdict(options, "127.0.0.1", ca_.issue({.names = {"a.example"}})), "");
  EXPECT_EQ(peer_->tls().server_name(), "a.example");
  EXPECT_THAT(verdict(options, "b.example", ca_.issue({.names = {"b.example"}})),
              HasSubstr("hostname mismatch"));
}

TEST_P(ClientContextTest, SendsTheNameOfTheHostButNoAddress) {
  const test::Pem good = ca_.issue({.names = {"a.example"}, .ips = {"127.0.0.1"}});
  verdict(verifying(), "a.example", good);
  EXPECT_EQ(peer_->tls().server_name(), "a.example");
  verdict(verifying(), "127.0.0.1", good);
  EXPECT_EQ(peer_->tls().server_name(), "");
}

TEST_P(ClientContextTest, TakesEverybodyWithoutVerification) {
  const test::TestCa other("other");
  EXPECT_EQ(verdict({}, "a.example",
                    other.issue({.names = {"b.example"}, .valid_for = std::chrono::minutes(1)})),
            "");
}

TEST_P(ClientContextTest, OffersHttp1) {
  ClientContext& context = make_context({});
  test::TlsOptions options = server(ca_.issue({.names = {"a.example"}}));
  for (const bool knows : {true, false}) {
    options.protocols = {knows ? "http/1.1" : "h2"};
    connect(context, "a.example", options);
    ASSERT_TRUE(run_until([&] { return client_->has('s') && peer_->is_complete(); }));
    EXPECT_EQ(peer_->tls().protocol(), knows ? "http/1.1" : "");
  }
}

TEST_P(ClientContextTest, ShowsItsCertificateWhenAsked) {
  const test::TestCa clients("root of clients");
  test::TlsOptions asking = server(ca_.issue({.names = {"a.example"}}));
  asking.trusted_pem = clients.pem();
  ClientOptions options = verifying();
  options.certificate = parse(clients.issue({.common_name = "proxy", .client = true}));
  ClientContext& with = make_context(options);
  connect(with, "a.example", asking);
  client_->connection->write("x");
  ASSERT_TRUE(run_until([&] { return peer_->received() == "x"; })) << client_->detail();

  // Nothing is wrong with the server's certificate, so nobody must be told that it is.
  ClientContext& without = make_context({});
  connect(without, "a.example", asking);
  ASSERT_TRUE(run_until([&] { return client_->has('x'); }));
  EXPECT_THAT(client_->detail(), HasSubstr("alert"));
}

TEST_P(ClientContextTest, ReportsAServerThatSpeaksSomethingElse) {
  ClientContext& context = make_context(verifying());
  for (const std::string& bytes :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string()}) {
    connect(context, "a.example", server(ca_.issue({.names = {"a.example"}})));
    peer_->wire().send(bytes);
    peer_->wire().finish();
    ASSERT_TRUE(net_.run_until([&] { return client_->has('x'); }));
    EXPECT_EQ(client_->events, "x");
    EXPECT_EQ(client_->error->code, Code::kConnectFailed);
    EXPECT_NE(client_->detail(), "");
  }
}

TEST_P(ClientContextTest, ResumesSessionsByHost) {
  ClientContext& context = make_context(verifying());
  ClientContext& other = make_context(verifying());
  const test::Pem good = ca_.issue({.names = {"a.example", "b.example"}});
  const auto resumes = [&](ClientContext& by, const std::string& host) {
    connect(by, host, server(good));
    peer_->send("x");
    EXPECT_TRUE(run_until([&] { return client_->received == "x"; })) << client_->detail();
    return peer_->tls().is_resumed();
  };
  EXPECT_FALSE(resumes(context, "a.example"));
  EXPECT_TRUE(resumes(context, "a.example"));
  EXPECT_TRUE(resumes(context, "a.example"));
  EXPECT_FALSE(resumes(context, "b.example"));
  EXPECT_TRUE(resumes(context, "b.example"));
  EXPECT_FALSE(resumes(other, "a.example"));
}

TEST_P(ClientContextTest, ForgetsSessionsThatComeAfterItsRulesHaveChanged) {
  ClientContext& context = make_context(verifying());
  const test::Pem good = ca_.issue({.names = {"a.example"}});
  connect(context, "a.example", server(good));
  // In TLS 1.3 the peer sends its tickets when it has read what ends our handshake.
  EXPECT_TRUE(net_.run_until([&] {
    if (!client_->has('s')) peer_->pump();
    return client_->has('s');
  }));
  const test::TestCa other("other");
  context.update({.trusted = trust(other), .server_name = "", .certificate = nullptr});
  peer_->send("x");
  EXPECT_TRUE(run_until([&] { return client_->received == "x"; })) << client_->detail();
  // The same server, which nobody who is trusted now has signed.
  connect(context, "a.example", server(good));
  EXPECT_TRUE(run_until([&] { return client_->has('x') || client_->has('s'); }));
  EXPECT_FALSE(client_->has('s'));
}

TEST_P(ClientContextTest, DoesAWholeHandshakeWhenItsSessionIsForgotten) {
  const ServerOptions options = server_options(ca_.issue({.names = {"a.example"}}));
  ServerContext server_context(options);
  ClientContext& context = make_context(verifying());
  for (int i = 0; i < 3; ++i) {
    auto [socket, wire] = net_.connected_pair();
    Side server_side(net_, take_socket(*wire), Source::kDownstream, server_context.accept());
    Side client_side(net_, std::move(socket), Source::kUpstream, context.connect("a.example"));
    server_side.connection->write("x");
    EXPECT_TRUE(net_.run_until([&] { return client_side.received == "x"; }))
        << client_side.detail();
    options.ticket_keys->rotate();
    options.ticket_keys->rotate();
  }
}

}  // namespace
}  // namespace httpteleport::tls
