#include "proxy/teleport_v2_session.h"

#include <utility>

namespace httpteleport::proxy {

namespace v2 = teleport::v2;

namespace {

// Answers that wait for the peer: over this further requests get 429.
constexpr size_t kQueuedBytesMax = 64 * 1024 * 1024;

}  // namespace

void TeleportV2Session::start(SessionContext& context, AcceptedLink link) {
  auto* session = new TeleportV2Session(context, std::move(link));
  context.sessions.push_back(*session);
  session->look_for_end();
}

TeleportV2Session::TeleportV2Session(SessionContext& context, AcceptedLink link)
    : LinkSession(context, std::move(link.connection), link.peer),
      streams_max_(link.own.streams),
      requests_max_(context.teleport.streams_max),
      multiplexer_(multiplexer_options(v2::Multiplexer::End::kFar, context.teleport.v2, link.own),
                   link.peer_hello, static_cast<v2::MultiplexerEvents&>(*this),
                   context.loop.pool()) {
  const TeleportSessionOptions& options = context.teleport;
  sender_.emplace(connection(), context.of_links(),
                  static_cast<upstream::V2LinkSender::Events&>(*this), multiplexer_,
                  upstream::BatchTiming{.delay = options.batch_delay, .bytes = options.batch_bytes},
                  options.v2.adaptive);
}

TeleportV2Session::~TeleportV2Session() {
  while (!exchanges_.empty())
    delete &exchanges_.pop_front();
}

// ---- Receiving.

size_t TeleportV2Session::on_data(std::string_view bytes) {
  note_traffic();
  metrics::LinkMetrics& metrics = context().of_links();
  const Result<v2::Multiplexer::Received> received = multiplexer_.receive(bytes);
  if (!received) {
    metrics.wire_received.add(bytes.size());
    close_with(received.error());
    return bytes.size();
  }
  metrics.raw_received.add(received->frames_bytes);
  metrics.wire_received.add(received->consumed);
  inside_batch_ = received->consumed < bytes.size() && !received->is_cut_short;
  if (received->is_cut_short) {
    cut_short_ = true;
    connection().pause(net::PauseReason::kBusy);
    loop().at_next_turn(*this);
  }
  on_work();
  look_for_end();
  return received->consumed;
}

void TeleportV2Session::go_on_reading() {
  if (std::exchange(cut_short_, false)) connection().resume(net::PauseReason::kBusy);
}

void TeleportV2Session::on_request(std::string_view head, bool end) {
  context().of_links().messages_received.add();
  // Only a peer that does not heed what it was told has so many.
  if (multiplexer_.open_streams() >= streams_max_) return;
  auto* exchange = new TeleportV2Exchange(*this);
  exchanges_.push_back(*exchange);
  ++exchange_count_;
  exchange->stream_ = &multiplexer_.accept(*exchange);
  exchange->begin(head, end);
}

std::optional<Error> TeleportV2Session::overload() const {
  if (exchange_count_ > requests_max_) {
    return Error{Code::kOverloaded, Source::kDownstream, 0,
                 "too many requests at a time on the teleport link (-concurrency)"};
  }
  if (multiplexer_.queued_bytes() > kQueuedBytesMax) {
    return Error{Code::kOverloaded, Source::kDownstream, 0,
                 "too many answers wait on the teleport link for its peer"};
  }
  return std::nullopt;
}

// ---- Sending.

void TeleportV2Session::on_work() {
  if (sender_) sender_->on_work();
}

void TeleportV2Session::on_write_unblocked() {
  if (sender_) sender_->on_write_unblocked();
}

void TeleportV2Session::on_batch_sent() {
  note_traffic();
  look_for_end();
}

// ---- Exchanges.

void TeleportV2Session::on_resumed(TeleportV2Exchange& exchange) {
  if (!exchange.resumption_.is_linked()) resumed_.push_back(exchange.resumption_);
  loop().at_turn_end(*this);
}

void TeleportV2Session::remove(TeleportV2Exchange& exchange) {
  exchange.unlink();
  exchange.resumption_.unlink();
  --exchange_count_;
  on_work();
  look_for_end();
  loop().delete_later(std::unique_ptr<TeleportV2Exchange>(&exchange));
}

// ---- The end.

void TeleportV2Session::on_turn_end() {
  if (!is_open()) return;
  go_on_reading();
  while (!resumed_.empty())
    resumed_.pop_front().exchange.pass_held();
  on_work();
  if (has_peer_ended()) give_up_incomplete();
  if (is_ending()) finish_if_done();
}

void TeleportV2Session::give_up_incomplete() {
  exchanges_.for_each([](TeleportV2Exchange& exchange) {
    if (exchange.is_request_whole()) return;
    exchange.give_up(
        {Code::kCancelled, Source::kDownstream, 0, "the peer closed the link inside the request"},
        v2::EndCode::kCancelled);
  });
}

void TeleportV2Session::finish_if_done() {
  if (context().draining) {
    multiplexer_.go_away(v2::EndCode::kNone);
    on_work();
  }
  if (multiplexer_.has_work() || cut_short_) return;
  // What waits for windows waits in vain.
  if (has_peer_ended() && multiplexer_.queued_bytes() > 0) {
    return close_with({Code::kConnectionLost, Source::kDownstream, 0,
                       "the peer closed the link before it had room for its answers"});
  }
  if (is_answering() || (multiplexer_.open_streams() > 0 && !has_peer_ended())) return;
  sender_.reset();
  finish();
}

void TeleportV2Session::on_lost(const Error& error) {
  sender_.reset();
  exchanges_.for_each([&](TeleportV2Exchange& exchange) {
    if (exchange.handler_) exchange.handler_->on_downstream_gone(error);
    exchange.drop_handler();
  });
}

}  // namespace httpteleport::proxy
