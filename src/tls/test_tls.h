// What the tests of this module and of those above share: the other side of a connection over TLS,
// which never blocks, and what our side is made of.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/test_net.h"
#include "support/certificates.h"
#include "support/temporary_folder.h"
#include "support/tls_endpoint.h"
#include "tls/certificate_store.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace httpteleport::tls {

// Plain OpenSSL on the far side of one connection. pump() moves the bytes.
class TlsPeer {
 public:
  TlsPeer(net::TestPeer& wire, const test::TlsOptions& options) : wire_(wire), tls_(options) {}

  // `bytes` > 0 passes at most so many to TLS.
  void pump(size_t bytes = 0) {
    wire_.pump();
    if (bytes == 0 || bytes > wire_.received.size()) bytes = wire_.received.size();
    const std::string came = wire_.received.substr(0, bytes);
    wire_.received.erase(0, bytes);
    if (!came.empty()) tls_.feed(came);
    if (wire_.is_open()) wire_.send(tls_.take_output());
  }
  void send(std::string_view text) {
    tls_.send(text);
    wire_.send(tls_.take_output());
  }
  // close_notify and FIN.
  void end() {
    tls_.end();
    wire_.send(tls_.take_output());
    wire_.finish();
  }
  // Everything that has come, decrypted.
  std::string& received() { return tls_.received; }
  bool is_complete() const { return tls_.is_complete(); }
  // The connection is over for the peer, by FIN or RST, and all that came before has been read.
  bool is_cut() const { return (wire_.ended || wire_.broken) && wire_.received.empty(); }

  test::TlsEndpoint& tls() { return tls_; }
  net::TestPeer& wire() { return wire_; }

 private:
  net::TestPeer& wire_;
  test::TlsEndpoint tls_;
};

inline std::shared_ptr<const Certificate> parse(const test::Pem& pem) {
  return *Certificate::parse(pem.certificate, pem.key);
}

inline std::shared_ptr<const TrustStore> trust(const test::TestCa& ca) {
  const test::TemporaryFolder folder;
  return *TrustStore::load(folder.write("ca.pem", ca.pem()));
}

// A server with one certificate.
inline ServerOptions server_options(const test::Pem& pem) {
  return {.certificates = std::make_shared<CertificateStore>(
              std::vector<std::shared_ptr<const Certificate>>{parse(pem)}),
          .ticket_keys = std::make_shared<TicketKeys>(std::vector<std::string>{}),
          .client_cas = nullptr};
}

}  // namespace httpteleport::tls
