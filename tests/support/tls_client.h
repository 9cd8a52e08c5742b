// A blocking TLS client over a socket, where every call has a deadline.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "support/deadline.h"
#include "support/socket.h"
#include "support/tls_endpoint.h"

namespace httpteleport::test {

// The calls are those of Socket. kClosed means that the peer has ended TLS in order (close_notify);
// a FIN without that, an alert or broken TLS is kReset, and error() and fatal_alert() say more.
class TlsClient {
 public:
  // Over a connected socket; what was read from it beyond a call belongs to TLS. Does the handshake
  // as far as it goes: is_complete() tells. A TLS 1.3 client learns only by reading that the server
  // refuses its certificate.
  TlsClient(Socket socket, const TlsOptions& options, Deadline deadline = after());
  // Connects as well; an empty value when that failed. The handshake may have failed all the same.
  static std::optional<TlsClient> connect(const Address& address, const TlsOptions& options,
                                          Deadline deadline = after());

  IoStatus send_all(std::string_view bytes, Deadline deadline = after());
  Received recv_some(size_t bytes_max = 64 * 1024, Deadline deadline = after());
  Received recv_until(std::string_view needle, Deadline deadline = after());
  Received recv_exactly(size_t bytes, Deadline deadline = after());
  Received recv_to_end(Deadline deadline = after());

  // close_notify and FIN; receiving goes on.
  void shutdown_write();
  // Asks for a new handshake on this connection and waits for it; false when it is refused.
  bool renegotiate(Deadline deadline = after());
  // FIN alone, which TLS takes for an attack.
  void cut() { socket_.shutdown_write(); }
  void reset() { socket_.reset(); }

  bool is_complete() const { return tls_->is_complete(); }
  int version() const { return tls_->version(); }
  bool is_resumed() const { return tls_->is_resumed(); }
  std::string protocol() const { return tls_->protocol(); }
  std::string cipher() const { return tls_->cipher(); }
  std::string peer_certificate() const { return tls_->peer_certificate(); }
  std::shared_ptr<SSL_SESSION> session() const { return tls_->session(); }
  std::optional<int> fatal_alert() const { return tls_->fatal_alert(); }
  const std::string& error() const { return tls_->error(); }
  Socket& socket() { return socket_; }

 private:
  // Sends what TLS has to send, then reads once.
  IoStatus step(Deadline deadline);
  IoStatus flush(Deadline deadline);
  Received take(IoStatus status, size_t bytes);

  Socket socket_;
  std::unique_ptr<TlsEndpoint> tls_;  // does not move
};

}  // namespace httpteleport::test
