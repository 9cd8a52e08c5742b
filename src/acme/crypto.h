// Keys, certificate requests and the challenge certificate, by OpenSSL. Stateless; any thread.
//
// Functions that return nothing (null, an empty string) have met a failure inside OpenSSL, which
// means memory; callers give up what they do.
#pragma once

#include <string>
#include <string_view>

#include "tls/openssl.h"

namespace httpteleport::acme {

// A new P-256 key.
tls::KeyPtr make_key();
bool is_p256(EVP_PKEY* key);

// PKCS #8 in PEM, not encrypted; tls::key_from_pem() reads it.
std::string key_to_pem(EVP_PKEY* key);

// 32 bytes.
std::string sha256(std::string_view bytes);

// PKCS #10 in DER: `name`, which is canonical, as the one subjectAltName, and no subject.
std::string certificate_request(EVP_PKEY* key, const std::string& name);

// The certificate that answers a tls-alpn-01 challenge (RFC 8737 section 3): self-signed, for
// `name`, with the digest of the key authorization. PEM, its key behind it.
std::string challenge_certificate_pem(const std::string& name, std::string_view key_authorization);

}  // namespace httpteleport::acme
