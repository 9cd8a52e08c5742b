#include "tls/server_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tls/test_connection.h"

namespace httpteleport::tls {
namespace {

using testing::HasSubstr;
using Answer = CertificateProvider::Answer;

// Gives what the test says; certificates by name.
class ScriptedProvider final : public CertificateProvider {
 public:
  Found find(std::string_view server_name) const override {
    asked.emplace_back(server_name);
    if (pending > 0) {
      --pending;
      return {Answer::kPending, nullptr};
    }
    const auto found = certificates.find(std::string(server_name));
    if (found == certificates.end()) return {Answer::kRefused, nullptr};
    return {Answer::kReady, found->second};
  }
  std::shared_ptr<const Certificate> challenge(std::string_view server_name) const override {
    return server_name == "a.example" ? acme : nullptr;
  }

  std::map<std::string, std::shared_ptr<const Certificate>> certificates;
  std::shared_ptr<const Certificate> acme;
  mutable std::vector<std::string> asked;
  mutable int pending = 0;
};

class ServerContextTest : public testing::TestWithParam<int> {
 protected:
  ServerContextTest() {
    provider_->certificates["a.example"] = parse(good_);
    provider_->certificates["b.example"] = parse(ca_.issue({.names = {"b.example"}}));
  }

  ServerOptions options() {
    return {.certificates = provider_, .ticket_keys = keys_, .client_cas = client_cas_};
  }
  test::TlsOptions client(const std::string& name = "a.example") {
    return {.server_name = name, .trusted_pem = ca_.pem(), .version_max = GetParam()};
  }
  void begin(const test::TlsOptions& options_of_client) {
    if (!context_) context_ = std::make_unique<ServerContext>(options());
    auto [socket, wire] = net_.connected_pair();
    peer_ = std::make_unique<TlsPeer>(*wire, options_of_client);
    server_ =
        std::make_unique<Side>(net_, std::move(socket), Source::kDownstream, context_->accept());
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    return net_.run_until([&] {
      peer_->pump();
      return condition();
    });
  }
  // One handshake and one byte each way, so that tickets have come as well.
  void expect_good(const test::TlsOptions& options_of_client) {
    begin(options_of_client);
    peer_->send("?");
    ASSERT_TRUE(run_until([&] { return server_->received == "?" || server_->has('x'); }));
    ASSERT_EQ(server_->events, "s") << server_->detail() << ", " << peer_->tls().error();
    server_->connection->write("!");
    ASSERT_TRUE(run_until([&] { return peer_->received() == "!"; }));
  }
  // One handshake that our side refuses with `alert`.
  void expect_alert(const test::TlsOptions& options_of_client, int alert) {
    begin(options_of_client);
    peer_->send("?");
    ASSERT_TRUE(run_until([&] { return server_->has('x') && peer_->is_cut(); }));
    EXPECT_EQ(server_->events, "x");
    EXPECT_EQ(server_->received, "");
    EXPECT_EQ(peer_->tls().fatal_alert(), alert) << server_->detail();
    EXPECT_FALSE(peer_->wire().broken) << "a reset may destroy the alert";
  }

