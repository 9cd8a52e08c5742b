// SIGHUP: certificates, authorities and flags that have changed on disk, while connections are
// open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "integration/topology.h"
#include "support/certificates.h"
#include "support/nginx.h"
#include "support/origin.h"
#include "support/temporary_folder.h"
#include "support/tls_client.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;

constexpr const char* kName = "site.test";
constexpr const char* kFilesReloaded = "files reloaded";
constexpr const char* kReloaded = "configuration reloaded";
constexpr const char* kNotReloaded = "the configuration was not reloaded: the old one stays";
// More connections than workers, so that each worker takes some.
constexpr int kConnections = 8;

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

class Reload : public testing::Test {
 protected:
  // A new certificate in the files of the proxy. Returns it as clients see it.
  std::string write_certificate(const TestCa& ca) {
    const Pem pem = ca.issue({.names = {kName}, .ips = {"127.0.0.1"}});
    folder_.write("cert.pem", pem.certificate);
    folder_.write("key.pem", pem.key);
    return pem.certificate;
  }
  Flags in_flags(const std::string& type) const {
    return {"-in=127.0.0.1:0", "-inType=" + type, "-inTLSCert=" + folder_.file("cert.pem"),
            "-inTLSKey=" + folder_.file("key.pem"), "-workers=2"};
  }
  Flags out_flags() const { return {"-outType=http", "-out=" + origin_.address().text()}; }

  // Sends SIGHUP; returns what the proxy has written up to `outcome`.
  static std::string reload(RunningHttptp& proxy, const std::string& outcome) {
    Process& process = proxy->process();
    const std::string before = process.output();
    process.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] {
      return count_of(process.output(), outcome) > count_of(before, outcome);
    })) << process.output();
    EXPECT_TRUE(process.is_running());
    return process.output().substr(before.size());
  }

  static TlsClient connect(const RunningHttptp& proxy, const TestCa& ca,
                           std::shared_ptr<SSL_SESSION> session = nullptr) {
    std::optional<Socket> socket = Socket::connect(proxy.address());
    EXPECT_TRUE(socket.has_value());
    return {socket ? *std::move(socket) : Socket(),
            {.server_name = kName, .trusted_pem = ca.pem(), .session = std::move(session)}};
  }
  static bool serves(TlsClient& client) {
    client.send_all("GET /bytes/5?seed=1 HTTP/1.1\r\nHost: site.test\r\n\r\n");
    const std::string body = Content::bytes(5, 1).to_string();
    return client.recv_until("\r\n\r\n").bytes.starts_with("HTTP/1.1 200 ") &&
           client.recv_exactly(5).bytes == body;
  }
  // Whether new connections, on whatever worker, see that certificate.
  static bool shows(const RunningHttptp& proxy, const TestCa& ca, const std::string& certificate) {
    for (int i = 0; i < kConnections; ++i) {
      if (connect(proxy, ca).peer_certificate() != certificate) return false;
    }
    return true;
  }

  TestCa ca_{"reload"};
  TemporaryFolder folder_;
  Origin origin_;
};

TEST_F(Reload, NewConnectionsSeeTheNewCertificateAndOpenOnesGoOn) {
  const std::string old_one = write_certificate(ca_);
  RunningHttptp proxy(in_flags("https") + out_flags());
  ASSERT_TRUE(proxy.started());
  TlsClient open = connect(proxy, ca_);
  EXPECT_TRUE(serves(open)) << open.error();
  EXPECT_EQ(open.peer_certificate(), old_one);

  const std::string new_one = write_certificate(ca_);
  reload(proxy, kFilesReloaded);
  EXPECT_TRUE(wait_until([&] { return shows(proxy, ca_, new_one); }));
  EXPECT_TRUE(serves(open)) << open.error();
  EXPECT_EQ(open.peer_certificate(), old_one);
  // What it has given to clients before is good for them still.
  TlsClient resumed = connect(proxy, ca_, open.session());
  EXPECT_TRUE(serves(resumed)) << resumed.error();
  EXPECT_TRUE(resumed.is_resumed());
}

TEST_F(Reload, NewLinksSeeTheNewCertificateAndOpenOnesGoOn) {
  const TestCa next("next");
  const auto near = [&](const RunningHttptp& far, const TestCa& ca, const std::string& file) {
    return Flags{"-in=127.0.0.1:0",
                 "-inType=http",
                 "-outType=teleports",
                 "-workers=1",
                 "-out=" + far.address().text(),
                 "-outTLSCA=" + folder_.write(file, ca.pem())};
  };
  write_certificate(ca_);
  RunningHttptp far(in_flags("teleports") + out_flags());
  ASSERT_TRUE(far.started());
  RunningHttptp old_near(near(far, ca_, "ca.pem"));
  EXPECT_EQ(get(old_near.address(), "/bytes/5").head.status, 200);

  write_certificate(next);
  reload(far, kFilesReloaded);
  RunningHttptp new_near(near(far, next, "next.pem"));
  EXPECT_TRUE(wait_until([&] { return get(new_near.address(), "/bytes/5").head.status == 200; }));
  EXPECT_EQ(get(old_near.address(), "/bytes/5").head.status, 200);
  // A new link of somebody who trusts the old authority only.
  RunningHttptp late_near(near(far, ca_, "ca.pem"));
  const Message refused = get(late_near.address(), "/bytes/5");
  EXPECT_EQ(refused.head.status, 502);
  EXPECT_THAT(refused.body, HasSubstr("certificate"));
}

