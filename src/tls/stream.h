// One TLS connection (RFC 8446, RFC 5246) as a layer of net::Connection.
#pragma once

#include <array>
#include <span>
#include <string>

#include "net/stream_layer.h"
#include "tls/openssl.h"

namespace httpteleport::tls {

// Where small pieces of output are put together to one record; one a worker and direction is
// enough, because it is used inside a call only.
inline constexpr size_t kRecordBytes = 16 * 1024;
using RecordBuffer = std::array<char, kRecordBytes>;

// Made by ServerContext and ClientContext. It reads the socket itself, through a BIO of its own, so
// that nothing is copied on the way.
class Stream final : public net::StreamLayer {
 public:
  enum class Role : uint8_t { kServer, kClient };

  // `ssl` is set up but for its role and its BIO. `scratch` outlives the stream.
  Stream(SslPtr ssl, Role role, RecordBuffer& scratch);

  void attach(int fd, std::string received) override;
  void on_socket_ready(bool at_end) override;
  State handshake() override;
  Transfer read(std::span<char> into) override;
  Transfer write(std::span<const iovec> from) override;
  State send_end() override;
  Error failure() const override { return failure_; }

  // The stream that `ssl` belongs to.
  static Stream& of(const SSL* ssl);
  // For the callbacks of ServerContext: the client asks for the ACME challenge (RFC 8737), which is
  // a handshake and nothing more.
  void set_acme_challenge() { is_acme_challenge_ = true; }
  bool is_acme_challenge() const { return is_acme_challenge_; }

 private:
  static int bio_read(BIO* bio, char* into, size_t size, size_t* got);
  static int bio_write(BIO* bio, const char* from, size_t size, size_t* taken);
  static long bio_control(BIO* bio, int command, long, void*);
  static const BIO_METHOD* bio_method();

  // The state that follows from an unsuccessful OpenSSL call.
  State state_after(int result);
  State fail(const char* detail);
  void fail_handshake();

  SslPtr ssl_;
  RecordBuffer& scratch_;
  std::string received_;  // from before the layer; read before the socket
  size_t received_used_ = 0;
  Error failure_{Code::kConnectionLost};
  int fd_ = -1;
  int sys_errno_ = 0;  // of the BIO's last failure
  Role role_;
  bool readable_ = true;  // the kernel may have bytes
  bool at_end_ = false;   // no event will tell of more bytes: only reading shows
  bool handshaking_ = true;
  bool failed_ = false;
  bool write_failed_ = false;  // but what has come may still be read
  bool end_sent_ = false;
  bool is_acme_challenge_ = false;
};

}  // namespace httpteleport::tls
