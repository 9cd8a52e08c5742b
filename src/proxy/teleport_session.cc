#include "proxy/teleport_session.h"

#include <algorithm>

#include "teleport/v0/handshake.h"

namespace httpteleport::proxy {

namespace v0 = teleport::v0;

namespace {

// A batch that has grown to this goes out before its delay is over.
constexpr size_t kBatchBytes = 64 * 1024;
// Answers that the peer does not take: over this no more requests are read from it.
constexpr size_t kQueuedBytesMax = 64 * 1024 * 1024;

}  // namespace

void TeleportSession::start(SessionContext& context, net::Socket socket, const net::Address&) {
  net::set_dead_peer_timeout(socket.fd(), context.teleport.dead_peer_timeout);
  auto* session = new TeleportSession(context, std::move(socket));
  context.sessions.push_back(*session);
  if (!session->connection_->start(*session)) return session->close_with({Code::kSystem});
  context.loop.set_timer(session->timer_, context.teleport.handshake_timeout);
}

TeleportSession::TeleportSession(SessionContext& context, net::Socket socket)
    : context_(context),
      connection_(std::make_unique<net::Connection>(context.loop, std::move(socket),
                                                    context.metrics.downstream_sockets,
                                                    Source::kDownstream)) {}

TeleportSession::~TeleportSession() {
  while (!exchanges_.empty())
    delete &exchanges_.pop_front();
}

// ---- Receiving.

size_t TeleportSession::on_data(std::string_view bytes) {
  if (state_ == State::kClosed) return bytes.size();
  if (state_ == State::kHandshake) return read_handshake(bytes);
  last_traffic_ = loop().now();
  context_.metrics.link.wire_received.add(bytes.size());
  const uint64_t plain_before = reader_->plain_bytes();
  const Result<void> fed = reader_->feed(bytes);
  context_.metrics.link.raw_received.add(reader_->plain_bytes() - plain_before);
  if (!fed) close_with(fed.error());
  return bytes.size();
}

size_t TeleportSession::read_handshake(std::string_view bytes) {
  if (!v0::may_be_handshake(bytes)) {
    close_with({Code::kMalformed, Source::kDownstream, 0, "the peer does not speak teleport"});
    return bytes.size();
  }
  if (bytes.size() < v0::kHandshakeBytes) return 0;
  const Result<v0::Handshake> peer =
      v0::parse_handshake(bytes.substr(0, v0::kHandshakeBytes), Source::kDownstream);
  if (!peer) {
    close_with(peer.error());
    return bytes.size();
  }
  const TeleportSessionOptions& options = context_.teleport;
  // A peer that asks for TLS reads from the 0 in our answer that there is none, and gives up.
  const auto answer =
      v0::encode_handshake({.compression = options.compression.method, .tls = false});
  connection_->write({answer.data(), answer.size()});
  const v0::ReaderLimits limits{.head_bytes_max = std::max(v0::ReaderLimits{}.head_bytes_max,
                                                           options.request_head_bytes_max)};
  reader_ = std::make_unique<v0::RequestReader>(peer->compression, limits,
                                                static_cast<v0::RequestEvents&>(*this));
  writer_ = std::make_unique<v0::BatchWriter>(options.compression, loop().pool());
  state_ = State::kOpen;
  context_.metrics.link.open.add(1);
  last_traffic_ = loop().now();
  loop().set_timer(timer_, options.idle_timeout);
  return v0::kHandshakeBytes;
}

void TeleportSession::on_request_frame(uint32_t id, http::RequestHead& head, std::string_view raw) {
  context_.metrics.link.messages_received.add();
  auto* exchange = new TeleportExchange(*this, id);
  exchange->method_ = head.method;
  exchanges_.push_back(*exchange);
  ++exchange_count_;
  receiving_ = exchange;
  if (exchange_count_ > context_.teleport.streams_max) {
    return exchange->put_error_into_frame(
        {Code::kOverloaded, Source::kDownstream, 0,
         "too many requests at a time on the teleport link (-concurrency)"});
  }
  exchange->begin(head, raw);
}

void TeleportSession::on_request_frame_body(std::string_view bytes) {
  if (receiving_ != nullptr) receiving_->on_body(bytes);
}

void TeleportSession::on_request_frame_end(const http::Fields& trailers) {
  if (receiving_ != nullptr) std::exchange(receiving_, nullptr)->on_end(trailers);
}

void TeleportSession::on_end() {
  if (state_ != State::kOpen || !reader_->is_between_frames()) {
    return close_with({Code::kConnectionLost, Source::kDownstream, 0, "the peer closed the link"});
  }
  // Nobody reads the answers of a peer that is gone; those of one that only stopped asking are few.
  // The end of the turn closes the link, if nothing is left to answer or to send.
  peer_ended_ = true;
  loop().at_turn_end(*this);
}

void TeleportSession::on_closed(const Error& error) {
  close_with(error);
}

// ---- Sending.

void TeleportSession::on_answered(TeleportExchange& exchange) {
  if (exchange.frame_.id == 0) return remove(exchange);
  if (state_ != State::kOpen) return;
  writer_->add(exchange.frame_);
  schedule_flush();
  check_backpressure();
}

// Requests are paused by slow endpoints only, so looking at all of them when one goes on is rare.
void TeleportSession::on_resumed() {
  some_resumed_ = true;
  loop().at_turn_end(*this);
}

void TeleportSession::remove(TeleportExchange& exchange) {
  if (receiving_ == &exchange) receiving_ = nullptr;
  exchange.unlink();
  --exchange_count_;
  if (peer_ended_ || context_.draining) loop().at_turn_end(*this);
  loop().delete_later(std::unique_ptr<TeleportExchange>(&exchange));
}

void TeleportSession::schedule_flush() {
  if (state_ != State::kOpen || !writer_->has_work()) return;
  if (context_.teleport.batch_delay == Duration::zero() || writer_->queued_bytes() >= kBatchBytes)
    batch_due_ = true;
  if (batch_due_) {
    loop().at_turn_end(*this);
  } else if (!batch_timer_.is_set()) {
    loop().set_timer(batch_timer_, context_.teleport.batch_delay);
  }
}

void TeleportSession::on_batch_timer() {
  batch_due_ = true;
  loop().at_turn_end(*this);
}

void TeleportSession::check_backpressure() {
  if (writer_->queued_memory() > kQueuedBytesMax) {
    connection_->pause(net::PauseReason::kOtherSideFull);
  } else {
    connection_->resume(net::PauseReason::kOtherSideFull);
  }
}

void TeleportSession::on_turn_end() {
  if (state_ != State::kOpen) return;
  if (std::exchange(some_resumed_, false)) {
    exchanges_.for_each([](TeleportExchange& exchange) { exchange.pass_held(); });
  }
  if (batch_due_ && !connection_->is_write_blocked()) flush_batch();
  const bool finished = exchange_count_ == 0 && !writer_->has_work();
  if (!finished || (!peer_ended_ && !context_.draining)) return;
  context_.metrics.link.open.add(-1);
  state_ = State::kClosed;
  context_.lingering.take(std::move(connection_), !peer_ended_);
  context_.remove(*this);
}

void TeleportSession::flush_batch() {
  batch_timer_.cancel();
  if (!writer_->has_work()) {
    batch_due_ = false;
    return;
  }
  BufferChain wire(loop().pool());
  IntrusiveList<v0::OutgoingFrame> begun;
  const size_t plain_bytes = writer_->encode(wire, begun);
  metrics::LinkMetrics& counts = context_.metrics.link;
  counts.raw_sent.add(plain_bytes);
  counts.wire_sent.add(wire.size());
  counts.batches_sent.add();
  while (!begun.empty()) {
    auto& frame = static_cast<TeleportExchange::Frame&>(begun.pop_front());
    counts.messages_sent.add();
    remove(frame.exchange);
  }
  last_traffic_ = loop().now();
  batch_due_ = writer_->has_work();
  if (batch_due_) loop().at_next_turn(*this);
  connection_->write(std::move(wire));
  check_backpressure();
}

// ---- The end.

void TeleportSession::close_with(const Error& error) {
  if (state_ == State::kClosed) return;
  context_.metrics.failures[static_cast<size_t>(error.code)].add();
  if (state_ == State::kOpen) context_.metrics.link.open.add(-1);
  state_ = State::kClosed;
  timer_.cancel();
  batch_timer_.cancel();
  receiving_ = nullptr;
  exchanges_.for_each([&](TeleportExchange& exchange) {
    if (exchange.handler_) exchange.handler_->on_downstream_gone(error);
    loop().delete_later(std::move(exchange.handler_));
  });
  connection_->close();
  context_.remove(*this);
}

void TeleportSession::on_timer() {
  if (state_ == State::kHandshake) {
    return close_with(
        {Code::kTimeout, Source::kDownstream, 0, "the handshake did not come in time"});
  }
  const Duration idle = loop().now() - last_traffic_;
  if (exchange_count_ > 0 || idle < context_.teleport.idle_timeout) {
    return loop().set_timer(
        timer_, std::max<Duration>(context_.teleport.idle_timeout - idle, std::chrono::seconds(1)));
  }
  close_with({Code::kTimeout, Source::kDownstream, 0, "the link was idle"});
}

void TeleportSession::drain() {
  if (state_ == State::kHandshake)
    return close_with({Code::kCancelled, Source::kInternal, 0, "the proxy is shutting down"});
  loop().at_turn_end(*this);
}

void TeleportSession::abort() {
  close_with({Code::kCancelled, Source::kInternal, 0, "the proxy is shutting down"});
}

}  // namespace httpteleport::proxy
