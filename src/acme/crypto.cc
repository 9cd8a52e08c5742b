#include "acme/crypto.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace httpteleport::acme {

namespace {

using tls::BioPtr;
using tls::KeyPtr;
using tls::X509Ptr;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, tls::OpenSslDeleter<X509_EXTENSION_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, tls::OpenSslDeleter<ASN1_OBJECT_free>>;
using OctetsPtr = std::unique_ptr<ASN1_OCTET_STRING, tls::OpenSslDeleter<ASN1_OCTET_STRING_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, tls::OpenSslDeleter<X509_REQ_free>>;

void free_extensions(STACK_OF(X509_EXTENSION) * stack) {
  sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
}
using ExtensionsPtr =
    std::unique_ptr<STACK_OF(X509_EXTENSION), tls::OpenSslDeleter<free_extensions>>;

constexpr const char* kAcmeIdentifier = "1.3.6.1.5.5.7.1.31";
constexpr long kChallengeLifetime_s = 7 * 24 * 3600;
constexpr long kClockSkew_s = 3600;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

ExtensionPtr name_extension(const std::string& name) {
  const std::string value = "DNS:" + name;
  return ExtensionPtr(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, value.c_str()));
}

// The value of the extension is itself an OCTET STRING that holds the digest.
ExtensionPtr acme_identifier_extension(std::string_view key_authorization) {
  const std::string digest = sha256(key_authorization);
  if (digest.size() != 32) return nullptr;
  const std::string encoded = std::string("\x04\x20", 2) + digest;
  const ObjectPtr id(OBJ_txt2obj(kAcmeIdentifier, 1));
  const OctetsPtr value(ASN1_OCTET_STRING_new());
  if (!id || !value) return nullptr;
  if (ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(encoded.data()),
                            static_cast<int>(encoded.size())) != 1)
    return nullptr;
  return ExtensionPtr(X509_EXTENSION_create_by_OBJ(nullptr, id.get(), 1, value.get()));
}

bool set_serial(X509* certificate) {
  std::array<unsigned char, 8> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  uint64_t serial = 1;
  for (const unsigned char byte : bytes)
    serial = serial << 7 | byte;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1;
}

// Subject and issuer: some name, which nobody looks at.
bool set_subject(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("acme challenge");
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

bool fill(X509* certificate, EVP_PKEY* key) {
  return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
         set_subject(certificate) &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -kClockSkew_s) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), kChallengeLifetime_s) != nullptr &&
         X509_set_pubkey(certificate, key) == 1;
}

}  // namespace

KeyPtr make_key() {
  return KeyPtr(EVP_EC_gen("P-256"));
}

bool is_p256(EVP_PKEY* key) {
  std::array<char, 32> group{};
  size_t size = 0;
  if (EVP_PKEY_is_a(key, "EC") != 1) return false;
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) != 1) return false;
  return std::string_view(group.data(), size) == SN_X9_62_prime256v1;
}

std::string key_to_pem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio) return {};
  if (PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return {};
  return text_of(bio.get());
}

std::string sha256(std::string_view bytes) {
  std::string digest(32, '\0');
  size_t size = 0;
  if (EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(),
                   reinterpret_cast<unsigned char*>(digest.data()), &size) != 1)
    return {};
  return digest;
}

std::string certificate_request(EVP_PKEY* key, const std::string& name) {
  const RequestPtr request(X509_REQ_new());
  const ExtensionsPtr extensions(sk_X509_EXTENSION_new_null());
  ExtensionPtr names = name_extension(name);
  if (!request || !extensions || !names) return {};
  if (sk_X509_EXTENSION_push(extensions.get(), names.get()) == 0) return {};
  names.release();  // the stack has it now
  if (X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key) != 1 ||
      X509_REQ_add_extensions(request.get(), extensions.get()) != 1 ||
      X509_REQ_sign(request.get(), key, EVP_sha256()) <= 0)
    return {};
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || i2d_X509_REQ_bio(bio.get(), request.get()) != 1) return {};
  return text_of(bio.get());
}

std::string challenge_certificate_pem(const std::string& name, std::string_view key_authorization) {
  const KeyPtr key = make_key();
  const X509Ptr certificate(X509_new());
  const ExtensionPtr names = name_extension(name);
  const ExtensionPtr digest = acme_identifier_extension(key_authorization);
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!key || !certificate || !names || !digest || !bio) return {};
  if (!fill(certificate.get(), key.get()) ||
      X509_add_ext(certificate.get(), names.get(), -1) != 1 ||
      X509_add_ext(certificate.get(), digest.get(), -1) != 1 ||
      X509_sign(certificate.get(), key.get(), EVP_sha256()) <= 0 ||
      PEM_write_bio_X509(bio.get(), certificate.get()) != 1)
    return {};
  return text_of(bio.get()) + key_to_pem(key.get());
}

}  // namespace httpteleport::acme
