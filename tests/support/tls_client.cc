#include "support/tls_client.h"

#include <algorithm>
#include <utility>

namespace httpteleport::test {

TlsClient::TlsClient(Socket socket, const TlsOptions& options, Deadline deadline)
    : socket_(std::move(socket)), tls_(std::make_unique<TlsEndpoint>(options)) {
  while (!tls_->is_complete() && step(deadline) == IoStatus::kOk) {
  }
  flush(deadline);
}

std::optional<TlsClient> TlsClient::connect(const Address& address, const TlsOptions& options,
                                            Deadline deadline) {
  std::optional<Socket> socket = Socket::connect(address, deadline);
  if (!socket) return {};
  return TlsClient(*std::move(socket), options, deadline);
}

IoStatus TlsClient::flush(Deadline deadline) {
  return socket_.send_all(tls_->take_output(), deadline);
}

IoStatus TlsClient::step(Deadline deadline) {
  if (tls_->has_ended()) return IoStatus::kClosed;
  if (tls_->has_failed()) return IoStatus::kReset;
  // A peer that has closed may have said why before that.
  const IoStatus sent = flush(deadline);
  if (sent == IoStatus::kTimeout) return sent;
  const Received got = socket_.recv_some(64 * 1024, deadline);
  if (got.status != IoStatus::kOk)
    return got.status == IoStatus::kClosed ? IoStatus::kReset : got.status;
  tls_->feed(got.bytes);
  flush(deadline);
  return IoStatus::kOk;
}

Received TlsClient::take(IoStatus status, size_t bytes) {
  Received result{status, tls_->received.substr(0, bytes)};
  tls_->received.erase(0, result.bytes.size());
  return result;
}

IoStatus TlsClient::send_all(std::string_view bytes, Deadline deadline) {
  if (tls_->has_failed()) return IoStatus::kReset;
  tls_->send(bytes);
  return flush(deadline);
}

Received TlsClient::recv_some(size_t bytes_max, Deadline deadline) {
  while (tls_->received.empty()) {
    const IoStatus status = step(deadline);
    if (status != IoStatus::kOk && tls_->received.empty()) return {status, {}};
  }
  return take(IoStatus::kOk, bytes_max);
}

Received TlsClient::recv_until(std::string_view needle, Deadline deadline) {
  size_t searched = 0;
  for (;;) {
    const size_t at = tls_->received.find(needle, searched);
    if (at != std::string::npos) return take(IoStatus::kOk, at + needle.size());
    const size_t size = tls_->received.size();
    searched = size < needle.size() ? 0 : size - needle.size() + 1;
    if (size > Socket::kReceiveBytesMax) return take(IoStatus::kTooLong, size);
    const IoStatus status = step(deadline);
    if (status != IoStatus::kOk) return take(status, std::string::npos);
  }
}

Received TlsClient::recv_exactly(size_t bytes, Deadline deadline) {
  while (tls_->received.size() < bytes) {
    const IoStatus status = step(deadline);
    if (status != IoStatus::kOk) return take(status, std::string::npos);
  }
  return take(IoStatus::kOk, bytes);
}

Received TlsClient::recv_to_end(Deadline deadline) {
  for (;;) {
    if (tls_->received.size() > Socket::kReceiveBytesMax)
      return take(IoStatus::kTooLong, std::string::npos);
    const IoStatus status = step(deadline);
    if (status != IoStatus::kOk) return take(status, std::string::npos);
  }
}

bool TlsClient::renegotiate(Deadline deadline) {
  tls_->renegotiate();
  while (!tls_->is_complete() && step(deadline) == IoStatus::kOk) {
  }
  return tls_->is_complete();
}

void TlsClient::shutdown_write() {
  tls_->end();
  flush(after());
  socket_.shutdown_write();
}

}  // namespace httpteleport::test
