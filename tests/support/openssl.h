// Owning pointers to OpenSSL's objects. Of their own, so that the tests' side of a connection does
// not rest on what it tests.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>

#include "support/fd.h"

namespace httpteleport::test {

template <auto Free>
struct FreeOpenSsl {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using BioOwner = std::unique_ptr<BIO, FreeOpenSsl<BIO_free_all>>;
using KeyOwner = std::unique_ptr<EVP_PKEY, FreeOpenSsl<EVP_PKEY_free>>;
using SessionOwner = std::unique_ptr<SSL_SESSION, FreeOpenSsl<SSL_SESSION_free>>;
using SslContextOwner = std::unique_ptr<SSL_CTX, FreeOpenSsl<SSL_CTX_free>>;
using SslOwner = std::unique_ptr<SSL, FreeOpenSsl<SSL_free>>;
using X509Owner = std::unique_ptr<X509, FreeOpenSsl<X509_free>>;

// For calls that fail only when the test itself is wrong.
inline void require(bool done, const char* what) {
  if (done) return;
  ERR_print_errors_fp(stderr);
  die(what);
}

// A view of `text` as a BIO, which must not outlive it.
inline BioOwner read_only_bio(std::string_view text) {
  return BioOwner(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace httpteleport::test
