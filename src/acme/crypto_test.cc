#include "acme/crypto.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include "tls/certificate.h"
#include "tls/pem.h"

namespace httpteleport::acme {
namespace {

using RequestPtr = std::unique_ptr<X509_REQ, tls::OpenSslDeleter<X509_REQ_free>>;

TEST(Keys, SurviveBeingWrittenAndRead) {
  const tls::KeyPtr key = make_key();
  ASSERT_NE(key, nullptr);
  EXPECT_TRUE(is_p256(key.get()));
  const tls::KeyPtr copy = tls::key_from_pem(key_to_pem(key.get()));
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(EVP_PKEY_eq(key.get(), copy.get()), 1);
  EXPECT_EQ(tls::key_from_pem("nothing"), nullptr);
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(Keys, OfOtherKindsAreNotTakenForP256) {
  const tls::KeyPtr other_curve(EVP_EC_gen("P-384"));
  const tls::KeyPtr other_kind(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  EXPECT_FALSE(is_p256(other_curve.get()));
  EXPECT_FALSE(is_p256(other_kind.get()));
}

TEST(Sha256, GivesTheKnownDigest) {
  EXPECT_EQ(sha256("abc").substr(0, 4), "\xba\x78\x16\xbf");
  EXPECT_EQ(sha256("").size(), 32u);
}

TEST(CertificateRequest, IsSignedAndHasTheNameAlone) {
  const tls::KeyPtr key = make_key();
  const std::string der = certificate_request(key.get(), "www.example.com");
  const auto* from = reinterpret_cast<const unsigned char*>(der.data());
  const RequestPtr request(d2i_X509_REQ(nullptr, &from, static_cast<long>(der.size())));
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(X509_REQ_verify(request.get(), key.get()), 1);
  EXPECT_EQ(X509_NAME_entry_count(X509_REQ_get_subject_name(request.get())), 0);
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request.get());
  ASSERT_EQ(sk_X509_EXTENSION_num(extensions), 1);
  auto* names = static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr));
  ASSERT_EQ(sk_GENERAL_NAME_num(names), 1);
  const ASN1_STRING* name = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
                        static_cast<size_t>(ASN1_STRING_length(name))),
            "www.example.com");
  GENERAL_NAMES_free(names);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

// RFC 8737 section 3: one name, and the digest in a critical extension, in two octet strings.
TEST(ChallengeCertificate, HasTheCriticalDigestAndTheNameAlone) {
  const std::string pem = challenge_certificate_pem("www.example.com", "token.thumbprint");
  const auto parsed = tls::Certificate::parse(pem, pem);
  ASSERT_TRUE(parsed) << parsed.error().detail;
  const tls::Certificate& certificate = **parsed;
  EXPECT_EQ(certificate.names(), std::vector<std::string>{"www.example.com"});
  EXPECT_EQ(X509_verify(certificate.leaf(), certificate.key()), 1);
  const std::unique_ptr<ASN1_OBJECT, tls::OpenSslDeleter<ASN1_OBJECT_free>> id(
      OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1));
  const int index = X509_get_ext_by_OBJ(certificate.leaf(), id.get(), -1);
  ASSERT_GE(index, 0);
  X509_EXTENSION* extension = X509_get_ext(certificate.leaf(), index);
  EXPECT_EQ(X509_EXTENSION_get_critical(extension), 1);
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
  const unsigned char* from = ASN1_STRING_get0_data(value);
  const std::unique_ptr<ASN1_OCTET_STRING, tls::OpenSslDeleter<ASN1_OCTET_STRING_free>> digest(
      d2i_ASN1_OCTET_STRING(nullptr, &from, ASN1_STRING_length(value)));
  ASSERT_NE(digest, nullptr);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(digest.get())),
                        static_cast<size_t>(ASN1_STRING_length(digest.get()))),
            sha256("token.thumbprint"));
}

}  // namespace
}  // namespace httpteleport::acme
