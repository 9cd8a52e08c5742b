// A certificate with its chain and private key, as a server or a client shows it.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/openssl.h"

namespace httpteleport::tls {

// Immutable once made; any thread.
class Certificate {
 public:
  // `chain_pem`: the leaf first, then what signed it. `key_pem`: its private key, not encrypted.
  // Errors: kBadConfig, detail says what is wrong, also when the key belongs to another
  // certificate, or when the security level of OpenSSL admits no handshake with them.
  static Result<std::shared_ptr<const Certificate>> parse(std::string_view chain_pem,
                                                          std::string_view key_pem);
  // The same from files, which may be one and the same. Blocks: control threads only. Errors: also
  // a file that cannot be read, with the errno.
  static Result<std::shared_ptr<const Certificate>> load(const std::string& chain_file,
                                                         const std::string& key_file);

  X509* leaf() const { return leaf_.get(); }
  // Without the leaf; may be empty.
  STACK_OF(X509) * chain() const { return chain_.get(); }
  EVP_PKEY* key() const { return key_.get(); }

  std::time_t not_before() const { return not_before_; }
  std::time_t not_after() const { return not_after_; }
  // The DNS names it is for, lower case, wildcards as they are: those of subjectAltName, or the
  // common name where there are none.
  const std::vector<std::string>& names() const { return names_; }
  // True when `host` (a DNS name) is one of its names (RFC 6125 section 6.4).
  bool matches(const std::string& host) const;

 private:
  Certificate() = default;

  X509Ptr leaf_;
  X509StackPtr chain_;
  KeyPtr key_;
  std::time_t not_before_ = 0;
  std::time_t not_after_ = 0;
  std::vector<std::string> names_;
};

}  // namespace httpteleport::tls
