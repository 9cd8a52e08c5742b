#include "acme/jws.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

#include <memory>
#include <string>

#include "acme/base64url.h"
#include "acme/crypto.h"

namespace httpteleport::acme {
namespace {

// The value of a member that is a string; "(none)" when it is not there.
std::string member(const std::string& object, const std::string& name) {
  const std::string before = "\"" + name + "\":\"";
  const size_t at = object.find(before);
  if (at == std::string::npos) return "(none)";
  const size_t from = at + before.size();
  return object.substr(from, object.find('"', from) - from);
}

// The decoder of the tests, by OpenSSL's alphabet with padding.
std::string decode(std::string text) {
  for (char& c : text)
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  const size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string bytes(text.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  EXPECT_GE(size, 0);
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

// The public key that a JWK describes, by other means than those that wrote it.
tls::KeyPtr public_key(const std::string& jwk) {
  const std::string point = "\x04" + decode(member(jwk, "x")) + decode(member(jwk, "y"));
  char group[] = "P-256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<char*>(point.data()),
                                        point.size()),
      OSSL_PARAM_construct_end()};
  const std::unique_ptr<EVP_PKEY_CTX, tls::OpenSslDeleter<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context.get());
  EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters);
  return tls::KeyPtr(key);
}

bool verifies(EVP_PKEY* key, const std::string& input, const std::string& raw) {
  if (raw.size() != 64) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  const std::unique_ptr<ECDSA_SIG, tls::OpenSslDeleter<ECDSA_SIG_free>> signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(bytes, 32, nullptr),
                 BN_bin2bn(bytes + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int der_size = i2d_ECDSA_SIG(signature.get(), &der);
  const std::unique_ptr<EVP_MD_CTX, tls::OpenSslDeleter<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key);
  const bool good =
      EVP_DigestVerify(context.get(), der, static_cast<size_t>(der_size),
                       reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1;
  OPENSSL_free(der);
  return good;
}

TEST(AccountKey, RefusesOtherKeys) {
  EXPECT_FALSE(AccountKey::adopt(nullptr));
  EXPECT_FALSE(AccountKey::adopt(tls::KeyPtr(EVP_EC_gen("P-384"))));
}

TEST(AccountKey, WritesTheMembersOfItsJwkInOrder) {
  const auto key = AccountKey::adopt(make_key());
  ASSERT_TRUE(key);
  EXPECT_EQ(decode(member(key->jwk(), "x")).size(), 32u);
  EXPECT_EQ(key->jwk(), R"({"crv":"P-256","kty":"EC","x":")" + member(key->jwk(), "x") +
                            R"(","y":")" + member(key->jwk(), "y") + R"("})");
  EXPECT_EQ(key->key_authorization("token"), "token." + base64url(sha256(key->jwk())));
}

// Many keys and signatures: one in 256 has a number with a leading zero.
TEST(Jws, VerifiesWithThePublicKeyItNames) {
  for (int i = 0; i < 600; ++i) {
    const auto key = AccountKey::adopt(make_key());
    const std::string payload = R"({"n":)" + std::to_string(i) + "}";
    const std::string body =
        jws(*key, {.url = "https://ca.example/new", .nonce = "abc", .account_url = ""}, payload);
    const std::string head = decode(member(body, "protected"));
    const std::string input = member(body, "protected") + "." + member(body, "payload");
    ASSERT_TRUE(verifies(public_key(head).get(), input, decode(member(body, "signature")))) << i;
    ASSERT_EQ(decode(member(body, "payload")), payload);
  }
}

TEST(Jws, NamesTheKeyOrTheAccount) {
  const auto key = AccountKey::adopt(make_key());
  const auto head_of = [&](std::string_view account_url) {
    const std::string body =
        jws(*key, {.url = "https://ca.example/x", .nonce = "n-_1", .account_url = account_url}, "");
    EXPECT_EQ(member(body, "payload"), "");
    return decode(member(body, "protected"));
  };
  EXPECT_EQ(head_of(""), R"({"alg":"ES256","jwk":)" + key->jwk() +
                             R"(,"nonce":"n-_1","url":"https://ca.example/x"})");
  EXPECT_EQ(head_of("https://ca.example/account/1"),
            R"({"alg":"ES256","kid":"https://ca.example/account/1",)"
            R"("nonce":"n-_1","url":"https://ca.example/x"})");
}

}  // namespace
}  // namespace httpteleport::acme