  test::TestCa ca_{"root"};
  test::TestCa clients_ca_{"root of clients"};
  test::Pem good_ = ca_.issue({.names = {"a.example"}});
  std::shared_ptr<ScriptedProvider> provider_ = std::make_shared<ScriptedProvider>();
  std::shared_ptr<TicketKeys> keys_ = std::make_shared<TicketKeys>(std::vector<std::string>{});
  std::shared_ptr<const TrustStore> client_cas_;
  std::unique_ptr<ServerContext> context_;
  net::TestNet net_;
  std::unique_ptr<TlsPeer> peer_;
  std::unique_ptr<Side> server_;
};

std::string version_name(const testing::TestParamInfo<int>& tested) {
  return tested.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
}

INSTANTIATE_TEST_SUITE_P(Versions, ServerContextTest,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), version_name);

// ---- Certificates.

TEST_P(ServerContextTest, ShowsTheCertificateOfTheName) {
  expect_good(client("a.example"));
  expect_good(client("b.example"));
  expect_good(client("B.Example"));
  EXPECT_EQ(provider_->asked.back(), "b.example");
  EXPECT_EQ(peer_->tls().version(), GetParam());
}

TEST_P(ServerContextTest, ShowsTheChainToo) {
  const test::TestCa intermediate("intermediate", ca_);
  for (const test::KeyType key : {test::KeyType::kRsa2048, test::KeyType::kEcdsaP256}) {
    provider_->certificates["a.example"] =
        parse(intermediate.issue({.names = {"a.example"}, .key = key}));
    expect_good(client());
  }
}

TEST_P(ServerContextTest, AsksWithoutANameForAClientThatHasNone) {
  provider_->certificates[""] = provider_->certificates["a.example"];
  test::TlsOptions nameless = client();
  nameless.server_name.clear();
  expect_good(nameless);
  EXPECT_EQ(provider_->asked.back(), "");
}

TEST_P(ServerContextTest, RefusesNamesThatTheProviderRefuses) {
  expect_alert(client("c.example"), SSL_AD_UNRECOGNIZED_NAME);
  test::TlsOptions nameless = client();
  nameless.server_name.clear();
  expect_alert(nameless, SSL_AD_UNRECOGNIZED_NAME);
}

TEST_P(ServerContextTest, WaitsForACertificateThatIsBeingObtained) {
  provider_->pending = 4;
  expect_good(client());
  EXPECT_GE(provider_->asked.size(), 5u);
}

TEST_P(ServerContextTest, TellsAWaitingClientThatThereWillBeNone) {
  provider_->pending = 3;
  begin(client("c.example"));
  ASSERT_TRUE(run_until([&] { return server_->has('x') && peer_->is_cut(); }));
  EXPECT_EQ(server_->events, "x");
  EXPECT_TRUE(peer_->tls().fatal_alert().has_value());
}

TEST_P(ServerContextTest, MayBeClosedWhileAHandshakeWaits) {
  provider_->pending = 1000;
  begin(client());
  ASSERT_TRUE(run_until([&] { return provider_->asked.size() > 2; }));
  EXPECT_TRUE(server_->connection->is_securing());
  server_->connection->close();
  ASSERT_TRUE(run_until([&] { return peer_->is_cut(); }));
  const size_t asked = provider_->asked.size();
  net_.settle();
  EXPECT_EQ(provider_->asked.size(), asked);
  EXPECT_EQ(server_->events, "");
}

TEST_P(ServerContextTest, ShowsNewCertificatesToNewConnections) {
  expect_good(client());
  provider_ = std::make_shared<ScriptedProvider>();
  provider_->certificates["c.example"] = parse(ca_.issue({.names = {"c.example"}}));
  context_->update(options());
  expect_good(client("c.example"));
  expect_alert(client("a.example"), SSL_AD_UNRECOGNIZED_NAME);
}

// ---- Versions and protocols.

TEST_P(ServerContextTest, RefusesOldVersions) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    test::TlsOptions old = client();
    old.version_max = version;
    expect_alert(old, SSL_AD_PROTOCOL_VERSION);
  }
}

TEST_P(ServerContextTest, ChoosesHttp1OrNothing) {
  test::TlsOptions asking = client();
  asking.protocols = {"h2", "http/1.1"};
  expect_good(asking);
  EXPECT_EQ(peer_->tls().protocol(), "http/1.1");
  asking.protocols = {"h2", "spdy/3"};
  expect_good(asking);
  EXPECT_EQ(peer_->tls().protocol(), "");
  asking.protocols = {};
  expect_good(asking);
  EXPECT_EQ(peer_->tls().protocol(), "");
}

