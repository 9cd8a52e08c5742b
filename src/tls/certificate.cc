#include "tls/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "tls/pem.h"

namespace httpteleport::tls {

namespace {

Error bad(const char* detail, int sys_errno = 0) {
  return {Code::kBadConfig, Source::kInternal, sys_errno, detail};
}

// What `bio` still has. Empty when a certificate of it is broken.
X509StackPtr read_chain(BIO* bio) {
  X509StackPtr chain(sk_X509_new_null());
  while (X509* next = PEM_read_bio_X509(bio, nullptr, no_passphrase, nullptr))
    sk_X509_push(chain.get(), next);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return at_end ? std::move(chain) : nullptr;
}

std::time_t to_time(const ASN1_TIME* time) {
  std::tm broken_down{};
  if (ASN1_TIME_to_tm(time, &broken_down) != 1) return 0;
  return timegm(&broken_down);
}

std::string name_in(const ASN1_STRING* text) {
  return lower_case({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<size_t>(ASN1_STRING_length(text))});
}

std::vector<std::string> names_of(X509* leaf) {
  std::vector<std::string> names;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type == GEN_DNS) names.push_back(name_in(name->d.dNSName));
  }
  GENERAL_NAMES_free(alternatives);
  if (!names.empty()) return names;
  const X509_NAME* subject = X509_get_subject_name(leaf);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index >= 0)
    names.push_back(name_in(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index))));
  return names;
}

// Why OpenSSL would refuse them in every handshake; nullptr: it would not.
const char* refusal(const Certificate& certificate) {
  const SslContextPtr scratch(SSL_CTX_new(TLS_method()));
  if (!scratch) return take_openssl_error();
  if (SSL_CTX_use_cert_and_key(scratch.get(), certificate.leaf(), certificate.key(),
                               certificate.chain(), 1) == 1) {
    return nullptr;
  }
  switch (ERR_GET_REASON(ERR_peek_error())) {
    case SSL_R_EE_KEY_TOO_SMALL:
      ERR_clear_error();
      return "the key of the certificate is too short for OpenSSL's security level";
    case SSL_R_CA_KEY_TOO_SMALL:
      ERR_clear_error();
      return "the key of a CA in the certificate file is too short for OpenSSL's security level";
    case SSL_R_CA_MD_TOO_WEAK:
      ERR_clear_error();
      return "a signature in the certificate file is too weak for OpenSSL's security level (SHA-1)";
    default:
      return take_openssl_error();
  }
}

Result<std::string> read_file(const std::string& path, const char* detail) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // An empty one is good to read, though << would have it a failure.
  if (file && file.peek() == std::ifstream::traits_type::eof() && !file.bad()) return std::string();
  if (!file || !(text << file.rdbuf())) return bad(detail, errno);
  return text.str();
}

}  // namespace

Result<std::shared_ptr<const Certificate>> Certificate::parse(std::string_view chain_pem,
                                                              std::string_view key_pem) {
  const std::shared_ptr<Certificate> made(new Certificate);
  const BioPtr chain = memory_bio(chain_pem);
  made->leaf_.reset(PEM_read_bio_X509_AUX(chain.get(), nullptr, no_passphrase, nullptr));
  if (!made->leaf_) return ERR_clear_error(), bad("no PEM certificate in the certificate file");
  made->chain_ = read_chain(chain.get());
  if (!made->chain_) return bad("a certificate of the chain is broken in the certificate file");
  made->key_ = key_from_pem(key_pem);
  if (!made->key_) return bad("no PEM private key without a passphrase in the key file");
  const bool belongs = X509_check_private_key(made->leaf_.get(), made->key_.get()) == 1;
  ERR_clear_error();
  if (!belongs) return bad("the private key does not belong to the certificate");
  if (const char* why = refusal(*made)) return bad(why);
  made->not_before_ = to_time(X509_get0_notBefore(made->leaf_.get()));
  made->not_after_ = to_time(X509_get0_notAfter(made->leaf_.get()));
  made->names_ = names_of(made->leaf_.get());
  return std::shared_ptr<const Certificate>(made);
}

Result<std::shared_ptr<const Certificate>> Certificate::load(const std::string& chain_file,
                                                             const std::string& key_file) {
  const Result<std::string> chain = read_file(chain_file, "the certificate file cannot be read");
  if (!chain) return chain.error();
  const Result<std::string> key = read_file(key_file, "the key file cannot be read");
  if (!key) return key.error();
  return parse(*chain, *key);
}

bool Certificate::matches(const std::string& host) const {
  return X509_check_host(leaf_.get(), host.data(), host.size(), 0, nullptr) == 1;
}

}  // namespace httpteleport::tls
