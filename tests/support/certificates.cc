#include "support/certificates.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <utility>

#include "support/openssl.h"

namespace httpteleport::test {

struct TestCa::Identity {
  X509Owner certificate;
  KeyOwner key;
};

namespace {

KeyOwner make_key(KeyType type) {
  KeyOwner key(type == KeyType::kRsa2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  require(key != nullptr, "making a key");
  return key;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const BioOwner bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(bio.get(), certificate) == 1, "writing a certificate");
  return text_of(bio.get());
}

std::string pem_of(const EVP_PKEY* key) {
  const BioOwner bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "writing a key");
  return text_of(bio.get());
}

void set_common_name(X509* certificate, const std::string& name) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(name.data());
  X509_NAME* subject = X509_get_subject_name(certificate);
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, bytes,
                                     static_cast<int>(name.size()), -1, 0) == 1,
          "naming a certificate");
}

void set_random_serial(X509* certificate) {
  uint64_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "RAND_bytes");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial | 1);
}

void add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, value.c_str());
  X509_EXTENSION_free(extension);
}

std::string alternative_names(const CertificateRequest& request) {
  std::string list;
  for (const std::string& name : request.names)
    list += (list.empty() ? "DNS:" : ",DNS:") + name;
  for (const std::string& ip : request.ips)
    list += (list.empty() ? "IP:" : ",IP:") + ip;
  return list;
}

// Everything but names and extensions.
X509Owner make_certificate(EVP_PKEY* key, std::chrono::seconds not_before,
                           std::chrono::seconds valid_for) {
  X509Owner made(X509_new());
  require(made != nullptr && X509_set_version(made.get(), X509_VERSION_3) == 1, "X509_new");
  set_random_serial(made.get());
  X509_gmtime_adj(X509_getm_notBefore(made.get()), static_cast<long>(not_before.count()));
  X509_gmtime_adj(X509_getm_notAfter(made.get()),
                  static_cast<long>((not_before + valid_for).count()));
  require(X509_set_pubkey(made.get(), key) == 1, "X509_set_pubkey");
  return made;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  require(X509_sign(certificate, issuer_key, EVP_sha256()) > 0, "signing a certificate");
}

X509Owner make_ca_certificate(const std::string& name, EVP_PKEY* key) {
  X509Owner made =
      make_certificate(key, std::chrono::hours(-24 * 365), std::chrono::hours(2 * 24 * 365));
  set_common_name(made.get(), name);
  add_extension(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(made.get(), made.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(made.get(), made.get(), NID_subject_key_identifier, "hash");
  return made;
}

}  // namespace

std::string encrypted_key(const Pem& pem, const std::string& passphrase) {
  const BioOwner in = read_only_bio(pem.key);
  const KeyOwner key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  require(key != nullptr, "reading a key");
  const BioOwner out(BIO_new(BIO_s_mem()));
  const int done =
      PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(), passphrase.data(),
                                    static_cast<int>(passphrase.size()), nullptr, nullptr);
  require(done == 1, "writing an encrypted key");
  return text_of(out.get());
}

TestCa::TestCa(const std::string& name) : identity_(std::make_unique<Identity>()) {
  identity_->key = make_key(KeyType::kEcdsaP256);
  identity_->certificate = make_ca_certificate(name, identity_->key.get());
  X509* self = identity_->certificate.get();
  sign(self, self, identity_->key.get());
  pem_ = pem_of(self);
}

TestCa::TestCa(const std::string& name, const TestCa& issuer)
    : identity_(std::make_unique<Identity>()) {
  identity_->key = make_key(KeyType::kEcdsaP256);
  identity_->certificate = make_ca_certificate(name, identity_->key.get());
  sign(identity_->certificate.get(), issuer.identity_->certificate.get(),
       issuer.identity_->key.get());
  pem_ = pem_of(identity_->certificate.get());
  chain_ = pem_ + issuer.chain_;
}

TestCa::TestCa(TestCa&&) noexcept = default;
TestCa& TestCa::operator=(TestCa&&) noexcept = default;
TestCa::~TestCa() = default;

Pem TestCa::issue(const CertificateRequest& request) const {
  const KeyOwner key = make_key(request.key);
  const X509Owner made = make_certificate(key.get(), request.not_before, request.valid_for);
  X509* issuer = identity_->certificate.get();
  if (!request.common_name.empty()) set_common_name(made.get(), request.common_name);
  add_extension(made.get(), issuer, NID_basic_constraints, "CA:FALSE");
  add_extension(made.get(), issuer, NID_ext_key_usage,
                request.client ? "clientAuth" : "serverAuth");
  add_extension(made.get(), issuer, NID_authority_key_identifier, "keyid");
  const std::string names = alternative_names(request);
  if (!names.empty()) add_extension(made.get(), issuer, NID_subject_alt_name, names);
  sign(made.get(), issuer, identity_->key.get());
  return {.certificate = pem_of(made.get()) + chain_, .key = pem_of(key.get())};
}

}  // namespace httpteleport::test
