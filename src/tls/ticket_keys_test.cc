#include "tls/ticket_keys.h"

#include <gtest/gtest.h>

#include "net/connection.h"
#include "tls/test_tls.h"

namespace httpteleport::tls {
namespace {

// Handshakes without sockets between plain endpoints, whose server has our keys.
class TicketKeysTest : public testing::TestWithParam<int> {
 protected:
  using Session = std::shared_ptr<SSL_SESSION>;

  // A handshake with a server that has `keys`; tells whether `session` was resumed and stores the
  // client's newest.
  bool resumes(TicketKeys& keys, Session& session) {
    const ServerOptions options{
        .certificates = certificates_,
        .ticket_keys = std::shared_ptr<TicketKeys>(std::shared_ptr<void>(), &keys),
        .client_cas = nullptr};
    ServerContext context(options);
    auto [socket, wire] = net_.connected_pair();
    TlsPeer peer(*wire, {.version_max = GetParam(), .session = session});
    net::Connection server(net_.loop, std::move(socket), net_.metrics.downstream_sockets,
                           Source::kDownstream);
    Sink sink;
    server.secure(context.accept());
    EXPECT_TRUE(server.start(sink));
    server.write("x");
    EXPECT_TRUE(net_.run_until([&] {
      peer.pump();
      return peer.received() == "x";
    }));
    if (peer.tls().session()) session = peer.tls().session();
    return peer.tls().is_resumed();
  }

  struct Sink final : net::ConnectionHandler {
    size_t on_data(std::string_view bytes) override { return bytes.size(); }
    void on_end() override {}
    void on_closed(const Error&) override {}
  };

  test::TestCa ca_{"root"};
  std::shared_ptr<const CertificateProvider> certificates_ =
      server_options(ca_.issue({.names = {"a.example"}})).certificates;
  net::TestNet net_;
};

std::string version_name(const testing::TestParamInfo<int>& tested) {
  return tested.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
}

INSTANTIATE_TEST_SUITE_P(Versions, TicketKeysTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

TEST_P(TicketKeysTest, ShareSessionsWithKeysOfTheSameSecret) {
  TicketKeys one({"secret"});
  TicketKeys other({"secret"});
  Session session;
  EXPECT_FALSE(resumes(one, session));
  ASSERT_NE(session, nullptr);
  EXPECT_TRUE(resumes(other, session));
  EXPECT_TRUE(resumes(one, session));
}

TEST_P(TicketKeysTest, ShareNothingWithKeysOfAnotherSecret) {
  TicketKeys one({"secret"});
  TicketKeys other({"Secret"});
  TicketKeys random({});
  Session session;
  EXPECT_FALSE(resumes(one, session));
  EXPECT_FALSE(resumes(other, session));
  EXPECT_FALSE(resumes(random, session));
  TicketKeys another({});
  EXPECT_FALSE(resumes(another, session));
}

TEST_P(TicketKeysTest, DecryptWithOldSecretsAndRenewTheTicket) {
  TicketKeys before({"old"});
  TicketKeys during({"new", "old"});
  TicketKeys after({"new"});
  Session session;
  EXPECT_FALSE(resumes(before, session));
  EXPECT_TRUE(resumes(during, session));
  EXPECT_TRUE(resumes(after, session)) << "the ticket is one of the new secret now";
}

TEST_P(TicketKeysTest, RotateRandomKeysAndKeepOneOld) {
  TicketKeys keys({});
  Session session;
  EXPECT_FALSE(resumes(keys, session));
  keys.rotate();
  Session older = session;
  EXPECT_TRUE(resumes(keys, session));
  keys.rotate();
  EXPECT_FALSE(resumes(keys, older)) << "two rotations old";
  EXPECT_TRUE(resumes(keys, session));
}

TEST_P(TicketKeysTest, RotateNoSecrets) {
  TicketKeys keys({"secret"});
  Session session;
  EXPECT_FALSE(resumes(keys, session));
  keys.rotate();
  keys.rotate();
  EXPECT_TRUE(resumes(keys, session));
}

}  // namespace
}  // namespace httpteleport::tls
