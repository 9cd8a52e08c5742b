// The effects of the flags about TLS: certificates, names, sessions, and who must show what.
#include <string>

#include "integration/flags.h"
#include "support/certificates.h"
#include "support/temporary_folder.h"
#include "support/tls_client.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

class FlagsTls : public testing::Test {
 protected:
  // Files of a certificate for `name` and for 127.0.0.1.
  struct Identity {
    Pem pem;
    std::string certificate;
    std::string key;
  };
  Identity identity(const std::string& name, bool client = false) const {
    const Pem pem = ca_.issue({.names = {name}, .ips = {"127.0.0.1"}, .client = client});
    return {pem, folder_.write(name + ".pem", pem.certificate),
            folder_.write(name + ".key", pem.key)};
  }
  std::string ca_file() const { return folder_.write("ca.pem", ca_.pem()); }

  // clients -> https -> origin_.
  Flags https_flags(const Identity& shown) const {
    return {"-in=127.0.0.1:0",        "-inType=https", "-inTLSCert=" + shown.certificate,
            "-inTLSKey=" + shown.key, "-outType=http", "-out=" + origin_.address().text()};
  }
  // clients -> http -> an https server.
  static Flags to_https(const Address& server) {
    return {"-in=127.0.0.1:0", "-outType=https", "-out=" + server.text()};
  }
  TlsOptions trusting(const std::string& name) const {
    return {.server_name = name, .trusted_pem = ca_.pem()};
  }
  static int status_of(const RunningHttptp& proxy) {
    return exchange(proxy.address(), get_text("/bytes/1")).head.status;
  }

  const TestCa ca_{"flags"};
  const TemporaryFolder folder_;
  Origin origin_;
};

// The answer to GET /headers on a connection that ends with it; empty if TLS failed.
std::string ask_tls(TlsClient& client) {
  client.send_all(get_text("/headers", "Connection: close\r\n"));
  return client.recv_to_end().bytes;
}

TEST_F(FlagsTls, InTLSCertAndInTLSKeyAreChosenBySni) {
  const Identity first = identity("first.example");
  const Identity second = identity("second.example");
  RunningHttptp proxy({"-in=127.0.0.1:0", "-inType=https",
                       "-inTLSCert=" + first.certificate + "," + second.certificate,
                       "-inTLSKey=" + first.key + "," + second.key, "-outType=http",
                       "-out=" + origin_.address().text()});
  ASSERT_TRUE(proxy.started());
  for (const std::string name : {"first.example", "second.example"}) {
    auto client = TlsClient::connect(proxy.address(), trusting(name));
    ASSERT_TRUE(client);
    EXPECT_TRUE(client->is_complete()) << name << client->error();
    EXPECT_THAT(ask_tls(*client), StartsWith("HTTP/1.1 200"));
  }
  auto nameless = TlsClient::connect(proxy.address(), {});
  ASSERT_TRUE(nameless);
  EXPECT_EQ(nameless->peer_certificate(), first.pem.certificate);
}

TEST_F(FlagsTls, InTLSSessionTicketKeyIsSharedByProcesses) {
  const Flags flags = https_flags(identity("a.example"));
  RunningHttptp first(flags + Flags{"-inTLSSessionTicketKey=old"});
  RunningHttptp rotating(flags + Flags{"-inTLSSessionTicketKey=new,old"});
  RunningHttptp rotated(flags + Flags{"-inTLSSessionTicketKey=new"});
  RunningHttptp alone(flags);
  const auto visit = [&](const RunningHttptp& proxy, std::shared_ptr<SSL_SESSION> session) {
    TlsOptions options = trusting("a.example");
    options.session = std::move(session);
    auto client = TlsClient::connect(proxy.address(), options);
    EXPECT_TRUE(client && client->is_complete());
    EXPECT_THAT(ask_tls(*client), StartsWith("HTTP/1.1 200"));
    return std::pair(client->is_resumed(), client->session());
  };
  // A client uses a ticket of TLS 1.3 once.
  const auto ticket_of = [&](const RunningHttptp& proxy) { return visit(proxy, nullptr).second; };
  EXPECT_TRUE(visit(first, ticket_of(first)).first);
  EXPECT_TRUE(visit(rotating, ticket_of(first)).first) << "all decrypt";
  EXPECT_FALSE(visit(rotated, ticket_of(first)).first);
  EXPECT_TRUE(visit(rotated, ticket_of(rotating)).first) << "the first encrypts";
  EXPECT_FALSE(visit(alone, ticket_of(first)).first);
  EXPECT_TRUE(visit(alone, ticket_of(alone)).first);
}

