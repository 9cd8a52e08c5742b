// What httptp agrees to as a TLS server, as scanners and clients that are not ours see it: at an
// https listener, and at a teleports listener behind the link's own handshake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <istream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "integration/topology.h"
#include "support/certificates.h"
#include "support/command.h"
#include "support/curl.h"
#include "support/nginx.h"
#include "support/origin.h"
#include "support/temporary_folder.h"
#include "support/tls_client.h"

namespace httpteleport::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr const char* kEcdsaName = "ecdsa.test";
constexpr const char* kRsaName = "rsa.test";
// Everything that OpenSSL can still offer, however bad.
constexpr const char* kAllCiphers = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";

// What sslscan says of one server name.
struct Scan {
  std::set<std::string> versions;  // that the server accepts: "ssl2", "tls1.2"
  std::set<std::string> tls12_ciphers;
  std::set<std::string> tls13_ciphers;
  std::set<std::string> old_ciphers;  // of all other versions
  std::string xml;
};

// The value of that attribute of the XML element on `line`; empty: there is none.
std::string attribute(const std::string& line, const std::string& name) {
  const std::string before = " " + name + "=\"";
  const size_t at = line.find(before);
  if (at == std::string::npos) return {};
  const size_t begin = at + before.size();
  return line.substr(begin, line.find('"', begin) - begin);
}

// sslscan writes one element a line.
Scan read_scan(std::istream& xml) {
  Scan scan;
  for (std::string line; std::getline(xml, line);) {
    scan.xml.append(line).append("\n");
    if (line.find("<protocol ") != std::string::npos && attribute(line, "enabled") == "1")
      scan.versions.insert(attribute(line, "type") + attribute(line, "version"));
    if (line.find("<cipher ") == std::string::npos) continue;
    const std::string version = attribute(line, "sslversion");
    auto& ciphers = version == "TLSv1.2"   ? scan.tls12_ciphers
                    : version == "TLSv1.3" ? scan.tls13_ciphers
                                           : scan.old_ciphers;
    ciphers.insert(attribute(line, "cipher"));
  }
  return scan;
}

// Bytes of TLS as they are on the wire.
std::string with_size(size_t width, const std::string& bytes) {
  std::string result;
  for (size_t shift = width * 8; shift > 0; shift -= 8)
    result += static_cast<char>(bytes.size() >> (shift - 8));
  return result + bytes;
}

// A record with a ClientHello of TLS 1.2 that offers DEFLATE before no compression (RFC 3749).
std::string hello_with_compression() {
  using namespace std::string_literals;
  const std::string extensions =
      "\x00\x0a"s + with_size(2, with_size(2, "\x00\x17"s)) +         // P-256
      "\x00\x0b"s + with_size(2, with_size(1, "\x00"s)) +             // points not compressed
      "\x00\x0d"s + with_size(2, with_size(2, "\x04\x03\x08\x04"s));  // ECDSA, RSA-PSS
  const std::string hello = "\x03\x03"s + std::string(32, 'r') + with_size(1, "") +
                            with_size(2, "\xc0\x2b\xc0\x2f"s) + with_size(1, "\x01\x00"s) +
                            with_size(2, extensions);
  return "\x16\x03\x01"s + with_size(2, "\x01"s + with_size(3, hello));
}

class TlsScan : public testing::Test {
 protected:
  TlsScan() {
    folder_.write("ca.pem", ca_.pem());
    write_pair("ecdsa", {.names = {kEcdsaName}, .key = KeyType::kEcdsaP256});
    write_pair("rsa", {.names = {kRsaName}, .key = KeyType::kRsa2048});
  }

  void write_pair(const std::string& name, const CertificateRequest& request) {
    const Pem pem = ca_.issue(request);
    folder_.write(name + ".crt", pem.certificate);
    folder_.write(name + ".key", pem.key);
  }

  Flags flags(const std::string& type) const {
    const auto both = [&](const std::string& suffix) {
      return folder_.file("ecdsa" + suffix) + "," + folder_.file("rsa" + suffix);
    };
    return {"-in=127.0.0.1:0",           "-inType=" + type, "-inTLSCert=" + both(".crt"),
            "-inTLSKey=" + both(".key"), "-outType=http",   "-out=" + origin_.address().text()};
  }

  Scan scan(const Address& address, const std::string& name) const {
    const std::string xml = folder_.write("scan.xml", "");
    const CommandResult result = run_command(
        {"/usr/bin/sslscan", "--no-colour", "--sni-name=" + name, "--xml=" + xml, address.text()});
    EXPECT_EQ(result.status.code, 0) << result.output;
    std::ifstream file(xml);
    return read_scan(file);
  }

