#include "tls/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

namespace httpteleport::tls {

namespace {

constexpr int kDiscardedReadsMax = 16;

int stream_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// OpenSSL's texts are static, but ours around them are not: one is made for each code, once.
const char* verify_failure_text(long code) {
  static std::mutex mutex;
  static std::array<std::string, 128> texts;
  const std::lock_guard lock(mutex);
  std::string& text = texts[static_cast<size_t>(code) % texts.size()];
  if (text.empty()) {
    text = std::string("the peer's certificate is refused: ") + X509_verify_cert_error_string(code);
  }
  return text.c_str();
}

}  // namespace

Stream::Stream(SslPtr ssl, Role role, RecordBuffer& scratch)
    : ssl_(std::move(ssl)), scratch_(scratch), role_(role) {
  SSL_set_ex_data(ssl_.get(), stream_index(), this);
  BIO* bio = BIO_new(bio_method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (role == Role::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

Stream& Stream::of(const SSL* ssl) {
  return *static_cast<Stream*>(SSL_get_ex_data(ssl, stream_index()));
}

void Stream::attach(int fd, std::string received) {
  fd_ = fd;
  received_ = std::move(received);
}

void Stream::on_socket_ready(bool at_end) {
  readable_ = true;
  at_end_ = at_end_ || at_end;
}

// ---- The socket, as OpenSSL sees it.

const BIO_METHOD* Stream::bio_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "httpteleport");
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

int Stream::bio_read(BIO* bio, char* into, size_t size, size_t* got) {
  auto& stream = *static_cast<Stream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (stream.received_used_ < stream.received_.size()) {
    *got = std::min(size, stream.received_.size() - stream.received_used_);
    std::memcpy(into, stream.received_.data() + stream.received_used_, *got);
    stream.received_used_ += *got;
    if (stream.received_used_ == stream.received_.size()) {
      std::string().swap(stream.received_);
      stream.received_used_ = 0;
    }
    return 1;
  }
  // After a short read the socket is empty until the kernel says otherwise.
  ssize_t count = -1;
  errno = EAGAIN;
  if (stream.readable_) count = recv(stream.fd_, into, size, 0);
  if (count > 0) {
    *got = static_cast<size_t>(count);
    if (*got < size && !stream.at_end_) stream.readable_ = false;
    return 1;
  }
  *got = 0;
  if (count == 0) {
    BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  } else if (errno == EAGAIN || errno == EINTR) {
    stream.readable_ = errno == EINTR;
    BIO_set_retry_read(bio);
  } else {
    stream.sys_errno_ = errno;
  }
  return 0;
}

int Stream::bio_write(BIO* bio, const char* from, size_t size, size_t* taken) {
  auto& stream = *static_cast<Stream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t count = send(stream.fd_, from, size, MSG_NOSIGNAL);
  if (count >= 0) {
    *taken = static_cast<size_t>(count);
    return 1;
  }
  *taken = 0;
  if (errno == EAGAIN || errno == EINTR) {
    BIO_set_retry_write(bio);
  } else {
    stream.sys_errno_ = errno;
    // What the peer said before it refused our bytes may not have been reported yet.
    stream.readable_ = true;
  }
  return 0;
}

long Stream::bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

// ---- The layer.

net::StreamLayer::State Stream::fail(const char* detail) {
  const Code code =
      handshaking_ && role_ == Role::kClient ? Code::kConnectFailed : Code::kConnectionLost;
  failure_ = {code, Source::kInternal, sys_errno_, detail};
  failed_ = true;
  return State::kFailed;
}

net::StreamLayer::State Stream::state_after(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return State::kBlocked;
    case SSL_ERROR_WANT_X509_LOOKUP:
      return State::kWaiting;
    case SSL_ERROR_ZERO_RETURN:
      return State::kEnded;
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      return fail(handshaking_ ? "the connection was reset inside the TLS handshake"
                               : "the connection was reset inside TLS");
    default:
      break;
  }
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return fail(handshaking_ ? "the peer closed the connection inside the TLS handshake"
                             : "the connection ended without TLS's end (close_notify)");
  }
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    ERR_clear_error();
    return fail(verify_failure_text(SSL_get_verify_result(ssl_.get())));
  }
  return fail(take_openssl_error());
}

net::StreamLayer::State Stream::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    if (is_acme_challenge_) {
      send_end();
      return fail("an ACME challenge was answered");
    }
    handshaking_ = false;
    return State::kOpen;
  }
  const State state = state_after(result);
  if (state == State::kFailed) fail_handshake();
  return state == State::kEnded ? fail("the peer ended TLS inside the handshake") : state;
}

// The alert that says why must not be destroyed by the reset that closing with unread input causes.
void Stream::fail_handshake() {
  shutdown(fd_, SHUT_WR);
  for (int i = 0; i < kDiscardedReadsMax; ++i) {
    if (recv(fd_, scratch_.data(), scratch_.size(), 0) <= 0) return;
  }
}

// As many records as there are and fit: one pass for what the kernel had.
net::StreamLayer::Transfer Stream::read(std::span<char> into) {
  Transfer transfer;
  if (failed_) return {.state = State::kFailed};
  ERR_clear_error();
  while (transfer.bytes < into.size()) {
    size_t got = 0;
    const int result =
        SSL_read_ex(ssl_.get(), into.data() + transfer.bytes, into.size() - transfer.bytes, &got);
    transfer.bytes += got;
    if (result == 1) continue;
    transfer.state = state_after(result);
    break;
  }
  return transfer;
}

net::StreamLayer::Transfer Stream::write(std::span<const iovec> from) {
  Transfer transfer;
  if (failed_ || write_failed_) return {.state = State::kFailed};
  ERR_clear_error();
  size_t index = 0;
  size_t offset = 0;  // into from[index]
  while (index < from.size()) {
    // A run that fills a record goes as it is; smaller ones are put together.
    const char* record = static_cast<const char*>(from[index].iov_base) + offset;
    size_t size = std::min(from[index].iov_len - offset, kRecordBytes);
    if (size < kRecordBytes && index + 1 < from.size()) {
      std::memcpy(scratch_.data(), record, size);
      for (size_t next = index + 1; next < from.size() && size < kRecordBytes; ++next) {
        const size_t more = std::min(from[next].iov_len, kRecordBytes - size);
        std::memcpy(scratch_.data() + size, from[next].iov_base, more);
        size += more;
      }
      record = scratch_.data();
    }
    size_t taken = 0;
    const int result = SSL_write_ex(ssl_.get(), record, size, &taken);
    if (result != 1) {
      transfer.state = state_after(result);
      write_failed_ = std::exchange(failed_, false);
      break;
    }
    transfer.bytes += taken;
    for (offset += taken; index < from.size() && offset >= from[index].iov_len; ++index)
      offset -= from[index].iov_len;
  }
  return transfer;
}

net::StreamLayer::State Stream::send_end() {
  if (end_sent_ || failed_ || write_failed_) return State::kOpen;
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  const bool blocked = result < 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_WRITE;
  ERR_clear_error();
  end_sent_ = !blocked;
  return blocked ? State::kBlocked : State::kOpen;
}

}  // namespace httpteleport::tls
