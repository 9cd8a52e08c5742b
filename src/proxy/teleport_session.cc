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
    : LinkSession(context, std::move(link.connection), link.peer),
      reader_(teleport::method_of(link.coding), reader_limits(context.teleport),
              static_cast<v0::RequestEvents&>(*this)) {
  const TeleportSessionOptions& options = context.teleport;
  sender_.emplace(connection(), context.of_links(), static_cast<upstream::BatchEvents&>(*this),
                  upstream::LinkSender::Options{
                      .compression = options.compression,
                      .timing = {.delay = options.batch_delay, .bytes = options.batch_bytes}});
}

TeleportSession::~TeleportSession() {
  while (!exchanges_.empty())
    delete &exchanges_.pop_front();
}

// ---- Receiving.

size_t TeleportSession::on_data(std::string_view bytes) {
  note_traffic();
  return read_frames(bytes);
}

size_t TeleportSession::read_frames(std::string_view wire) {
  const uint64_t plain_before = reader_.plain_bytes();
  const Result<v0::FrameReader::Step> step = reader_.step(wire);
  context().of_links().raw_received.add(reader_.plain_bytes() - plain_before);
  context().of_links().wire_received.add(step ? step->consumed : wire.size());
  if (!step) {
    close_with(step.error());
    return wire.size();
  }
  if (step->cut_short && is_open()) {
    cut_short_ = true;
    connection().pause(net::PauseReason::kBusy);
    loop().at_next_turn(*this);
  }
  return step->consumed;
}

// What the decoder holds back comes first; the connection then offers what it has kept.
void TeleportSession::go_on_reading() {
  cut_short_ = false;
  read_frames({});
  if (!cut_short_ && is_open()) connection().resume(net::PauseReason::kBusy);
}

void TeleportSession::on_request_frame(uint32_t id, http::RequestHead& head, std::string_view raw) {
  context().of_links().messages_received.add();
  auto* exchange = new TeleportExchange(*this, id);
  exchange->method_ = head.method;
  exchanges_.push_back(*exchange);
  ++exchange_count_;
  receiving_ = exchange;
  if (exchange_count_ > context().teleport.streams_max) {
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

// ---- Sending.

void TeleportSession::on_answered(TeleportExchange& exchange) {
  if (is_open() && exchange.id_ != 0) {
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
  look_for_end();
  loop().delete_later(std::unique_ptr<TeleportExchange>(&exchange));
}

void TeleportSession::on_write_unblocked() {
  if (sender_) sender_->on_write_unblocked();
}

void TeleportSession::on_batch_sent() {
  note_traffic();
  look_for_end();
  check_backpressure();
}

void TeleportSession::check_backpressure() {
  if (sender_->queued_memory() > kQueuedBytesMax) {
    connection().pause(net::PauseReason::kOtherSideFull);
  } else {
    connection().resume(net::PauseReason::kOtherSideFull);
  }
}

void TeleportSession::on_turn_end() {
  if (is_open() && cut_short_) go_on_reading();
  if (!is_open()) return;
  while (!resumed_.empty())
    resumed_.pop_front().exchange.pass_held();
  if (!is_ending() || is_answering() || sender_->has_work() || cut_short_) return;
  sender_.reset();
  finish();
}

// ---- The end.

void TeleportSession::on_lost(const Error& error) {
  sender_.reset();
  receiving_ = nullptr;
  exchanges_.for_each([&](TeleportExchange& exchange) {
    if (exchange.handler_) exchange.handler_->on_downstream_gone(error);
    loop().delete_later(std::move(exchange.handler_));
  });
}

}  // namespace httpteleport::proxy
