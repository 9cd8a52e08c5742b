#include "tls/context.h"

#include "base/assert.h"

namespace httpteleport::tls {

namespace {

// TLS 1.2: forward secret and authenticated only (RFC 9325 section 4.2), the cheap ones first. TLS
// 1.3 has no others.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384";
// Of input: more than one record, so that a busy connection needs fewer system calls.
constexpr size_t kReadBufferBytes = 64 * 1024;

}  // namespace

SslContextPtr make_context(const SSL_METHOD* method) {
  SslContextPtr context(SSL_CTX_new(method));
  HT_ASSERT(context != nullptr);
  SSL_CTX* raw = context.get();
  const bool set = SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1 &&
                   SSL_CTX_set_cipher_list(raw, kCiphers) == 1 &&
                   SSL_CTX_set1_groups_list(raw, kGroups) == 1;
  HT_ASSERT(set);
  // Unread input and unsent output are the connection's, which offers them again from where they
  // are; idle connections keep no buffers.
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_read_ahead(raw, 1);
  SSL_CTX_set_default_read_buffer_len(raw, kReadBufferBytes);
  return context;
}

}  // namespace httpteleport::tls
