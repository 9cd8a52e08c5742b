#include "support/tls_endpoint.h"

#include <openssl/pem.h>

#include <utility>

namespace httpteleport::test {

namespace {

std::string to_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& name : protocols)
    wire += static_cast<char>(name.size()) + name;
  return wire;
}

}  // namespace

TlsEndpoint::TlsEndpoint(const TlsOptions& options)
    : protocols_(to_wire(options.protocols)), context_(SSL_CTX_new(TLS_method())) {
  SSL_CTX* context = context_.get();
  require(context != nullptr, "SSL_CTX_new");
  // Old versions, for those tests that are to be refused for them.
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, options.version_min);
  SSL_CTX_set_max_proto_version(context, options.version_max);
  if (!options.ciphers.empty())
    require(SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) == 1, "list of ciphers");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_new_session);
  SSL_CTX_set_info_callback(context, on_info);
  SSL_CTX_set_alpn_select_cb(context, on_protocols, nullptr);
  if (!options.certificate.certificate.empty()) set_identity(options.certificate);
  if (!options.trusted_pem.empty()) set_trust(options.trusted_pem, options.server);
  ssl_.reset(SSL_new(context));
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (options.server) {
    set_server();
  } else {
    set_client(options);
  }
  advance();
}

void TlsEndpoint::set_identity(const Pem& certificate) {
  const BioOwner chain = read_only_bio(certificate.certificate);
  const X509Owner leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  const BioOwner key_text = read_only_bio(certificate.key);
  const KeyOwner key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  require(leaf && key && SSL_CTX_use_certificate(context_.get(), leaf.get()) == 1 &&
              SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1,
          "using a certificate");
  while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr))
    SSL_CTX_add0_chain_cert(context_.get(), next);
  ERR_clear_error();
}

void TlsEndpoint::set_trust(const std::string& pem, bool server) {
  const BioOwner bio = read_only_bio(pem);
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), next);
    X509_free(next);
  }
  ERR_clear_error();
  const int demand = server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | demand, nullptr);
}

void TlsEndpoint::set_server() {
  SSL_set_accept_state(ssl_.get());
  static constexpr unsigned char kSessionContext[] = "test";
  SSL_set_session_id_context(ssl_.get(), kSessionContext, sizeof kSessionContext);
  unsigned char keys[80] = "keys of tickets, not at all secret";
  require(SSL_CTX_set_tlsext_ticket_keys(context_.get(), keys, sizeof keys) == 1, "ticket keys");
}

void TlsEndpoint::set_client(const TlsOptions& options) {
  SSL* ssl = ssl_.get();
  SSL_set_connect_state(ssl);
  if (!options.server_name.empty()) {
    SSL_set_tlsext_host_name(ssl, options.server_name.c_str());
    if (!options.trusted_pem.empty()) SSL_set1_host(ssl, options.server_name.c_str());
  }
  if (!protocols_.empty()) {
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(protocols_.data()),
                        static_cast<unsigned>(protocols_.size()));
  }
  if (options.session) SSL_set_session(ssl, options.session.get());
}

TlsEndpoint& TlsEndpoint::of(const SSL* ssl) {
  return *static_cast<TlsEndpoint*>(SSL_get_app_data(ssl));
}

int TlsEndpoint::on_new_session(SSL* ssl, SSL_SESSION* session) {
  of(ssl).session_.reset(session, SSL_SESSION_free);
  return 1;
}

void TlsEndpoint::on_info(const SSL* ssl, int where, int result) {
  const bool received_alert = (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT;
  if (received_alert && (result >> 8) == SSL3_AL_FATAL) of(ssl).fatal_alert_ = result & 0xff;
}

int TlsEndpoint::on_protocols(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                              const unsigned char* offered, unsigned int offered_size, void*) {
  const std::string& ours = of(ssl).protocols_;
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(
      &found, chosen_size, reinterpret_cast<const unsigned char*>(ours.data()),
      static_cast<unsigned>(ours.size()), offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void TlsEndpoint::feed(std::string_view bytes) {
  BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  advance();
}

void TlsEndpoint::send(std::string_view text) {
  to_send_ += text;
  advance();
}

void TlsEndpoint::end() {
  end_wanted_ = true;
  advance();
}

void TlsEndpoint::renegotiate() {
  require(SSL_renegotiate(ssl_.get()) == 1, "SSL_renegotiate");
  advance();
}

std::string TlsEndpoint::take_output() {
  BIO* bio = SSL_get_wbio(ssl_.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string output(data, static_cast<size_t>(size));
  BIO_reset(bio);
  return output;
}

bool TlsEndpoint::check(int result) {
  if (result == 1) return true;
  const int code = SSL_get_error(ssl_.get(), result);
  if (code == SSL_ERROR_ZERO_RETURN) ended_ = true;
  if (code == SSL_ERROR_SSL || code == SSL_ERROR_SYSCALL) {
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    error_ = reason != nullptr ? reason : "unknown";
  }
  ERR_clear_error();
  return false;
}

void TlsEndpoint::advance() {
  ERR_clear_error();
  if (has_failed() || !check(SSL_do_handshake(ssl_.get()))) return;
  while (!to_send_.empty()) {
    size_t taken = 0;
    if (!check(SSL_write_ex(ssl_.get(), to_send_.data(), to_send_.size(), &taken))) return;
    to_send_.erase(0, taken);
  }
  if (std::exchange(end_wanted_, false)) SSL_shutdown(ssl_.get());
  while (!ended_) {
    char room[16 * 1024];
    size_t got = 0;
    if (!check(SSL_read_ex(ssl_.get(), room, sizeof room, &got))) return;
    received.append(room, got);
  }
}

std::string TlsEndpoint::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string TlsEndpoint::server_name() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : "";
}

std::shared_ptr<SSL_SESSION> TlsEndpoint::session() const {
  if (version() == TLS1_3_VERSION || !is_complete()) return session_;
  return {SSL_get1_session(ssl_.get()), SSL_SESSION_free};
}

std::string TlsEndpoint::peer_certificate() const {
  X509* shown = SSL_get0_peer_certificate(ssl_.get());
  if (shown == nullptr) return {};
  const BioOwner bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), shown);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace httpteleport::test
