// The account key, and requests signed with it: JWS with ES256 (RFC 7515, RFC 7518 section 3.4) in
// the form RFC 8555 section 6.2 asks for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tls/openssl.h"

namespace httpteleport::acme {

// Immutable; any thread.
class AccountKey {
 public:
  // Empty value: not a P-256 key.
  static std::optional<AccountKey> adopt(tls::KeyPtr key);

  // The public key, members in the order of RFC 7638.
  const std::string& jwk() const { return jwk_; }
  // token "." thumbprint (RFC 8555 section 8.1).
  std::string key_authorization(std::string_view token) const;
  // r and s, 32 bytes each, over the SHA-256 of `input`. Empty: OpenSSL failed.
  std::string sign(std::string_view input) const;

 private:
  AccountKey(tls::KeyPtr key, std::string jwk);

  tls::KeyPtr key_;
  std::string jwk_;
  std::string thumbprint_;
};

// What stands in the protected header. All three consist of characters that need no escaping in
// JSON: the nonce is base64url, the addresses have passed HttpClient::accepts().
struct JwsHead {
  std::string_view url;
  std::string_view nonce;
  std::string_view account_url;  // empty: the public key takes its place
};

// The body of the request, application/jose+json. Empty: OpenSSL failed. `payload` is JSON, or
// empty for POST-as-GET.
std::string jws(const AccountKey& key, const JwsHead& head, std::string_view payload);

}  // namespace httpteleport::acme
