#include "health/unverified_tls.h"

#include <arpa/inet.h>

#include "base/assert.h"
#include "tls/context.h"

namespace httpteleport::health {

namespace {

constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

bool is_ip_address(const std::string& host) {
  in6_addr scratch{};
  return inet_pton(AF_INET, host.c_str(), &scratch) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
}

}  // namespace

UnverifiedTls::UnverifiedTls() : context_(tls::make_context(TLS_client_method())) {
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
  // One short answer each.
  SSL_CTX_set_read_ahead(context_.get(), 0);
  SSL_CTX_set_default_read_buffer_len(context_.get(), 0);
}

std::unique_ptr<tls::Stream> UnverifiedTls::connect(const std::string& host, bool is_http) {
  tls::SslPtr ssl(SSL_new(context_.get()));
  HT_ASSERT(ssl != nullptr);
  if (!host.empty() && !is_ip_address(host)) SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  if (is_http) SSL_set_alpn_protos(ssl.get(), kProtocols, sizeof kProtocols);
  return std::make_unique<tls::Stream>(std::move(ssl), tls::Stream::Role::kClient, scratch_);
}

}  // namespace httpteleport::health