TEST_F(Reload, ABrokenFileLeavesTheOldCertificateInForce) {
  const std::string old_one = write_certificate(ca_);
  const Pem other = ca_.issue({.names = {kName}});
  RunningHttptp proxy(in_flags("https") + out_flags());
  ASSERT_TRUE(proxy.started());
  TlsClient open = connect(proxy, ca_);
  const std::string flag = "-inTLSCert=\"" + folder_.file("cert.pem") + "\": ";

  struct Case {
    const char* what;
    std::string certificate;
    std::string why;
  };
  for (const Case& broken :
       {Case{"no certificate", "this is not PEM\n", "no PEM certificate in the certificate file"},
        Case{"half of one", old_one.substr(0, old_one.size() / 2), "PEM"},
        Case{"empty", "", "no PEM certificate in the certificate file"},
        Case{"of another key", other.certificate,
             "the private key does not belong to the certificate"}}) {
    SCOPED_TRACE(broken.what);
    folder_.write("cert.pem", broken.certificate);
    const std::string said = reload(proxy, kNotReloaded);
    EXPECT_THAT(said, HasSubstr(flag));
    EXPECT_THAT(said, HasSubstr(broken.why));
    EXPECT_TRUE(shows(proxy, ca_, old_one));
    EXPECT_TRUE(serves(open)) << open.error();
  }
  folder_.write("cert.pem", old_one);
  std::filesystem::remove(folder_.file("key.pem"));
  EXPECT_THAT(reload(proxy, kNotReloaded), HasSubstr("No such file or directory"));
  EXPECT_TRUE(shows(proxy, ca_, old_one));

  const std::string new_one = write_certificate(ca_);
  reload(proxy, kFilesReloaded);
  EXPECT_TRUE(wait_until([&] { return shows(proxy, ca_, new_one); }));
  EXPECT_TRUE(serves(open)) << open.error();
}

TEST_F(Reload, TheAuthoritiesOfEndpointsAreReadAgain) {
  const TestCa other("other");
  // It keeps no connection open, so that every request verifies it anew.
  const Nginx nginx({.certificate = ca_.issue({.names = {kName}, .ips = {"127.0.0.1"}}),
                     .server = "keepalive_timeout 0; location / { return 200 \"nginx\\n\"; }\n"});
  folder_.write("ca.pem", other.pem());
  RunningHttptp proxy({"-in=127.0.0.1:0", "-inType=http", "-outType=https", "-workers=2",
                       "-out=" + nginx.address().text(), "-outTLSCA=" + folder_.file("ca.pem")});
  ASSERT_TRUE(proxy.started());
  const auto all_are = [&](int status) {
    for (int i = 0; i < kConnections; ++i) {
      if (get(proxy.address(), "/").head.status != status) return false;
    }
    return true;
  };
  EXPECT_TRUE(all_are(502));
  EXPECT_THAT(get(proxy.address(), "/").body, HasSubstr("certificate"));

  folder_.write("ca.pem", ca_.pem());
  reload(proxy, kFilesReloaded);
  EXPECT_TRUE(wait_until([&] { return all_are(200); }));

  folder_.write("ca.pem", "nobody\n");
  EXPECT_THAT(reload(proxy, kNotReloaded), HasSubstr("-outTLSCA=\""));
  EXPECT_TRUE(all_are(200));

  // What was verified by the old authority is not resumed under the new one.
  folder_.write("ca.pem", other.pem());
  reload(proxy, kFilesReloaded);
  EXPECT_TRUE(wait_until([&] { return all_are(502); }));
}

TEST_F(Reload, ClientsAreJudgedByTheNewAuthorities) {
  write_certificate(ca_);
  const TestCa clients("clients");
  folder_.write("clients.pem", ca_.pem());
  RunningHttptp proxy(in_flags("https") + out_flags() +
                      Flags{"-inTLSClientCA=" + folder_.file("clients.pem")});
  ASSERT_TRUE(proxy.started());
  const auto is_taken = [&](const TestCa& issuer) {
    auto client = TlsClient::connect(
        proxy.address(), {.server_name = kName,
                          .trusted_pem = ca_.pem(),
                          .certificate = issuer.issue({.common_name = "me", .client = true})});
    return client && serves(*client);
  };
  EXPECT_TRUE(is_taken(ca_));
  EXPECT_FALSE(is_taken(clients));
  folder_.write("clients.pem", clients.pem());
  reload(proxy, kFilesReloaded);
  EXPECT_TRUE(wait_until([&] { return is_taken(clients); }));
  EXPECT_TRUE(wait_until([&] { return !is_taken(ca_); }));
}

