#include "conformance/raw_client.h"

namespace httpteleport::test {

RawClient::RawClient(const Address& address) {
  if (auto socket = Socket::connect(address)) socket_ = *std::move(socket);
}

RawClient::RawClient(const Address& address, const TlsOptions& tls)
    : tls_(TlsClient::connect(address, tls)) {
  if (tls_ && !tls_->is_complete()) tls_.reset();
}

bool RawClient::send(std::string_view bytes, Deadline deadline) {
  if (!is_open()) return false;
  return (tls_ ? tls_->send_all(bytes, deadline) : socket_.send_all(bytes, deadline)) ==
         IoStatus::kOk;
}

Received RawClient::receive(Deadline deadline) {
  if (!is_open()) return {IoStatus::kReset, {}};
  Received received =
      tls_ ? tls_->recv_some(64 * 1024, deadline) : socket_.recv_some(64 * 1024, deadline);
  transcript_ += received.bytes;
  return received;
}

Message RawClient::read(MessageParser& parser, Deadline deadline) {
  Message message;
  for (;;) {
    while (!rest_.empty() && !parser.done() && !parser.failed()) {
      const auto step = parser.step(rest_);
      message.body.append(step.body);
      rest_.erase(0, step.consumed);
      if (step.consumed == 0) break;
    }
    if (parser.done() || parser.failed()) break;
    const Received received = receive(deadline);
    rest_ += received.bytes;
    if (received.status == IoStatus::kOk) continue;
    message.error = io_status_name(received.status);
    if (received.status == IoStatus::kTimeout) {
      message.outcome = Outcome::kTimeout;
    } else if (received.status == IoStatus::kClosed && parser.finish()) {
      break;
    } else {
      message.outcome = parser.started() ? Outcome::kTruncated : Outcome::kNothing;
    }
    message.head = parser.head();
    return message;
  }
  message.outcome = parser.done() ? Outcome::kComplete : Outcome::kMalformed;
  message.error = parser.error();
  message.head = parser.head();
  message.chunked = parser.is_chunked();
  return message;
}

Message RawClient::read_response(bool to_head, Deadline deadline) {
  MessageParser parser;
  parser.expect_response(to_head);
  return read(parser, deadline);
}

Message RawClient::read_final_response(bool to_head, Deadline deadline) {
  for (;;) {
    Message message = read_response(to_head, deadline);
    if (message.outcome != Outcome::kComplete || message.head.status >= 200) return message;
  }
}

Received RawClient::read_to_end(Deadline deadline) {
  Received all{IoStatus::kOk, std::exchange(rest_, {})};
  for (;;) {
    const Received received = receive(deadline);
    all.bytes += received.bytes;
    all.status = received.status;
    if (received.status != IoStatus::kOk) return all;
    if (all.bytes.size() > Socket::kReceiveBytesMax) return {IoStatus::kTooLong, all.bytes};
  }
}

bool RawClient::wait_closed(Deadline deadline) {
  if (!rest_.empty()) return false;
  const Received received = receive(deadline);
  rest_ += received.bytes;
  return received.status == IoStatus::kClosed || received.status == IoStatus::kReset;
}

bool RawClient::is_quiet() {
  if (!rest_.empty()) return false;
  const Received received = receive(Clock::now());
  rest_ += received.bytes;
  return received.status == IoStatus::kTimeout;
}

void RawClient::half_close() {
  if (tls_) {
    tls_->shutdown_write();
  } else {
    socket_.shutdown_write();
  }
}

void RawClient::reset() {
  if (tls_) {
    tls_->reset();
  } else {
    socket_.reset();
  }
}

}  // namespace httpteleport::test
