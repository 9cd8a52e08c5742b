// Where a TLS server gets the certificate for a name from.
#pragma once

#include <memory>
#include <string_view>

#include "tls/certificate.h"

namespace httpteleport::tls {

// Called during handshakes, on any worker's thread; never blocks.
class CertificateProvider {
 public:
  enum class Answer : uint8_t {
    kReady,
    kPending,  // being obtained: the handshake waits and asks again
    kRefused,  // there is none and there will be none soon: the client gets an alert
  };
  struct Found {
    Answer answer = Answer::kRefused;
    std::shared_ptr<const Certificate> certificate;  // with kReady
  };

  virtual ~CertificateProvider() = default;

  // `server_name` is what the client asks for (SNI, RFC 6066 section 3), in lower case; empty when
  // it names none.
  virtual Found find(std::string_view server_name) const = 0;
  // The certificate that proves to an ACME server that we answer for the name (RFC 8737), or
  // nullptr.
  virtual std::shared_ptr<const Certificate> challenge(std::string_view /*server_name*/) const {
    return nullptr;
  }
};

}  // namespace httpteleport::tls
