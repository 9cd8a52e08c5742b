// TLS of the load's connections: one version, one cipher suite, X25519, so that every server is
// asked for the same work.
#pragma once

#include <openssl/ssl.h>

#include <memory>

namespace httpteleport::bench {

struct SslDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslDeleter>;
using SslSession = std::unique_ptr<SSL_SESSION, SslDeleter>;

// `version`: TLS1_2_VERSION or TLS1_3_VERSION. Certificates are not verified: that is work of the
// client alone. Never nullptr; ends the program when OpenSSL cannot do it.
SslContext make_client_context(int version);

// The session that a connection offers at its next handshake, renewed by every ticket it gets.
class Ssl {
 public:
  // Over a socket. Offers `session` to be resumed if there is one.
  Ssl(SSL_CTX* context, int fd, SSL_SESSION* session);

  SSL* get() { return ssl_.get(); }
  bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  // The newest session of this connection that can be resumed, or empty.
  SslSession take_session() { return std::move(session_); }

  static int on_new_session(SSL* ssl, SSL_SESSION* session);

 private:
  std::unique_ptr<SSL, SslDeleter> ssl_;
  SslSession session_;
};

}  // namespace httpteleport::bench
