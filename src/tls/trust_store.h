// The certificate authorities that one side trusts.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/result.h"
#include "tls/openssl.h"

namespace httpteleport::tls {

// Immutable once made; any thread.
class TrustStore {
 public:
  // The CAs of a PEM file. Errors: kBadConfig, with the errno when it cannot be read. Blocks.
  static Result<std::shared_ptr<const TrustStore>> load(const std::string& file);
  // Those that the system trusts. Errors: kBadConfig. Blocks.
  static Result<std::shared_ptr<const TrustStore>> system();

  // Makes `context` verify its peers against these CAs; a server also names them to its clients.
  void give_to(SSL_CTX* context) const;
  // The same for the same CAs, whatever their order; made by load().
  using Fingerprint = std::array<unsigned char, 32>;
  const Fingerprint& fingerprint() const { return fingerprint_; }

 private:
  TrustStore();

  std::unique_ptr<X509_STORE, OpenSslDeleter<X509_STORE_free>> store_;
  // As servers tell them to clients; null for the system's, which are too many.
  X509NamesPtr names_;
  Fingerprint fingerprint_{};
};

}  // namespace httpteleport::tls
