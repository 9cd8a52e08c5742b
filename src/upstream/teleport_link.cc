#include "upstream/teleport_link.h"

#include <algorithm>

#include "teleport/handshake.h"

namespace httpteleport::upstream {

namespace v0 = teleport::v0;

namespace {

// Between two looks at whether an open link is idle or its peer silent.
constexpr Duration kCheckIntervalMin = std::chrono::milliseconds(100);

}  // namespace

TeleportLink::TeleportLink(const TransportContext& context, const TeleportOptions& options)
    : context_(context), options_(options) {}

TeleportLink::~TeleportLink() {
  streams_.for_each([](TeleportStream& stream) { delete &stream; });
}

TeleportStream& TeleportLink::open_stream(http::ResponseHandler& handler) {
  auto* stream = new TeleportStream(*this, handler, loop().pool());
  if (streams_.size() >= options_.pending_max) {
    stream->refusal_ = Error{Code::kOverloaded, Source::kDownstream, 0,
                             "too many requests pending on the teleport link"};
  }
  stream->id = stream->key_ = streams_.add(*stream);
  context_.metrics.upstream.started.add();
  wake();
  return *stream;
}

void TeleportLink::on_request_whole(TeleportStream& stream) {
  if (stream.refusal_) {
    refused_.push_back(stream.key_);
    loop().at_turn_end(*this);
  } else if (state_ == State::kOpen) {
    sender_->add(stream);
  } else {
    waiting_.push_back(stream);
  }
}

void TeleportLink::on_cancelled(TeleportStream& stream) {
  if (receiving_ == &stream) receiving_ = nullptr;
  const bool answer_will_come = stream.begun_ && !stream.head_passed_ && state_ == State::kOpen;
  if (answer_will_come && stream.method_ == http::Method::kHead)
    abandoned_heads_.insert(stream.key_);
  // A peer that answers none of them is not worth the memory.
  if (abandoned_heads_.size() > options_.pending_max) loop().at_turn_end(*this);
  forget(stream);
}

void TeleportLink::on_resumed(TeleportStream& stream) {
  resumed_.push_back(stream.key_);
  loop().at_turn_end(*this);
}

http::ResponseHandler* TeleportLink::forget(TeleportStream& stream) {
  stream.unlink();
  streams_.remove(stream.key_);
  loop().delete_later(std::unique_ptr<TeleportStream>(&stream));
  if (draining_) loop().at_turn_end(*this);
  return std::exchange(stream.handler_, nullptr);
}

void TeleportLink::reset_stream(TeleportStream& stream, const Error& error) {
  context_.metrics.upstream.other_errors.add();
  if (receiving_ == &stream) receiving_ = nullptr;
  forget(stream)->on_upstream_reset(error);
}

// ---- Connecting.

void TeleportLink::wake() {
  if (state_ == State::kDown) connect();
}

void TeleportLink::connect() {
  state_ = State::kConnecting;
  has_answered_ = false;
  connect_failure_.reset();
  loop().set_timer(timer_, options_.connect_timeout);
  if (context_.dialer == nullptr)
    address_ = context_.addresses[next_address_ % context_.addresses.size()];
  Result<net::Socket> socket =
      context_.dialer != nullptr ? context_.dialer->dial() : net::start_connect(address_);
  if (!socket) {
    connect_failure_ = socket.error();
  } else {
    net::set_dead_peer_timeout(socket->fd(), options_.dead_peer_timeout);
    connection_ = std::make_unique<net::Connection>(
        loop(), *std::move(socket), context_.metrics.upstream_sockets, Source::kUpstream);
    if (connection_->start(*this, true)) return;
  }
  // Reported by the timer: a stream's caller must not be called back from open_stream().
  loop().set_timer(timer_, Duration::zero());
}

void TeleportLink::on_connected() {
  context_.metrics.connects.add();
  state_ = State::kHandshake;
  loop().set_timer(timer_, options_.connect_timeout);
  const bool wants_tls = context_.tls != nullptr;
  if (options_.proxy_header)
    connection_->write(net::encode_proxy_header({.version = *options_.proxy_header}));
  const auto hello = teleport::encode_handshake(
      {.coding = teleport::coding_of(options_.compression.method), .tls = wants_tls});
  connection_->write({hello.data(), hello.size()});
}

void TeleportLink::read_handshake(std::string_view bytes) {
  const Result<teleport::Handshake> peer =
      teleport::parse_handshake(bytes, {.v0 = true}, Source::kUpstream);
  if (!peer) return on_down(peer.error());
  const bool wants_tls = context_.tls != nullptr;
  if (peer->tls != wants_tls) {
    return on_down({Code::kMalformed, Source::kUpstream, 0,
                    wants_tls ? "the teleport peer has no TLS"
                              : "the teleport peer wants TLS, which was not offered"});
  }
  const v0::ReaderLimits limits{.head_bytes_max = std::max(v0::ReaderLimits{}.head_bytes_max,
                                                           options_.response_head_bytes_max)};
  reader_ = std::make_unique<v0::ResponseReader>(teleport::method_of(peer->coding), limits,
                                                 static_cast<v0::ResponseEvents&>(*this));
  if (!wants_tls) return open();
  state_ = State::kSecuring;
  loop().set_timer(timer_, options_.connect_timeout);
  connection_->secure(context_.tls->connect(context_.host));
}

void TeleportLink::open() {
  state_ = State::kOpen;
  context_.metrics.link.open.add(1);
  last_traffic_ = loop().now();
  loop().set_timer(timer_, std::min(options_.idle_timeout, options_.silence_timeout));
  sender_ = std::make_unique<LinkSender>(*connection_, context_.metrics.link,
                                         static_cast<BatchEvents&>(*this),
                                         LinkSender::Options{.compression = options_.compression,
                                                             .batch_delay = options_.batch_delay,
                                                             .batch_bytes = options_.batch_bytes});
  while (!waiting_.empty())
    sender_->add(waiting_.pop_front());
}

Error TeleportLink::failure_of(const TeleportStream& stream, const Error& cause) const {
  Error error = cause;
  error.source = Source::kUpstream;
  // What one answer broke is not repeated: the same answer would break the next link.
  const bool repeatable = cause.code != Code::kMalformed;
  if (state_ != State::kOpen) {
    error.code = Code::kConnectFailed;
  } else if (!stream.begun_) {
    error.code = Code::kNotSent;
  } else if (repeatable || stream.head_passed_) {
    error.code = stream.head_passed_ ? Code::kTruncated : Code::kConnectionLost;
  }
  return error;
}

void TeleportLink::on_down(const Error& cause) {
  std::vector<std::pair<http::ResponseHandler*, Error>> failed;
  std::vector<TeleportStream*> dying;
  streams_.for_each([&](TeleportStream& stream) {
    if (!stream.response_ended_) dying.push_back(&stream);
  });
  context_.metrics.upstream.other_errors.add(dying.size());
  for (TeleportStream* stream : dying)
    failed.emplace_back(stream->handler_, failure_of(*stream, cause));
  for (TeleportStream* stream : dying)
    forget(*stream);

  if (state_ == State::kOpen) {
    context_.metrics.link.open.add(-1);
  } else {
    context_.metrics.connect_errors.add();
    ++next_address_;
  }
  receiving_ = nullptr;
  cut_short_ = false;
  abandoned_heads_.clear();
  unanswered_since_.reset();
  awaits_answer_ = false;
  sender_.reset();
  reader_.reset();
  if (connection_) connection_->close();
  loop().delete_later(std::move(connection_));
  failures_ = has_answered_ ? 0 : failures_ + 1;
  start_pause();
  // Last: handlers may open new streams here.
  for (const auto& [handler, error] : failed)
    handler->on_upstream_reset(error);
}

// The first reconnect after a connection that worked is immediate; each failure doubles the pause.
// The jitter keeps links that died together from returning together.
void TeleportLink::start_pause() {
  state_ = State::kPausing;
  Duration pause{};
  if (failures_ > 0) {
    const uint32_t doublings = std::min(failures_ - 1, 16u);
    pause = std::min(options_.reconnect_delay_min * (int64_t{1} << doublings),
                     options_.reconnect_delay_max);
    pause -= pause * static_cast<int64_t>((reinterpret_cast<uintptr_t>(this) >> 6) % 256) / 1024;
  }
  loop().set_timer(timer_, pause);
}

void TeleportLink::on_timer() {
  switch (state_) {
    case State::kDown:
      return;
    case State::kPausing:
      state_ = State::kDown;
      if (streams_.size() > 0) connect();
      return;
    case State::kConnecting:
      return on_down(connect_failure_.value_or(Error{Code::kConnectFailed, Source::kUpstream, 0,
                                                     "cannot connect to the teleport peer"}));
    case State::kHandshake:
      return on_down({Code::kConnectFailed, Source::kUpstream, 0,
                      "the teleport peer does not answer the handshake"});
    case State::kSecuring:
      return on_down({Code::kConnectFailed, Source::kUpstream, 0,
                      "the TLS handshake with the teleport peer takes too long"});
    case State::kOpen:
      break;
  }
  if (unanswered_since_ && loop().now() - *unanswered_since_ >= options_.silence_timeout) {
    return on_down({Code::kConnectionLost, Source::kUpstream, 0, "the teleport peer is silent"});
  }
  const Duration idle = loop().now() - last_traffic_;
  if (streams_.size() > 0 || unanswered_since_ || idle < options_.idle_timeout) {
    const Duration next = std::min(options_.idle_timeout - idle, options_.silence_timeout);
    return loop().set_timer(timer_, std::max<Duration>(next, kCheckIntervalMin));
  }
  on_down({Code::kNotSent, Source::kUpstream, 0, "the teleport link was idle"});
}

// ---- Sending.

void TeleportLink::on_write_unblocked() {
  if (sender_) sender_->on_write_unblocked();
}

void TeleportLink::on_frame_begun(v0::OutgoingFrame& frame) {
  auto& stream = static_cast<TeleportStream&>(frame);
  stream.begun_ = true;
  if (stream.id == 0) return pass_end(stream, {});
  awaits_answer_ = true;
}

void TeleportLink::on_batch_sent() {
  last_traffic_ = loop().now();
  if (awaits_answer_ && !unanswered_since_) unanswered_since_ = last_traffic_;
}

void TeleportLink::on_turn_end() {
  if (cut_short_) go_on_reading();
  if (abandoned_heads_.size() > options_.pending_max) {
    on_down({Code::kConnectionLost, Source::kUpstream, 0, "the teleport peer answers too little"});
  }
  for (const uint32_t key : std::exchange(refused_, {})) {
    if (TeleportStream* stream = streams_.find(key)) reset_stream(*stream, *stream->refusal_);
  }
  for (const uint32_t key : std::exchange(resumed_, {}))
    pass_held(key);
  if (draining_ && streams_.size() == 0 && connection_) {
    on_down({Code::kNotSent, Source::kUpstream, 0, "the teleport link is drained"});
  }
}

// ---- Receiving.

size_t TeleportLink::on_data(std::string_view bytes) {
  if (state_ == State::kHandshake) {
    if (!teleport::may_be_handshake(bytes)) {
      on_down({Code::kMalformed, Source::kUpstream, 0, "the peer does not speak teleport"});
      return bytes.size();
    }
    if (bytes.size() < teleport::kHandshakeBytes) return 0;
    read_handshake(bytes.substr(0, teleport::kHandshakeBytes));
    return teleport::kHandshakeBytes;
  }
  last_traffic_ = loop().now();
  unanswered_since_.reset();
  awaits_answer_ = false;
  return read_frames(bytes);
}

size_t TeleportLink::read_frames(std::string_view wire) {
  const uint64_t plain_before = reader_->plain_bytes();
  const Result<v0::FrameReader::Step> step = reader_->step(wire);
  context_.metrics.link.raw_received.add(reader_->plain_bytes() - plain_before);
  context_.metrics.link.wire_received.add(step ? step->consumed : wire.size());
  if (!step) {
    on_down(step.error());
    return wire.size();
  }
  if (step->cut_short) {
    cut_short_ = true;
    connection_->pause(net::PauseReason::kBusy);
    loop().at_next_turn(*this);
  }
  return step->consumed;
}

// What the decoder holds back comes first; the connection then offers what it has kept.
void TeleportLink::go_on_reading() {
  cut_short_ = false;
  read_frames({});
  if (!cut_short_ && state_ == State::kOpen) connection_->resume(net::PauseReason::kBusy);
}

void TeleportLink::on_end() {
  on_down({Code::kConnectionLost, Source::kUpstream, 0, "the teleport peer closed the link"});
}

void TeleportLink::on_closed(const Error& error) {
  on_down(error);
}

http::Method TeleportLink::method_of_request(uint32_t id) {
  if (const TeleportStream* stream = streams_.find(id)) return stream->method_;
  return abandoned_heads_.contains(id) ? http::Method::kHead : http::Method::kGet;
}

void TeleportLink::on_response_frame(uint32_t id, http::ResponseHead& head, std::string_view raw) {
  context_.metrics.link.messages_received.add();
  has_answered_ = true;
  TeleportStream* stream = streams_.find(id);
  // Also an answer to something not yet asked, or answered already, is nobody's.
  if (stream == nullptr || !stream->begun_ || stream->head_passed_) {
    context_.metrics.link.late_answers.add();
    abandoned_heads_.erase(id);
    receiving_ = nullptr;
    return;
  }
  receiving_ = stream;
  if (head.refusal) return reset_stream(*stream, *head.refusal);
  if (raw.size() > options_.response_head_bytes_max) {
    return reset_stream(*stream,
                        {Code::kHeadTooLarge, Source::kUpstream, 0,
                         "the response head is larger than the limit (-outMaxHeaderSize)"});
  }
  // A far end must answer HEAD with a length of 0 or none, whatever the resource's length is.
  if (stream->method_ == http::Method::kHead && head.declared_length == 0u)
    head.declared_length.reset();
  stream->head_passed_ = true;
  if (head.status != 200) context_.metrics.upstream.non_200.add();
  stream->handler_->on_response_head(head);
}

void TeleportLink::on_response_frame_body(std::string_view bytes) {
  TeleportStream* stream = receiving_;
  if (stream == nullptr) return;
  if (!stream->paused_ && stream->held_response_.empty())
    return stream->handler_->on_response_body(bytes);
  if (stream->held_response_.size() + bytes.size() > options_.response_bytes_max) {
    return reset_stream(*stream, {Code::kBodyTooLarge, Source::kUpstream, 0,
                                  "the client reads too slowly for a response of this size"});
  }
  if (loop().pool().is_over_budget()) {
    return reset_stream(*stream, {Code::kOverloaded, Source::kInternal, 0,
                                  "too much memory is taken by messages under way (-maxMemory)"});
  }
  stream->held_response_.append(bytes);
}

void TeleportLink::on_response_frame_end(const http::Fields& trailers) {
  TeleportStream* stream = std::exchange(receiving_, nullptr);
  if (stream == nullptr) return;
  if (stream->held_response_.empty()) return pass_end(*stream, trailers);
  stream->response_ended_ = true;
}

void TeleportLink::pass_end(TeleportStream& stream, const http::Fields& trailers) {
  context_.metrics.upstream.succeeded.add();
  forget(stream)->on_response_end(trailers);
}

void TeleportLink::pass_held(uint32_t key) {
  TeleportStream* stream = streams_.find(key);
  if (stream == nullptr) return;
  while (!stream->paused_ && !stream->held_response_.empty()) {
    const std::string_view run = stream->held_response_.front();
    stream->handler_->on_response_body(run);
    if (stream->handler_ == nullptr) return;
    stream->held_response_.consume(run.size());
  }
  if (!stream->paused_ && stream->response_ended_) pass_end(*stream, {});
}

void TeleportLink::drain() {
  draining_ = true;
  loop().at_turn_end(*this);
}

}  // namespace httpteleport::upstream