// A proxy whose flags are all in a file.
class ReloadFlags : public Reload {
 protected:
  ReloadFlags() { write_certificate(ca_); }

  std::string fixed_lines() const {
    return "in = 127.0.0.1:0\ninType = https\noutType = http\nworkers = 2\n"
           "inTLSCert = " +
           folder_.file("cert.pem") + "\ninTLSKey = " + folder_.file("key.pem") +
           "\nout = " + origin_.address().text() + "\n";
  }
  std::string write_flags(const std::string& more) const {
    return folder_.write("flags", fixed_lines() + more);
  }
  // The status of that request on a new connection.
  int status_of(const RunningHttptp& proxy, const std::string& request) const {
    TlsClient client = connect(proxy, ca_);
    client.send_all(request);
    return status_on(client);
  }
  static int status_on(TlsClient& client) {
    MessageParser parser;
    parser.expect_response(true);
    parser.step(client.recv_until("\r\n\r\n").bytes);
    return parser.done() ? parser.head().status : 0;
  }

  static constexpr const char* kPost =
      "POST /echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi";
  static constexpr const char* kStall = "GET /stall HTTP/1.1\r\nHost: site.test\r\n\r\n";
};

TEST_F(ReloadFlags, TakeEffectOnNewAndOpenConnections) {
  RunningHttptp proxy({"-config=" + write_flags("outTimeout = 1h\n")});
  ASSERT_TRUE(proxy.started());
  EXPECT_EQ(status_of(proxy, kPost), 200);
  TlsClient open = connect(proxy, ca_);
  EXPECT_TRUE(serves(open)) << open.error();
  TlsClient waiting = connect(proxy, ca_);
  waiting.send_all("GET /bytes/5?hold=1 HTTP/1.1\r\nHost: site.test\r\n\r\n");
  ASSERT_TRUE(origin_.wait_for([](const OriginCounters& now) { return now.held == 1; }));

  write_flags("outTimeout = 100ms\ninGetOnly = true\n");
  reload(proxy, kReloaded);
  EXPECT_TRUE(wait_until([&] { return status_of(proxy, kPost) == 405; }));
  EXPECT_TRUE(wait_until([&] { return status_of(proxy, kStall) == 504; }));
  EXPECT_TRUE(serves(open)) << open.error();
  open.send_all(kPost);
  EXPECT_EQ(status_on(open), 405);
  // A request under way keeps the flags it began with.
  origin_.open_gate();
  EXPECT_EQ(status_on(waiting), 200);
}

TEST_F(ReloadFlags, ThatNeedARestartAreWarnedOf) {
  RunningHttptp proxy({"-config=" + write_flags("")});
  ASSERT_TRUE(proxy.started());
  folder_.write("flags", fixed_lines() +
                             "workers = 1\nin = 127.0.0.1:1\ninType = http\n"
                             "inGetOnly = true\n");
  const std::string said = reload(proxy, kReloaded);
  for (const char* flag : {"workers", "in", "inType"})
    EXPECT_THAT(said,
                HasSubstr(std::string("-") + flag + " has a new value, which needs a restart"));
  // The rest is taken up, and the address and its type are what they were.
  EXPECT_TRUE(wait_until([&] { return status_of(proxy, kPost) == 405; }));
}

TEST_F(ReloadFlags, ThatAreWrongChangeNothing) {
  const std::string file = write_flags("");
  RunningHttptp proxy({"-config=" + file});
  ASSERT_TRUE(proxy.started());
  const std::string old_one = connect(proxy, ca_).peer_certificate();
  // Good changes beside the bad one: a flag, and the certificate.
  write_certificate(ca_);
  write_flags("inGetOnly = true\noutTimeout = soon\n");
  EXPECT_THAT(reload(proxy, kNotReloaded), HasSubstr(file + ":9: outTimeout = \"soon\""));
  write_flags("inGetOnly = true\noutTLSCA = " + folder_.file("none") + "\noutType = https\n");
  EXPECT_THAT(reload(proxy, kNotReloaded), HasSubstr("-outTLSCA=\"" + folder_.file("none")));
  std::filesystem::remove(file);
  EXPECT_THAT(reload(proxy, kNotReloaded), HasSubstr("No such file or directory"));
  EXPECT_TRUE(shows(proxy, ca_, old_one));
  EXPECT_EQ(status_of(proxy, kPost), 200);

  write_flags("inGetOnly = true\n");
  reload(proxy, kReloaded);
  EXPECT_TRUE(wait_until([&] { return status_of(proxy, kPost) == 405; }));
  EXPECT_NE(connect(proxy, ca_).peer_certificate(), old_one);
}

}  // namespace
}  // namespace httpteleport::test
