#include "tls/client_context.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include "base/assert.h"
#include "tls/context.h"

namespace httpteleport::tls {

namespace {

constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// The entry of ClientContext::sessions_ that a connection's sessions go to.
int slot_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool is_ip_address(const std::string& host) {
  in6_addr scratch{};
  return inet_pton(AF_INET, host.c_str(), &scratch) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
}

void expect_host(SSL* ssl, const std::string& host, bool verify) {
  const bool is_ip = is_ip_address(host);
  if (!is_ip) SSL_set_tlsext_host_name(ssl, host.c_str());
  if (!verify) return;
  if (is_ip) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, host.c_str());
  }
}

}  // namespace

ClientContext::ClientContext(const ClientOptions& options) {
  update(options);
}

void ClientContext::update(const ClientOptions& options) {
  options_ = options;
  // What was verified under the old rules is not resumed under the new ones.
  for (auto& [host, session] : sessions_)
    session.reset();
  context_ = make_context(TLS_client_method());
  SSL_CTX* raw = context_.get();
  SSL_CTX_set_app_data(raw, this);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(raw, on_new_session);
  SSL_CTX_set_verify(raw, options.trusted ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options.trusted) options.trusted->give_to(raw);
  if (!options.certificate) return;
  const int used =
      SSL_CTX_use_cert_and_key(raw, options.certificate->leaf(), options.certificate->key(),
                               options.certificate->chain(), 1);
  HT_ASSERT(used == 1);  // Certificate::parse() has tried it
}

std::unique_ptr<Stream> ClientContext::connect(const std::string& host) {
  SslPtr ssl(SSL_new(context_.get()));
  HT_ASSERT(ssl != nullptr);
  const std::string& name = options_.server_name.empty() ? host : options_.server_name;
  HT_ASSERT(!name.empty());
  expect_host(ssl.get(), name, options_.trusted != nullptr);
  SSL_set_alpn_protos(ssl.get(), kProtocols, sizeof kProtocols);
  auto& slot = *sessions_.try_emplace(host).first;
  SSL_set_ex_data(ssl.get(), slot_index(), &slot.second);
  if (slot.second) SSL_set_session(ssl.get(), slot.second.get());
  return std::make_unique<Stream>(std::move(ssl), Stream::Role::kClient, scratch_);
}

// 1: the reference is ours now. 0: it is not wanted. In TLS 1.3 a server may send sessions for as
// long as the connection lasts, so also after the rules have changed under which it was verified.
int ClientContext::on_new_session(SSL* ssl, SSL_SESSION* session) {
  const SSL_CTX* made_by = SSL_get_SSL_CTX(ssl);
  const auto* self = static_cast<const ClientContext*>(SSL_CTX_get_app_data(made_by));
  if (made_by != self->context_.get()) return 0;
  static_cast<SessionPtr*>(SSL_get_ex_data(ssl, slot_index()))->reset(session);
  return 1;
}

}  // namespace httpteleport::tls
