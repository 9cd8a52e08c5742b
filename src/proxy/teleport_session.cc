#include "proxy/teleport_session.h"

#include <algorithm>

namespace httpteleport::proxy {

namespace v0 = teleport::v0;

namespace {

// Answers that the peer does not take: over this no more requests are read from it.
constexpr size_t kQueuedBytesMax = 64 * 1024 * 1024;

v0::ReaderLimits reader_limits(const TeleportSessionOptions& options) {
  v0::ReaderLimits limits;
  limits.head_bytes_max = std::max(limits.head_bytes_max, options.request_head_bytes_max);
  return limits;
}

}  // namespace

void TeleportSession::start(SessionContext& context, AcceptedLink link) {
  context.sessions.push_back(*new TeleportSession(context, std::move(link)));
}

TeleportSession::TeleportSession(SessionContext& context, AcceptedLink link)
    : context_(context),
      peer_ip_(link.peer.ip()),
      client_{.ip = {},
              .port = link.peer.port(),
              .over_link = true,
              .peer_ip = peer_ip_,
              .link = ++context.links_started},
      connection_(std::move(link.connection)),
      last_traffic_(context.loop.now()) {
  const TeleportSessionOptions& options = context.teleport;
  connection_->set_handler(*this);
  reader_ =
      std::make_unique<v0::RequestReader>(teleport::method_of(link.coding), reader_limits(options),
                                          static_cast<v0::RequestEvents&>(*this));
  sender_ = std::make_unique<upstream::LinkSender>(
      *connection_, context.metrics.link, static_cast<upstream::BatchEvents&>(*this),
      upstream::LinkSender::Options{
          .compression = options.compression,
          .timing = {.delay = options.batch_delay, .bytes = options.batch_bytes}});
  context.metrics.link.open.add(1);
  loop().set_timer(timer_, options.idle_timeout);
}

TeleportSession::~TeleportSession() {
  while (!exchanges_.empty())
    delete &exchanges_.pop_front();
}

// ---- Receiving.

size_t TeleportSession::on_data(std::string_view bytes) {
  if (state_ == State::kClosed) return bytes.size();
  last_traffic_ = loop().now();
  return read_frames(bytes);
}

size_t TeleportSession::read_frames(std::string_view wire) {
  const uint64_t plain_before = reader_->plain_bytes();
  const Result<v0::FrameReader::Step> step = reader_->step(wire);
  context_.metrics.link.raw_received.add(reader_->plain_bytes() - plain_before);
  context_.metrics.link.wire_received.add(step ? step->consumed : wire.size());
  if (!step) {
    close_with(step.error());
    return wire.size();
  }
  if (step->cut_short && state_ == State::kOpen) {
    cut_short_ = true;
    connection_->pause(net::PauseReason::kBusy);
    loop().at_next_turn(*this);
  }
  return step->consumed;
}

// What the decoder holds back comes first; the connection then offers what it has kept.
void TeleportSession::go_on_reading() {
  cut_short_ = false;
  read_frames({});
  if (!cut_short_ && state_ == State::kOpen) connection_->resume(net::PauseReason::kBusy);
}

void TeleportSession::on_request_frame(uint32_t id, http::RequestHead& head, std::string_view raw) {
  context_.metrics.link.messages_received.add();
  auto* exchange = new TeleportExchange(*this, id);
  exchange->method_ = head.method;
  exchanges_.push_back(*exchange);
  ++exchange_count_;
  receiving_ = exchange;
  if (exchange_count_ > context_.teleport.streams_max) {
    return exchange->refuse(head,
                            {Code::kOverloaded, Source::kDownstream, 0,
                             "too many requests at a time on the teleport link (-concurrency)"});
  }
  // Reading is paused then, but what has been read may hold very many more.
  if (sender_->queued_memory() > kQueuedBytesMax) {
    return exchange->refuse(head, {Code::kOverloaded, Source::kDownstream, 0,
                                   "too many answers wait on the teleport link for its peer"});
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
  if (!reader_->is_between_frames()) {
    return close_with({Code::kConnectionLost, Source::kDownstream, 0, "the peer closed the link"});
  }
  // Nobody reads the answers of a peer that is gone; those of one that only stopped asking are few.
  // The end of the turn closes the link, if nothing is left to answer or to send.
  peer_ended_ = true;
  loop().at_turn_end(*this);
}

// Behind its FIN, so that nobody waits for the answers: nothing else would tell before one is sent.
void TeleportSession::on_peer_closing() {
  if (connection_->peer_reset())
    close_with({Code::kConnectionLost, Source::kDownstream, 0, "the peer reset the link"});
}

void TeleportSession::on_closed(const Error& error) {
  close_with(error);
}

// ---- Sending.

void TeleportSession::on_answered(TeleportExchange& exchange) {
  if (state_ == State::kOpen && exchange.id_ != 0) {
    sender_->add_message(exchange.id_, std::move(exchange.message_));
    check_backpressure();
  }
  remove(exchange);
}

void TeleportSession::on_resumed(TeleportExchange& exchange) {
  if (!exchange.resumption_.is_linked()) resumed_.push_back(exchange.resumption_);
  loop().at_turn_end(*this);
}

void TeleportSession::remove(TeleportExchange& exchange) {
  if (receiving_ == &exchange) receiving_ = nullptr;
  exchange.unlink();
  exchange.resumption_.unlink();
  --exchange_count_;
  if (peer_ended_ || context_.draining) loop().at_turn_end(*this);
  loop().delete_later(std::unique_ptr<TeleportExchange>(&exchange));
}

void TeleportSession::on_write_unblocked() {
  if (sender_) sender_->on_write_unblocked();
}

void TeleportSession::on_batch_sent() {
  last_traffic_ = loop().now();
  if (peer_ended_ || context_.draining) loop().at_turn_end(*this);
  check_backpressure();
}

void TeleportSession::check_backpressure() {
  if (sender_->queued_memory() > kQueuedBytesMax) {
    connection_->pause(net::PauseReason::kOtherSideFull);
  } else {
    connection_->resume(net::PauseReason::kOtherSideFull);
  }
}

void TeleportSession::on_turn_end() {
  if (state_ == State::kOpen && cut_short_) go_on_reading();
  if (state_ != State::kOpen) return;
  while (!resumed_.empty())
    resumed_.pop_front().exchange.pass_held();
  const bool finished = exchange_count_ == 0 && !sender_->has_work() && !cut_short_;
  if (!finished || (!peer_ended_ && !context_.draining)) return;
  context_.metrics.link.open.add(-1);
  state_ = State::kClosed;
  sender_.reset();
  context_.lingering.take(std::move(connection_), !peer_ended_);
  context_.remove(*this);
}

// ---- The end.

void TeleportSession::close_with(const Error& error) {
  if (state_ == State::kClosed) return;
  context_.note_link_failure(client_.peer_ip, client_.port, error);
  context_.metrics.link.open.add(-1);
  state_ = State::kClosed;
  timer_.cancel();
  sender_.reset();
  receiving_ = nullptr;
  exchanges_.for_each([&](TeleportExchange& exchange) {
    if (exchange.handler_) exchange.handler_->on_downstream_gone(error);
    loop().delete_later(std::move(exchange.handler_));
  });
  connection_->close();
  context_.remove(*this);
}

void TeleportSession::on_timer() {
  const Duration idle = loop().now() - last_traffic_;
  if (exchange_count_ > 0 || idle < context_.teleport.idle_timeout) {
    return loop().set_timer(
        timer_, std::max<Duration>(context_.teleport.idle_timeout - idle, std::chrono::seconds(1)));
  }
  close_with({Code::kTimeout, Source::kDownstream, 0, "the link was idle"});
}

void TeleportSession::drain() {
  loop().at_turn_end(*this);
}

void TeleportSession::abort() {
  close_with({Code::kCancelled, Source::kInternal, 0, "the proxy is shutting down"});
}

}  // namespace httpteleport::proxy
