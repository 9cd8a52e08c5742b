#include "tls/server_context.h"

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "tls/context.h"

namespace httpteleport::tls {

namespace {

constexpr std::string_view kHttp1 = "http/1.1";
constexpr std::string_view kAcmeChallenge = "acme-tls/1";
// So that two connections of a client can both resume.
constexpr size_t kTicketsPerHandshake = 2;
// Sessions of this context are for nobody: no other context has so short an id.
constexpr unsigned char kChallengeSessions[] = {'a', 'c', 'm', 'e'};

// Whether `wanted` is in a list of protocol names (RFC 7301 section 3.1).
bool offers(const unsigned char* list, size_t size, std::string_view wanted) {
  std::string_view rest(reinterpret_cast<const char*>(list), size);
  while (!rest.empty()) {
    const auto length = static_cast<unsigned char>(rest.front());
    if (rest.substr(1, length) == wanted) return true;
    rest.remove_prefix(std::min<size_t>(rest.size(), size_t{1} + length));
  }
  return false;
}

std::string server_name_of(const SSL* ssl) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return {};
  std::string text = lower_case(name);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

ServerContext::ServerContext(const ServerOptions& options)
    : context_(make_context(TLS_server_method())) {
  SSL_CTX* raw = context_.get();
  // Sessions are in the clients' tickets.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, kTicketsPerHandshake);
  SSL_CTX_set_client_hello_cb(raw, on_client_hello, this);
  SSL_CTX_set_tlsext_servername_callback(raw, on_server_name);
  SSL_CTX_set_tlsext_servername_arg(raw, this);
  SSL_CTX_set_cert_cb(raw, on_certificate, this);
  SSL_CTX_set_alpn_select_cb(raw, on_alpn, this);
  update(options);
}

void ServerContext::update(const ServerOptions& options) {
  HT_ASSERT(options.certificates != nullptr && options.ticket_keys != nullptr);
  options_ = options;
  SSL_CTX* raw = context_.get();
  options_.ticket_keys->attach_to(raw);
  if (options_.client_cas) options_.client_cas->give_to(raw);
  const int verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(raw, options_.client_cas ? verify : SSL_VERIFY_NONE, nullptr);
  // Resuming a session verifies nobody again, so sessions are good only where the same CAs are
  // asked for: not from before a certificate was demanded, nor from a machine that demands none.
  const TrustStore::Fingerprint trusted =
      options_.client_cas ? options_.client_cas->fingerprint() : TrustStore::Fingerprint{};
  SSL_CTX_set_session_id_context(raw, trusted.data(), trusted.size());
}

std::unique_ptr<Stream> ServerContext::accept() {
  SslPtr ssl(SSL_new(context_.get()));
  HT_ASSERT(ssl != nullptr);
  return std::make_unique<Stream>(std::move(ssl), Stream::Role::kServer, scratch_);
}

CertificateProvider::Found ServerContext::find(const SSL* ssl) const {
  const std::string name = server_name_of(ssl);
  if (!Stream::of(ssl).is_acme_challenge()) return options_.certificates->find(name);
  auto challenge = options_.certificates->challenge(name);
  if (!challenge) return {};
  return {CertificateProvider::Answer::kReady, std::move(challenge)};
}

// The only place where the names of protocols can be seen before a certificate is chosen.
int ServerContext::on_client_hello(SSL* ssl, int*, void*) {
  const unsigned char* extension = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension,
                                &size) == 1 &&
      size > 2 && offers(extension + 2, size - 2, kAcmeChallenge)) {
    Stream::of(ssl).set_acme_challenge();
    // An ACME server proves nothing about itself, and gets nothing but our certificate: no session
    // either, which it could resume where a client has to prove who it is.
    SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
    SSL_set_session_id_context(ssl, kChallengeSessions, sizeof kChallengeSessions);
    SSL_set_num_tickets(ssl, 0);
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

int ServerContext::on_server_name(SSL* ssl, int* alert, void* self) {
  const auto found = static_cast<const ServerContext*>(self)->find(ssl);
  if (found.answer != CertificateProvider::Answer::kRefused) return SSL_TLSEXT_ERR_OK;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Return values are those of SSL_CTX_set_cert_cb(3).
int ServerContext::on_certificate(SSL* ssl, void* self) {
  const auto found = static_cast<const ServerContext*>(self)->find(ssl);
  switch (found.answer) {
    case CertificateProvider::Answer::kPending:
      return -1;
    case CertificateProvider::Answer::kRefused:
      return 0;
    case CertificateProvider::Answer::kReady:
      break;
  }
  const Certificate& shown = *found.certificate;
  return SSL_use_cert_and_key(ssl, shown.leaf(), shown.key(), shown.chain(), 1);
}

int ServerContext::on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                           const unsigned char* offered, unsigned int offered_size, void*) {
  const std::string_view wanted = Stream::of(ssl).is_acme_challenge() ? kAcmeChallenge : kHttp1;
  if (!offers(offered, offered_size, wanted)) return SSL_TLSEXT_ERR_NOACK;
  *chosen = reinterpret_cast<const unsigned char*>(wanted.data());
  *chosen_size = static_cast<unsigned char>(wanted.size());
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace httpteleport::tls
