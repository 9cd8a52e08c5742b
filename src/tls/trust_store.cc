#include "tls/trust_store.h"

#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/assert.h"

namespace httpteleport::tls {

namespace {

TrustStore::Fingerprint fingerprint_of(X509_STORE* store) {
  std::set<std::string> digests;
  const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(store);
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    const X509* ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (ca != nullptr) X509_digest(ca, EVP_sha256(), digest.data(), &size);
    digests.emplace(digest.begin(), digest.begin() + size);
  }
  std::string all;
  for (const std::string& digest : digests)
    all += digest;
  TrustStore::Fingerprint fingerprint{};
  const int done =
      EVP_Digest(all.data(), all.size(), fingerprint.data(), nullptr, EVP_sha256(), nullptr);
  HT_ASSERT(done == 1);
  return fingerprint;
}

}  // namespace

TrustStore::TrustStore() : store_(X509_STORE_new()) {}

Result<std::shared_ptr<const TrustStore>> TrustStore::load(const std::string& file) {
  const std::shared_ptr<TrustStore> made(new TrustStore);
  if (access(file.c_str(), R_OK) != 0) {
    return Error{Code::kBadConfig, Source::kInternal, errno, "the file of CAs cannot be read"};
  }
  made->names_.reset(SSL_load_client_CA_file(file.c_str()));
  const bool loaded =
      made->names_ != nullptr && X509_STORE_load_file(made->store_.get(), file.c_str()) == 1;
  ERR_clear_error();
  if (!loaded) {
    return Error{Code::kBadConfig, Source::kInternal, 0,
                 "there is no PEM certificate in the file of CAs, or a broken one"};
  }
  made->fingerprint_ = fingerprint_of(made->store_.get());
  return std::shared_ptr<const TrustStore>(made);
}

Result<std::shared_ptr<const TrustStore>> TrustStore::system() {
  const std::shared_ptr<TrustStore> made(new TrustStore);
  const bool loaded = X509_STORE_set_default_paths(made->store_.get()) == 1;
  ERR_clear_error();
  if (!loaded) {
    return Error{Code::kBadConfig, Source::kInternal, 0, "the system's CAs cannot be read"};
  }
  return std::shared_ptr<const TrustStore>(made);
}

void TrustStore::give_to(SSL_CTX* context) const {
  SSL_CTX_set1_cert_store(context, store_.get());
  if (names_ && SSL_CTX_get_ssl_method(context) == TLS_server_method())
    SSL_CTX_set_client_CA_list(context, SSL_dup_CA_list(names_.get()));
  ERR_clear_error();
}

}  // namespace httpteleport::tls
