// One side of a TLS connection without a socket, as OpenSSL itself speaks it: bytes in, bytes out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/certificates.h"
#include "support/openssl.h"

namespace httpteleport::test {

struct TlsOptions {
  bool server = false;
  // Clients: the name to ask for and, with `trusted_pem`, to verify; empty: none.
  std::string server_name{};
  // The CAs to verify the other side with; empty: everybody is taken. A server that has some
  // demands a certificate.
  std::string trusted_pem{};
  Pem certificate{};  // to show; a server needs one
  // ALPN, most wanted first. A server takes the first of its own that the client offers.
  std::vector<std::string> protocols{};
  int version_min = TLS1_VERSION;
  int version_max = TLS1_3_VERSION;
  // For TLS 1.2 and below, as OpenSSL lists them; empty: its own choice.
  std::string ciphers{};
  std::shared_ptr<SSL_SESSION> session{};  // to resume
};

// All servers resume each other's sessions. Not copyable, not thread safe. After a failure it does
// nothing more but give its last alert.
class TlsEndpoint {
 public:
  // A client has its ClientHello ready in take_output().
  explicit TlsEndpoint(const TlsOptions& options);
  // However the connection ended, its session may be resumed.
  ~TlsEndpoint() { SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }
  TlsEndpoint(const TlsEndpoint&) = delete;
  TlsEndpoint& operator=(const TlsEndpoint&) = delete;

  // What came from the other side. Grows `received`.
  void feed(std::string_view bytes);
  // What is to be sent to the other side.
  std::string take_output();

  // Encrypts; before the handshake is complete it waits.
  void send(std::string_view text);
  // close_notify, behind everything given to send().
  void end();
  // Asks for a new handshake on the same connection, which TLS 1.2 and below have. is_complete() is
  // false until it is done.
  void renegotiate();

  std::string received;  // decrypted

  bool is_complete() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  bool has_ended() const { return ended_; }  // close_notify has come
  bool has_failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }  // as OpenSSL words it
  // The alert that ended the connection, SSL_AD_..., when the other side has sent one.
  std::optional<int> fatal_alert() const { return fatal_alert_; }

  int version() const { return SSL_version(ssl_.get()); }
  bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  std::string protocol() const;
  // OpenSSL's name of the cipher in use.
  std::string cipher() const { return SSL_get_cipher_name(ssl_.get()); }
  // What the client asks for, at a server; empty: nothing.
  std::string server_name() const;
  // The certificate that the other side has shown, in PEM; empty: none.
  std::string peer_certificate() const;
  // For another endpoint to resume: the last that came. TLS 1.3 sends it behind the handshake.
  std::shared_ptr<SSL_SESSION> session() const;

 private:
  static int on_new_session(SSL* ssl, SSL_SESSION* session);
  static void on_info(const SSL* ssl, int where, int result);
  static int on_protocols(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                          const unsigned char* offered, unsigned int offered_size, void* self);
  static TlsEndpoint& of(const SSL* ssl);

  void set_identity(const Pem& certificate);
  void set_trust(const std::string& pem, bool server);
  void set_server();
  void set_client(const TlsOptions& options);
  void advance();
  // False when `result` means that nothing more can be done now.
  bool check(int result);

  std::string protocols_;  // in the wire's form
  SslContextOwner context_;
  SslOwner ssl_;
  std::string to_send_;
  std::string error_;
  std::shared_ptr<SSL_SESSION> session_;
  std::optional<int> fatal_alert_;
  bool end_wanted_ = false;
  bool ended_ = false;
};

}  // namespace httpteleport::test
