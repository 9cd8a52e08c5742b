// TLS toward targets of checks: that they speak it is wanted, not who they are.
#pragma once

#include <memory>
#include <string>

#include "tls/stream.h"

namespace httpteleport::health {

// One a loop. Sessions are neither kept nor resumed: a check is to see a handshake. Outlives the
// connections of its streams, but not the streams.
class UnverifiedTls {
 public:
  UnverifiedTls();

  // `host`: asked for (SNI) unless it is empty or an address. `is_http`: offers HTTP/1.1 (ALPN).
  std::unique_ptr<tls::Stream> connect(const std::string& host, bool is_http);

 private:
  tls::RecordBuffer scratch_{};
  tls::SslContextPtr context_;
};

}  // namespace httpteleport::health