TEST_P(ServerContextTest, AnswersAnAcmeChallengeAndEnds) {
  // The validator of an ACME server has no certificate of its own.
  for (const bool with_client_cas : {false, true}) {
    if (with_client_cas) client_cas_ = trust(clients_ca_);
    if (context_) context_->update(options());
    const test::Pem challenge = ca_.issue({.names = {"a.example"}});
    provider_->acme = parse(challenge);
    test::TlsOptions validator = client();
    validator.protocols = {"acme-tls/1"};
    begin(validator);
    peer_->send("GET / HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(run_until([&] { return server_->has('x') && peer_->is_cut(); }));
    EXPECT_EQ(server_->events, "x");
    EXPECT_EQ(server_->received, "");
    EXPECT_TRUE(peer_->is_complete()) << peer_->tls().error();
    EXPECT_EQ(peer_->tls().protocol(), "acme-tls/1");
    EXPECT_EQ(peer_->tls().peer_certificate(), challenge.certificate);
    validator.server_name = "b.example";
    expect_alert(validator, SSL_AD_UNRECOGNIZED_NAME);
  }
}

// ---- Certificates of clients.

TEST_P(ServerContextTest, TakesClientsWithAGoodCertificateOnly) {
  client_cas_ = trust(clients_ca_);
  test::TlsOptions shown = client();
  shown.certificate = clients_ca_.issue({.common_name = "someone", .client = true});
  expect_good(shown);
  expect_alert(client(), GetParam() == TLS1_3_VERSION ? SSL_AD_CERTIFICATE_REQUIRED
                                                      : SSL_AD_HANDSHAKE_FAILURE);
  shown.certificate = ca_.issue({.common_name = "someone", .client = true});
  expect_alert(shown, SSL_AD_UNKNOWN_CA);
  EXPECT_THAT(server_->detail(), HasSubstr("the peer's certificate is refused"));
  shown.certificate = clients_ca_.issue(
      {.common_name = "someone", .valid_for = std::chrono::minutes(30), .client = true});
  expect_alert(shown, SSL_AD_CERTIFICATE_EXPIRED);
  EXPECT_THAT(server_->detail(), HasSubstr("expired"));
  shown.certificate = clients_ca_.issue({.common_name = "someone", .client = false});
  expect_alert(shown, SSL_AD_UNSUPPORTED_CERTIFICATE);
}

TEST_P(ServerContextTest, AsksNobodyForACertificateWithoutCas) {
  test::TlsOptions shown = client();
  shown.certificate = ca_.issue({.common_name = "someone", .client = true});
  expect_good(shown);
}

// A session is no way around a certificate that is demanded now.
TEST_P(ServerContextTest, ResumesNoSessionFromBeforeCertificatesWereDemanded) {
  expect_good(client());
  test::TlsOptions returning = client();
  returning.session = peer_->tls().session();
  ASSERT_NE(returning.session, nullptr);
  client_cas_ = trust(clients_ca_);
  context_->update(options());
  expect_alert(returning, GetParam() == TLS1_3_VERSION ? SSL_AD_CERTIFICATE_REQUIRED
                                                       : SSL_AD_HANDSHAKE_FAILURE);

  test::TlsOptions shown = client();
  shown.certificate = clients_ca_.issue({.common_name = "someone", .client = true});
  expect_good(shown);
  shown.session = peer_->tls().session();
  expect_good(shown);
  EXPECT_TRUE(peer_->tls().is_resumed());

  const test::TestCa others("root of others");
  client_cas_ = trust(others);
  context_->update(options());
  expect_alert(shown, SSL_AD_UNKNOWN_CA);
}

// Who answers an ACME challenge is asked for no certificate, and gets no session for elsewhere.
TEST_P(ServerContextTest, ResumesNoSessionOfAnAcmeChallenge) {
  client_cas_ = trust(clients_ca_);
  provider_->acme = provider_->certificates["a.example"];
  test::TlsOptions validator = client();
  validator.protocols = {"acme-tls/1"};
  begin(validator);
  ASSERT_TRUE(run_until([&] { return server_->has('x') && peer_->is_cut(); }));
  ASSERT_TRUE(peer_->is_complete());
  test::TlsOptions returning = client();
  returning.protocols = {"http/1.1"};
  returning.session = peer_->tls().session();
  expect_alert(returning, GetParam() == TLS1_3_VERSION ? SSL_AD_CERTIFICATE_REQUIRED
                                                       : SSL_AD_HANDSHAKE_FAILURE);
}

// The session of a client that showed its certificate has nothing to do with a challenge.
TEST_P(ServerContextTest, ResumesNoSessionForAnAcmeChallenge) {
  provider_->acme = provider_->certificates["a.example"];
  expect_good(client());
  test::TlsOptions validator = client();
  validator.protocols = {"acme-tls/1"};
  validator.session = peer_->tls().session();
  ASSERT_NE(validator.session, nullptr);
  begin(validator);
  ASSERT_TRUE(run_until([&] { return server_->has('x') && peer_->is_cut(); }));
  EXPECT_TRUE(peer_->is_complete());
  EXPECT_FALSE(peer_->tls().is_resumed());
}

}  // namespace
}  // namespace httpteleport::tls
