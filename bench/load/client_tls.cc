#include "client_tls.h"

#include "relay/sockets.h"

namespace httpteleport::bench {

SslContext make_client_context(int version) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  check(context != nullptr, "SSL_CTX_new");
  SSL_CTX* ctx = context.get();
  // P-256 is for TLS 1.2, where the list is about the certificate too: servers choose X25519.
  check(SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
            SSL_CTX_set_max_proto_version(ctx, version) == 1 &&
            SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") == 1 &&
            SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256") == 1 &&
            SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1,
        "OpenSSL does not take the settings");
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, &Ssl::on_new_session);
  return context;
}

Ssl::Ssl(SSL_CTX* context, int fd, SSL_SESSION* session) : ssl_(SSL_new(context)) {
  check(ssl_ != nullptr && SSL_set_fd(ssl_.get(), fd) == 1, "SSL_new");
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_tlsext_host_name(ssl_.get(), "bench.test");
  if (session != nullptr) SSL_set_session(ssl_.get(), session);
  SSL_set_connect_state(ssl_.get());
}

int Ssl::on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<Ssl*>(SSL_get_app_data(ssl));
  self->session_.reset(session);
  return 1;  // the reference is ours now
}

}  // namespace httpteleport::bench