  CommandResult s_client(const Address& address, const std::string& input, Flags more) const {
    const Flags common = {"/usr/bin/openssl",    "s_client", "-connect", address.text(),
                          "-servername",         kEcdsaName, "-CAfile",  folder_.file("ca.pem"),
                          "-verify_return_error"};
    return run_command(common + more, folder_.write("input", input));
  }

  TestCa ca_{"scan"};
  TemporaryFolder folder_;
  Origin origin_;
};

// The control: this is how the scanner shows a server that is not like ours.
TEST_F(TlsScan, TheScannerSeesWhatIsWeak) {
  const Nginx weak({.certificate = ca_.issue({.names = {kRsaName}, .key = KeyType::kRsa2048}),
                    .server = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2;\n"
                              "ssl_ciphers ALL:@SECLEVEL=0;\n"});
  const Scan seen = scan(weak.address(), kRsaName);
  EXPECT_THAT(seen.versions, UnorderedElementsAre("tls1.0", "tls1.1", "tls1.2")) << seen.xml;
  EXPECT_THAT(seen.tls12_ciphers, Contains("AES128-SHA"));
  EXPECT_THAT(seen.old_ciphers, Contains("ECDHE-RSA-AES128-SHA"));
}

TEST_F(TlsScan, TheScannerFindsNothingWeakAtHttps) {
  RunningHttptp proxy(flags("https"));
  for (const auto& [name, key] : {std::pair(kEcdsaName, "ECDSA"), std::pair(kRsaName, "RSA")}) {
    const Scan seen = scan(proxy.address(), name);
    SCOPED_TRACE(seen.xml);
    EXPECT_THAT(seen.versions, UnorderedElementsAre("tls1.2", "tls1.3"));
    const std::string prefix = std::string("ECDHE-") + key;
    EXPECT_THAT(seen.tls12_ciphers,
                UnorderedElementsAre(prefix + "-AES128-GCM-SHA256", prefix + "-AES256-GCM-SHA384",
                                     prefix + "-CHACHA20-POLY1305"));
    EXPECT_THAT(seen.tls13_ciphers,
                UnorderedElementsAre("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                     "TLS_CHACHA20_POLY1305_SHA256"));
    EXPECT_THAT(seen.old_ciphers, IsEmpty());
    EXPECT_THAT(seen.xml, HasSubstr("<renegotiation supported=\"0\""));
    EXPECT_THAT(seen.xml, Not(HasSubstr("<compression supported=\"1\"")));
    EXPECT_THAT(seen.xml, Not(HasSubstr("vulnerable=\"1\"")));
    EXPECT_THAT(seen.xml, HasSubstr(std::string("DNS:") + name));
  }
}

TEST_F(TlsScan, CurlAgreesOnTls12And13AndNothingBelow) {
  RunningHttptp proxy(flags("https"));
  const std::string port = std::to_string(proxy.address().port);
  for (const char* name : {kEcdsaName, kRsaName}) {
    std::string site = name;
    site.append(":").append(port);
    const Curl curl("https://" + site, {"--cacert", folder_.file("ca.pem"), "--resolve",
                                        site + ":127.0.0.1", "--ciphers", kAllCiphers});
    for (const Flags& versions : {Flags{"--tlsv1.2", "--tls-max", "1.2"}, Flags{"--tlsv1.3"}}) {
      const Curl::Answer answer = curl.ask("/bytes/1000?seed=1", versions);
      EXPECT_EQ(answer.exit_code, 0) << answer.problems;
      EXPECT_EQ(answer.body, Content::bytes(1000, 1).to_string());
    }
    for (const char* version : {"1.0", "1.1"}) {
      const Curl::Answer answer = curl.ask("/", {"--tlsv1.0", "--tls-max", version});
      EXPECT_EQ(answer.exit_code, 35) << answer.problems;  // CURLE_SSL_CONNECT_ERROR
      EXPECT_THAT(answer.problems, HasSubstr("alert protocol version"));
    }
  }
}

TEST_F(TlsScan, OpensslIsRefusedANewHandshake) {
  RunningHttptp proxy(flags("https"));
  // A line of "R" is its command for that.
  const CommandResult result = s_client(proxy.address(), "R\n", {"-tls1_2"});
  EXPECT_THAT(result.output, HasSubstr("RENEGOTIATING"));
  EXPECT_THAT(result.output, HasSubstr("no renegotiation"));
  EXPECT_THAT(result.output, HasSubstr("Secure Renegotiation IS supported"));
  EXPECT_THAT(result.output, HasSubstr("Compression: NONE"));
  EXPECT_THAT(result.output, HasSubstr("Verify return code: 0 (ok)"));
}

// The same for both listeners: over TLS at once, or behind the handshake of a link.
class TlsScanOf : public TlsScan, public testing::WithParamInterface<const char*> {
 protected:
  TlsScanOf() : proxy_(flags(GetParam())) {}

  // A connection on which TLS is to begin.
  Socket connect() const {
    std::optional<Socket> socket = Socket::connect(proxy_.address());
    EXPECT_TRUE(socket.has_value());
    if (!socket) return {};
    if (std::string(GetParam()) == "teleports") {
      // Version 0, flate, TLS wanted; and granted.
      using namespace std::string_literals;
      socket->send_all("httpteleport\0\0\1"s);
      EXPECT_EQ(socket->recv_exactly(15).bytes, "httpteleport\0\0\1"s);
    }
    return *std::move(socket);
  }
  TlsClient connect_tls(TlsOptions options, const std::string& name = kEcdsaName) const {
    options.server_name = name;
    options.trusted_pem = ca_.pem();
    return {connect(), options};
  }

  RunningHttptp proxy_;
};

TEST_P(TlsScanOf, RefusesVersionsBelow12) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    const TlsClient client = connect_tls({.version_max = version, .ciphers = kAllCiphers});
    EXPECT_FALSE(client.is_complete());
    EXPECT_EQ(client.fatal_alert(), SSL_AD_PROTOCOL_VERSION) << client.error();
  }
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TlsClient client = connect_tls({.version_max = version});
    EXPECT_TRUE(client.is_complete()) << client.error();
    EXPECT_EQ(client.version(), version);
  }
}