TEST_F(FlagsTls, InTLSClientCAAsksForCertificates) {
  RunningHttptp proxy(https_flags(identity("a.example")) + Flags{"-inTLSClientCA=" + ca_file()});
  ASSERT_TRUE(proxy.started());
  TlsOptions options = trusting("a.example");
  auto without = TlsClient::connect(proxy.address(), options);
  ASSERT_TRUE(without);
  EXPECT_EQ(ask_tls(*without), "");
  options.certificate = TestCa("stranger").issue({.names = {"user"}, .client = true});
  auto stranger = TlsClient::connect(proxy.address(), options);
  ASSERT_TRUE(stranger);
  EXPECT_EQ(ask_tls(*stranger), "");
  options.certificate = identity("user", true).pem;
  auto known = TlsClient::connect(proxy.address(), options);
  ASSERT_TRUE(known);
  EXPECT_THAT(ask_tls(*known), StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(sees(origin_, 1));
}

TEST_F(FlagsTls, InHandshakeTimeoutEndsSilentConnections) {
  const Flags https = https_flags(identity("a.example"));
  const Flags silent = {"-inHandshakeTimeout=300ms"};
  RunningHttptp tls(https + silent);
  RunningHttptp proxy_header(http_flags(origin_.address().text()) + silent +
                             Flags{"-inProxyProtocol=any", "-inProxyProtocolFrom=127.0.0.1"});
  RunningHttptp link(https + silent + Flags{"-inType=teleports"});
  for (const RunningHttptp* proxy : {&tls, &proxy_header, &link}) {
    const Stopwatch watch;
    HttpConnection client(proxy->address());
    EXPECT_TRUE(client.wait_closed());
    EXPECT_TRUE(watch.has_run(300ms));
  }
}

TEST_F(FlagsTls, InAllowPlaintextTakesLinksWithoutTls) {
  const Flags far = https_flags(identity("a.example")) + Flags{"-inType=teleports"};
  RunningHttptp closed(far);
  RunningHttptp refused(near_flags(closed.address().text()));
  EXPECT_EQ(status_of(refused), 502);
  RunningHttptp open(far + Flags{"-inAllowPlaintext"});
  RunningHttptp plain(near_flags(open.address().text()));
  EXPECT_EQ(status_of(plain), 200);
  const Flags with_tls = {"-outType=teleports", "-outTLSCA=" + ca_file()};
  RunningHttptp encrypted(near_flags(open.address().text()) + with_tls);
  EXPECT_EQ(status_of(encrypted), 200);
}

TEST_F(FlagsTls, InTypeAndOutTypeHaveAliasesForEncryptedLinks) {
  for (const std::string alias : {"httptps", "tepelorts", "teleports"}) {
    SCOPED_TRACE(alias);
    RunningHttptp far(https_flags(identity("a.example")) + Flags{"-inType=" + alias});
    RunningHttptp near(near_flags(far.address().text()) +
                       Flags{"-outType=" + alias, "-outTLSCA=" + ca_file()});
    EXPECT_EQ(status_of(near), 200);
    RunningHttptp unencrypted(near_flags(far.address().text()));
    EXPECT_EQ(status_of(unencrypted), 502);
  }
}

TEST_F(FlagsTls, OutTLSCAIsWhomToTrust) {
  RunningHttptp server(https_flags(identity("a.example")));
  RunningHttptp by_system(to_https(server.address()));
  EXPECT_EQ(status_of(by_system), 502);
  RunningHttptp trusting_us(to_https(server.address()) + Flags{"-outTLSCA=" + ca_file()});
  EXPECT_EQ(status_of(trusting_us), 200);
}

TEST_F(FlagsTls, OutTLSServerNameIsAskedForAndVerified) {
  const Identity first = identity("first.example");
  const Pem named = ca_.issue({.names = {"second.example"}});
  RunningHttptp server(
      {"-in=127.0.0.1:0", "-inType=https",
       "-inTLSCert=" + first.certificate + "," + folder_.write("named.pem", named.certificate),
       "-inTLSKey=" + first.key + "," + folder_.write("named.key", named.key), "-outType=http",
       "-out=" + origin_.address().text()});
  const Flags out = to_https(server.address()) + Flags{"-outTLSCA=" + ca_file()};
  RunningHttptp second(out + Flags{"-outTLSServerName=second.example"});
  EXPECT_EQ(status_of(second), 200);
  RunningHttptp third(out + Flags{"-outTLSServerName=third.example"});
  EXPECT_EQ(status_of(third), 502);
}

TEST_F(FlagsTls, OutTLSInsecureSkipVerifyBelievesAnybody) {
  RunningHttptp server(https_flags(identity("a.example")));
  RunningHttptp proxy(to_https(server.address()) + Flags{"-outTLSInsecureSkipVerify"});
  EXPECT_EQ(status_of(proxy), 200);
}

TEST_F(FlagsTls, OutTLSCertAndOutTLSKeyAreShownWhenAsked) {
  RunningHttptp server(https_flags(identity("a.example")) + Flags{"-inTLSClientCA=" + ca_file()});
  const Flags out = to_https(server.address()) + Flags{"-outTLSCA=" + ca_file()};
  RunningHttptp without(out);
  EXPECT_EQ(status_of(without), 502);
  const Identity shown = identity("proxy", true);
  RunningHttptp with(out + Flags{"-outTLSCert=" + shown.certificate, "-outTLSKey=" + shown.key});
  EXPECT_EQ(status_of(with), 200);
}

// client -> http -> https with a PROXY header in front of TLS, both ways.
TEST_F(FlagsTls, ProxyHeadersGoInFrontOfTls) {
  RunningHttptp server(https_flags(identity("a.example")) + Flags{"-inProxyProtocol=any",
                                                                  "-inProxyProtocolFrom=127.0.0.1",
                                                                  "-clientIPHeader=X-Client"});
  ASSERT_TRUE(server.started());
  for (const std::string version : {"v1", "v2"}) {
    RunningHttptp proxy(to_https(server.address()) +
                        Flags{"-outTLSCA=" + ca_file(), "-outProxyProtocol=" + version});
    ASSERT_TRUE(proxy.started());
    HttpConnection client = connect_from("127.0.0.3", proxy.address());
    EXPECT_THAT(ask(client, get_text("/headers")).body, HasSubstr("X-Client: 127.0.0.3\r\n"));
  }
  RunningHttptp without(to_https(server.address()) + Flags{"-outTLSCA=" + ca_file()});
  EXPECT_EQ(status_of(without), 502);
}

}  // namespace
}  // namespace httpteleport::test
