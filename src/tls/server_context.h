// How connections are accepted over TLS: versions, ciphers, certificates, client certificates,
// session tickets.
#pragma once

#include <memory>

#include "tls/certificate_provider.h"
#include "tls/stream.h"
#include "tls/ticket_keys.h"
#include "tls/trust_store.h"

namespace httpteleport::tls {

// What the workers' contexts have in common. Immutable.
struct ServerOptions {
  std::shared_ptr<const CertificateProvider> certificates;
  std::shared_ptr<TicketKeys> ticket_keys;
  // A client must show a certificate that one of these has signed; null: none is asked for.
  std::shared_ptr<const TrustStore> client_cas;
};

// One a worker, because OpenSSL's own context is a point where threads meet. TLS 1.2 and 1.3, with
// ciphers that authenticate what they encrypt and keys that are not used twice (RFC 9325). Lives as
// long as the streams it makes.
class ServerContext {
 public:
  explicit ServerContext(const ServerOptions& options);

  // For connections accepted from now on.
  void update(const ServerOptions& options);

  // The layer for an accepted connection.
  std::unique_ptr<Stream> accept();

 private:
  static int on_client_hello(SSL* ssl, int* alert, void* self);
  static int on_server_name(SSL* ssl, int* alert, void* self);
  static int on_certificate(SSL* ssl, void* self);
  static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                     const unsigned char* offered, unsigned int offered_size, void* self);

  // What to show to this client.
  CertificateProvider::Found find(const SSL* ssl) const;

  ServerOptions options_;
  RecordBuffer scratch_{};
  SslContextPtr context_;
};

}  // namespace httpteleport::tls
