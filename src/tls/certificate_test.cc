#include "tls/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <string>

#include "support/certificates.h"
#include "support/temporary_folder.h"

namespace httpteleport::tls {
namespace {

using test::CertificateRequest;
using test::Pem;
using test::TemporaryFolder;
using test::TestCa;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<std::shared_ptr<const Certificate>> parse(const Pem& pem) {
  return Certificate::parse(pem.certificate, pem.key);
}

class CertificateTest : public testing::Test {
 protected:
  // Expects the refusal of these texts, for a reason that contains `why`.
  static void expect_refused(std::string_view chain, std::string_view key, std::string_view why) {
    const auto made = Certificate::parse(chain, key);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::kBadConfig);
    EXPECT_THAT(made.error().detail, HasSubstr(why));
    EXPECT_EQ(ERR_peek_error(), 0u) << "the next call of OpenSSL would find this error";
  }

  TestCa ca_{"root"};
  Pem pem_ = ca_.issue({.names = {"A.example", "*.b.example"}, .ips = {"127.0.0.1"}});
};

TEST_F(CertificateTest, TellsItsNamesInLowerCase) {
  const auto made = parse(pem_);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_THAT((*made)->names(), ElementsAre("a.example", "*.b.example"));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_F(CertificateTest, TakesTheCommonNameOnlyWhereThereAreNoOthers) {
  EXPECT_THAT((*parse(ca_.issue({.common_name = "C.example"})))->names(), ElementsAre("c.example"));
  EXPECT_THAT((*parse(ca_.issue({.names = {"a.example"}, .common_name = "c.example"})))->names(),
              ElementsAre("a.example"));
  EXPECT_THAT((*parse(ca_.issue({})))->names(), IsEmpty());
}

TEST_F(CertificateTest, MatchesItsNamesAndNoOthers) {
  const auto made = *parse(pem_);
  EXPECT_TRUE(made->matches("a.example"));
  EXPECT_TRUE(made->matches("A.EXAMPLE"));
  EXPECT_TRUE(made->matches("x.b.example"));
  EXPECT_FALSE(made->matches("b.example"));
  EXPECT_FALSE(made->matches("x.y.b.example"));
  EXPECT_FALSE(made->matches("x.a.example"));
  EXPECT_FALSE(made->matches("127.0.0.1"));
}

TEST_F(CertificateTest, TellsItsTimes) {
  const std::time_t now = std::time(nullptr);
  const auto made = *parse(ca_.issue({.names = {"a.example"},
                                      .not_before = std::chrono::hours(-2),
                                      .valid_for = std::chrono::hours(5)}));
  EXPECT_NEAR(static_cast<double>(made->not_before() - now), -7200, 60);
  EXPECT_EQ(made->not_after() - made->not_before(), 5 * 3600);
}

TEST_F(CertificateTest, TakesBothTypesOfKeys) {
  EXPECT_EQ(EVP_PKEY_get_base_id((*parse(pem_))->key()), EVP_PKEY_EC);
  const auto rsa = parse(ca_.issue({.names = {"a.example"}, .key = test::KeyType::kRsa2048}));
  ASSERT_TRUE(rsa);
  EXPECT_EQ(EVP_PKEY_get_base_id((*rsa)->key()), EVP_PKEY_RSA);
}

TEST_F(CertificateTest, KeepsTheChainInItsOrder) {
  const TestCa first("first", ca_);
  const TestCa second("second", first);
  const auto made = *parse(second.issue({.names = {"a.example"}}));
  ASSERT_EQ(sk_X509_num(made->chain()), 2);
  X509* signer = sk_X509_value(made->chain(), 0);
  EXPECT_EQ(X509_check_issued(signer, made->leaf()), X509_V_OK);
  EXPECT_EQ(X509_check_issued(sk_X509_value(made->chain(), 1), signer), X509_V_OK);
  EXPECT_EQ(sk_X509_num((*parse(pem_))->chain()), 0);
}

TEST_F(CertificateTest, TakesOneFileForBothAndTextAround) {
  const std::string both =
      "a comment\n" + pem_.key + "\nanother\n" + pem_.certificate + "the end\n";
  const auto made = Certificate::parse(both, both);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(sk_X509_num((*made)->chain()), 0);
}

TEST_F(CertificateTest, RefusesAKeyOfAnother) {
  const Pem other = ca_.issue({.names = {"a.example"}});
  expect_refused(pem_.certificate, other.key, "does not belong");
  const Pem rsa = ca_.issue({.names = {"a.example"}, .key = test::KeyType::kRsa2048});
  expect_refused(pem_.certificate, rsa.key, "does not belong");
}

TEST_F(CertificateTest, RefusesAnEncryptedKeyWithoutAsking) {
  expect_refused(pem_.certificate, test::encrypted_key(pem_, "secret"), "passphrase");
}

TEST_F(CertificateTest, RefusesWhatIsNotWhole) {
  const std::string& chain = pem_.certificate;
  expect_refused("", pem_.key, "no PEM certificate");
  expect_refused("nothing", pem_.key, "no PEM certificate");
  expect_refused(pem_.key, pem_.key, "no PEM certificate");
  expect_refused(chain.substr(0, chain.size() / 2), pem_.key, "no PEM certificate");
  expect_refused(chain, "", "no PEM private key");
  expect_refused(chain, chain, "no PEM private key");
  expect_refused(chain, pem_.key.substr(0, pem_.key.size() / 2), "no PEM private key");
}

TEST_F(CertificateTest, RefusesAChainThatBreaksOff) {
  const TestCa intermediate("intermediate", ca_);
  const Pem pem = intermediate.issue({.names = {"a.example"}});
  const std::string& chain = pem.certificate;
  expect_refused(chain.substr(0, chain.size() - 40), pem.key, "chain");
  std::string spoiled = chain;
  spoiled[chain.size() - 100] = '*';
  expect_refused(spoiled, pem.key, "chain");
}

TEST_F(CertificateTest, LoadsFilesAndTellsWhichCannotBeRead) {
  const TemporaryFolder folder;
  const std::string chain = folder.write("chain.pem", pem_.certificate);
  const std::string key = folder.write("key.pem", pem_.key);
  EXPECT_TRUE(Certificate::load(chain, key));
  const auto no_chain = Certificate::load(folder.file("none"), key);
  ASSERT_FALSE(no_chain);
  EXPECT_EQ(no_chain.error().sys_errno, ENOENT);
  EXPECT_THAT(no_chain.error().detail, HasSubstr("certificate file"));
  const auto no_key = Certificate::load(chain, folder.file("none"));
  ASSERT_FALSE(no_key);
  EXPECT_EQ(no_key.error().sys_errno, ENOENT);
  EXPECT_THAT(no_key.error().detail, HasSubstr("key file"));
  const auto of_folder = Certificate::load(folder.path(), key);
  ASSERT_FALSE(of_folder);
  EXPECT_EQ(of_folder.error().sys_errno, EISDIR);
  const auto empty = Certificate::load(folder.write("empty", ""), key);
  ASSERT_FALSE(empty);
  EXPECT_STREQ(empty.error().detail, "no PEM certificate in the certificate file");
}

}  // namespace
}  // namespace httpteleport::tls
