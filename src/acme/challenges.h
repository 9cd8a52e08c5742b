// The answers to the challenges under way, for whoever the CA comes to.
//
// Published and withdrawn by the thread that runs orders, read by any thread. Never larger than the
// number of orders at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "tls/certificate.h"

namespace httpteleport::acme {

enum class ChallengeKind : uint8_t { kHttp01, kTlsAlpn01 };

// "http-01", "tls-alpn-01".
const char* challenge_name(ChallengeKind kind);

class Challenges {
 public:
  using CertificatePtr = std::shared_ptr<const tls::Certificate>;

  // Replaces what was there for `token`, or for `name`.
  void publish_answer(const std::string& token, std::string key_authorization);
  void publish_certificate(const std::string& name, CertificatePtr certificate);
  void withdraw_answer(const std::string& token);
  void withdraw_certificate(const std::string& name);

  // Empty: nothing is published.
  std::string answer(std::string_view token) const;
  CertificatePtr certificate(std::string_view name) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> answers_;
  std::map<std::string, CertificatePtr, std::less<>> certificates_;
};

}  // namespace httpteleport::acme