// Every cipher of TLS 1.2 that OpenSSL has.
std::vector<std::string> all_tls12_ciphers() {
  const SslContextOwner context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  require(SSL_CTX_set_cipher_list(context.get(), kAllCiphers) == 1, "list of ciphers");
  std::vector<std::string> names;
  const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(ciphers, i);
    if (std::string(SSL_CIPHER_get_version(cipher)) != "TLSv1.3")
      names.emplace_back(SSL_CIPHER_get_name(cipher));
  }
  return names;
}

TEST_P(TlsScanOf, TakesAuthenticatedForwardSecretCiphersOnly) {
  const std::vector<std::string> all = all_tls12_ciphers();
  EXPECT_GT(all.size(), 50u);
  std::set<std::string> taken;
  for (const std::string& cipher : all) {
    for (const char* name : {kEcdsaName, kRsaName}) {
      const TlsClient client =
          connect_tls({.version_max = TLS1_2_VERSION, .ciphers = cipher + ":@SECLEVEL=0"}, name);
      if (!client.is_complete()) continue;
      EXPECT_EQ(client.cipher(), cipher);
      taken.insert(cipher);
    }
  }
  EXPECT_THAT(taken,
              UnorderedElementsAre("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                   "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256",
                                   "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"));
}

TEST_P(TlsScanOf, ShowsTheCertificateOfTheName) {
  // A client that knows either kind of key only.
  for (const auto& [name, cipher] : {std::pair(kEcdsaName, "ECDHE-ECDSA-AES128-GCM-SHA256"),
                                     std::pair(kRsaName, "ECDHE-RSA-AES128-GCM-SHA256")}) {
    const TlsClient client =
        connect_tls({.version_max = TLS1_2_VERSION, .ciphers = kAllCiphers}, name);
    EXPECT_TRUE(client.is_complete()) << client.error();
    EXPECT_EQ(client.cipher(), cipher);
    const TlsClient newest = connect_tls({.version_min = TLS1_3_VERSION}, name);
    EXPECT_TRUE(newest.is_complete()) << newest.error();
    EXPECT_EQ(newest.peer_certificate(), client.peer_certificate());
  }
}

TEST_P(TlsScanOf, RefusesANewHandshake) {
  TlsClient client = connect_tls({.version_max = TLS1_2_VERSION});
  ASSERT_TRUE(client.is_complete()) << client.error();
  EXPECT_FALSE(client.renegotiate());
  EXPECT_EQ(client.error(), "no renegotiation");
}

TEST_P(TlsScanOf, DoesNotCompress) {
  using namespace std::string_literals;
  Socket socket = connect();
  ASSERT_EQ(socket.send_all(hello_with_compression()), IoStatus::kOk);
  // A record with a ServerHello: up to its random part, then session id, cipher, compression.
  const std::string head = socket.recv_exactly(5 + 4 + 2 + 32 + 1).bytes;
  ASSERT_THAT(head, SizeIs(44));
  EXPECT_EQ(head.substr(0, 3) + head.substr(5, 1) + head.substr(9, 2), "\x16\x03\x03\x02\x03\x03"s);
  const auto id_bytes = static_cast<unsigned char>(head.back());
  const std::string rest = socket.recv_exactly(id_bytes + 3u).bytes;
  ASSERT_THAT(rest, SizeIs(id_bytes + 3u));
  EXPECT_EQ(rest.substr(id_bytes), "\xc0\x2b\x00"s);
}

INSTANTIATE_TEST_SUITE_P(All, TlsScanOf, testing::Values("https", "teleports"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace httpteleport::test
