// How connections to endpoints are made over TLS: whom to trust, which name to expect, what to
// show.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "tls/certificate.h"
#include "tls/stream.h"
#include "tls/trust_store.h"

namespace httpteleport::tls {

// Immutable; the workers share one.
struct ClientOptions {
  std::shared_ptr<const TrustStore> trusted;  // null: endpoints are not verified at all
  std::string server_name;  // to ask for and to verify, for every endpoint; empty: its own host
  std::shared_ptr<const Certificate> certificate;  // to show when asked; may be null
};

// One a worker and cluster; lives as long as the streams it makes.
class ClientContext {
 public:
  explicit ClientContext(const ClientOptions& options);

  // For connections made from now on.
  void update(const ClientOptions& options);

  // The layer for a connection to `host`, a DNS name or an IP address in text, not empty (RFC 6125;
  // an address is not sent as a name, RFC 6066 section 3). Sessions are resumed by host.
  std::unique_ptr<Stream> connect(const std::string& host);

 private:
  static int on_new_session(SSL* ssl, SSL_SESSION* session);

  ClientOptions options_;
  RecordBuffer scratch_{};
  std::unordered_map<std::string, SessionPtr> sessions_;  // as many as endpoints
  SslContextPtr context_;                                 // a new one with each update()
};

}  // namespace httpteleport::tls
