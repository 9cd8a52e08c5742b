#include "tls/openssl.h"

namespace httpteleport::tls {

const char* take_openssl_error() {
  // The first error is the cause, the ones behind it are its consequences.
  const unsigned long error = ERR_peek_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown TLS error";
}

}  // namespace httpteleport::tls
