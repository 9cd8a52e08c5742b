#include "acme/jws.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>

#include <array>
#include <memory>

#include "acme/base64url.h"
#include "acme/crypto.h"

namespace httpteleport::acme {

namespace {

using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, tls::OpenSslDeleter<EVP_MD_CTX_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, tls::OpenSslDeleter<BN_free>>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, tls::OpenSslDeleter<ECDSA_SIG_free>>;

constexpr int kNumberBytes = 32;

// Big-endian, with its leading zeros.
std::string fixed_size(const BIGNUM* number) {
  std::string bytes(kNumberBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  if (BN_bn2binpad(number, out, kNumberBytes) != kNumberBytes) return {};
  return bytes;
}

std::string coordinate(EVP_PKEY* key, const char* which) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, which, &number);
  const NumberPtr owner(number);
  return owner ? fixed_size(number) : std::string();
}

std::string member(std::string_view name, std::string_view value) {
  return std::string("\"").append(name).append("\":\"").append(value).append("\"");
}

}  // namespace

AccountKey::AccountKey(tls::KeyPtr key, std::string jwk)
    : key_(std::move(key)), jwk_(std::move(jwk)), thumbprint_(base64url(sha256(jwk_))) {}

std::optional<AccountKey> AccountKey::adopt(tls::KeyPtr key) {
  if (!key || !is_p256(key.get())) return {};
  const std::string x = coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_X);
  const std::string y = coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
  if (x.empty() || y.empty()) return {};
  std::string jwk = "{" + member("crv", "P-256") + "," + member("kty", "EC") + "," +
                    member("x", base64url(x)) + "," + member("y", base64url(y)) + "}";
  return AccountKey(std::move(key), std::move(jwk));
}

std::string AccountKey::key_authorization(std::string_view token) const {
  return std::string(token).append(".").append(thumbprint_);
}

std::string AccountKey::sign(std::string_view input) const {
  const DigestContextPtr context(EVP_MD_CTX_new());
  std::array<unsigned char, 128> der{};
  size_t size = der.size();
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size,
                     reinterpret_cast<const unsigned char*>(input.data()), input.size()) != 1)
    return {};
  const unsigned char* from = der.data();
  const SignaturePtr signature(d2i_ECDSA_SIG(nullptr, &from, static_cast<long>(size)));
  if (!signature) return {};
  return fixed_size(ECDSA_SIG_get0_r(signature.get())) +
         fixed_size(ECDSA_SIG_get0_s(signature.get()));
}

std::string jws(const AccountKey& key, const JwsHead& head, std::string_view payload) {
  std::string header = "{" + member("alg", "ES256") + ",";
  if (head.account_url.empty())
    header += "\"jwk\":" + key.jwk();
  else
    header += member("kid", head.account_url);
  header += "," + member("nonce", head.nonce) + "," + member("url", head.url) + "}";
  const std::string protected_part = base64url(header);
  const std::string payload_part = base64url(payload);
  const std::string signature = key.sign(protected_part + "." + payload_part);
  if (signature.empty()) return {};
  return "{" + member("protected", protected_part) + "," + member("payload", payload_part) + "," +
         member("signature", base64url(signature)) + "}";
}

}  // namespace httpteleport::acme
