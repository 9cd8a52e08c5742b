// For tests: a self-signed certificate with the name and the dates a test wants.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <string>

#include "acme/crypto.h"
#include "base/assert.h"
#include "tls/certificate.h"

namespace httpteleport::acme {

struct TestPem {
  std::string chain;
  std::string key;
};

inline TestPem test_pem(const std::string& name, std::time_t not_before, std::time_t not_after) {
  const tls::KeyPtr key = make_key();
  const tls::X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), not_before);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), not_after);
  X509_set_pubkey(certificate.get(), key.get());
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
  X509_add_ext(certificate.get(), names, -1);
  X509_EXTENSION_free(names);
  HT_ASSERT(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  const tls::BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {.chain = std::string(text, static_cast<size_t>(size)), .key = key_to_pem(key.get())};
}

inline std::shared_ptr<const tls::Certificate> test_certificate(const std::string& name,
                                                                std::time_t not_before,
                                                                std::time_t not_after) {
  const TestPem pem = test_pem(name, not_before, not_after);
  return *tls::Certificate::parse(pem.chain, pem.key);
}

}  // namespace httpteleport::acme
