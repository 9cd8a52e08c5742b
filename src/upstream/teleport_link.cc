#include "upstream/teleport_link.h"

#include <algorithm>

#include "http/h1/encoder.h"
#include "http/h1/head_parser.h"
#include "upstream/v0_link_protocol.h"
#include "upstream/v2_link_protocol.h"

namespace httpteleport::upstream {

namespace {

// Between two looks at whether an open link is idle or its peer silent.
constexpr Duration kCheckIntervalMin = std::chrono::milliseconds(100);

}  // namespace

TeleportLink::TeleportLink(const TransportContext& context, const TeleportOptions& options,
                           PeerVersion& peer_version)
    : context_(context), options_(options), peer_version_(peer_version) {}

TeleportLink::~TeleportLink() {
  protocol_.reset();  // it refers to the streams
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

TeleportLink::Load TeleportLink::load() {
  Load load{.is_closed = !is_open(), .pending = pending()};
  if (load.is_closed) return load;
  const TimePoint now = loop().now();
  if (now - backlog_seen_ >= kLoadAgeMax) {
    backlog_seen_ = now;
    kernel_backlog_ = connection_->kernel_backlog();
  }
  load.is_stuck = kernel_backlog_.is_stuck;
  load.unsent_bytes =
      protocol_->queued_bytes() + connection_->unsent_bytes() + kernel_backlog_.unsent_bytes;
  return load;
}

void TeleportLink::on_request_grown(TeleportStream& stream) {
  if (stream.refusal_) {
    refused_.push_back(stream.key_);
    loop().at_turn_end(*this);
  } else if (state_ != State::kOpen) {
    if (!stream.is_linked()) waiting_.push_back(stream);
    if (stream.gathered() > teleport::v2::Multiplexer::kQueuedMax) stream.block_request();
  } else {
    protocol_->on_request_grown(stream);
    // The other direction of a tunnel has ended before.
    if (stream.ended_ && stream.response_over_) forget(stream);
  }
}

void TeleportLink::refuse(TeleportStream& stream, const Error& error) {
  stream.refusal_ = error;
  refused_.push_back(stream.key_);
  loop().at_turn_end(*this);
}

void TeleportLink::on_cancelled(TeleportStream& stream) {
  if (protocol_) protocol_->on_abandoned(stream);
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
  if (protocol_) protocol_->on_abandoned(stream);
  forget(stream)->on_upstream_reset(error);
}

// ---- Connecting.

void TeleportLink::wake() {
  if (state_ == State::kDown) connect();
}

void TeleportLink::connect() {
  state_ = State::kConnecting;
  has_answered_ = false;
  leaving_ = false;
  const bool v0_is_known =
      peer_version_.known == PeerVersion::Known::kV0 && loop().now() < peer_version_.v0_until;
  const bool asks_v0 =
      !options_.versions.v2 || (options_.versions.v0 && (v0_is_known || fell_back_));
  tried_ = asks_v0 ? teleport::Version::kV0 : teleport::Version::kV2;
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
  teleport::Coding coding = teleport::coding_of(options_.compression.method);
  if (tried_ == teleport::Version::kV2) {
    coding = options_.v2.method == teleport::v2::EncoderOptions::Method::kZstd
                 ? teleport::Coding::kZstd
                 : teleport::Coding::kNone;
  }
  const auto handshake =
      teleport::encode_handshake({.version = tried_, .coding = coding, .tls = wants_tls});
  connection_->write({handshake.data(), handshake.size()});
}

// A peer that does not know v2 closes the connection, as the Go one does, or answers with v0.
bool TeleportLink::fall_back() {
  if (state_ != State::kHandshake || tried_ != teleport::Version::kV2 || !options_.versions.v0)
    return false;
  close_connection();
  fell_back_ = true;
  connect();
  return true;
}

size_t TeleportLink::read_handshake(std::string_view bytes) {
  if (!teleport::may_be_handshake(bytes)) {
    on_down({Code::kMalformed, Source::kUpstream, 0, "the peer does not speak teleport"});
    return bytes.size();
  }
  if (bytes.size() < teleport::kHandshakeBytes) return 0;
  take_handshake(bytes.substr(0, teleport::kHandshakeBytes));
  return teleport::kHandshakeBytes;
}

void TeleportLink::take_handshake(std::string_view bytes) {
  const bool asked_v0 = tried_ == teleport::Version::kV0;
  const Result<teleport::Handshake> peer =
      teleport::parse_handshake(bytes, {.v0 = true, .v2 = !asked_v0}, Source::kUpstream);
  if (!peer) return on_down(peer.error());
  if (peer->version != tried_) {
    if (fall_back()) return;
    return on_down({Code::kBadVersion, Source::kUpstream, 0,
                    "the teleport peer does not speak v2 (-outProtocol)"});
  }
  const bool wants_tls = context_.tls != nullptr;
  if (peer->tls != wants_tls) {
    return on_down({Code::kMalformed, Source::kUpstream, 0,
                    wants_tls ? "the teleport peer has no TLS"
                              : "the teleport peer wants TLS, which was not offered"});
  }
  peer_ = *peer;
  fell_back_ = false;
  if (asked_v0) {
    peer_version_ = {PeerVersion::Known::kV0, loop().now() + options_.v0_memory};
  } else {
    peer_version_ = {PeerVersion::Known::kV2, {}};
  }
  if (!wants_tls) return on_secure();
  state_ = State::kSecuring;
  loop().set_timer(timer_, options_.connect_timeout);
  connection_->secure(context_.tls->connect(context_.host));
}

void TeleportLink::on_secure() {
  if (tried_ == teleport::Version::kV0) {
    return open(
        std::make_unique<V0LinkProtocol>(*this, *connection_, teleport::method_of(peer_.coding)));
  }
  state_ = State::kHello;
  loop().set_timer(timer_, options_.connect_timeout);
  connection_->write(teleport::v2::encode_hello(options_.v2.hello));
}

size_t TeleportLink::read_hello(std::string_view bytes) {
  size_t used = 0;
  const Result<teleport::v2::Hello> peer =
      teleport::v2::parse_hello(bytes, Source::kUpstream, used);
  if (!peer) {
    on_down(peer.error());
    return bytes.size();
  }
  if (used > 0)
    open(std::make_unique<V2LinkProtocol>(*this, *connection_, options_.v2.hello, *peer));
  return used;
}

void TeleportLink::open(std::unique_ptr<LinkProtocol> protocol) {
  state_ = State::kOpen;
  protocol_ = std::move(protocol);
  metrics().open.add(1);
  last_traffic_ = loop().now();
  loop().set_timer(timer_, std::min(options_.idle_timeout, options_.silence_timeout / 4));
  while (!waiting_.empty())
    protocol_->on_request_grown(waiting_.pop_front());
}

Error TeleportLink::failure_of(const TeleportStream& stream, const Error& cause) const {
  Error error = cause;
  error.source = Source::kUpstream;
  // What one answer broke is not repeated: the same answer would break the next link.
  const bool repeatable = cause.code != Code::kMalformed;
  if (state_ != State::kOpen) {
    error.code = Code::kConnectFailed;
  } else if (!stream.has_begun()) {
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
    metrics().open.add(-1);
  } else {
    context_.metrics.connect_errors.add();
    ++next_address_;
  }
  close_connection();
  fell_back_ = false;
  failures_ = has_answered_ ? 0 : failures_ + 1;
  start_pause();
  // Last: handlers may open new streams here.
  for (const auto& [handler, error] : failed)
    handler->on_upstream_reset(error);
}

void TeleportLink::close_connection() {
  unanswered_since_.reset();
  protocol_.reset();
  if (connection_) connection_->close();
  loop().delete_later(std::move(connection_));
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
    case State::kHello:
      return on_down(
          {Code::kConnectFailed, Source::kUpstream, 0, "the teleport peer does not say hello"});
    case State::kOpen:
      break;
  }
  const Duration silence = unanswered_since_ ? loop().now() - *unanswered_since_ : Duration::zero();
  if (silence >= options_.silence_timeout) {
    return on_down({Code::kConnectionLost, Source::kUpstream, 0, "the teleport peer is silent"});
  }
  if (silence >= options_.silence_timeout / 4) protocol_->probe();
  const Duration idle = loop().now() - last_traffic_;
  if (streams_.size() > 0 || unanswered_since_ || idle < options_.idle_timeout) {
    const Duration next = std::min(options_.idle_timeout - idle, options_.silence_timeout / 4);
    return loop().set_timer(timer_, std::max<Duration>(next, kCheckIntervalMin));
  }
  on_down({Code::kNotSent, Source::kUpstream, 0, "the teleport link was idle"});
}

// ---- Sending.

void TeleportLink::on_write_unblocked() {
  if (protocol_) protocol_->on_write_unblocked();
}

void TeleportLink::on_sent(bool awaits_answer) {
  last_traffic_ = loop().now();
  if (awaits_answer && !unanswered_since_) unanswered_since_ = last_traffic_;
}

void TeleportLink::on_turn_end() {
  if (protocol_) {
    if (const Result<void> done = protocol_->on_turn_end(); !done) on_down(done.error());
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
  if (state_ == State::kHandshake) return read_handshake(bytes);
  if (state_ == State::kHello) return read_hello(bytes);
  last_traffic_ = loop().now();
  unanswered_since_.reset();
  const Result<size_t> used = protocol_->on_data(bytes);
  if (used) return *used;
  on_down(used.error());
  return bytes.size();
}

void TeleportLink::on_end() {
  if (fall_back()) return;
  const bool at_v2 = state_ == State::kHandshake && tried_ == teleport::Version::kV2;
  on_down({Code::kConnectionLost, Source::kUpstream, 0,
           at_v2 ? "the teleport peer closed the link at the handshake: does it speak v2?"
                 : "the teleport peer closed the link"});
}

void TeleportLink::on_closed(const Error& error) {
  if (!fall_back()) on_down(error);
}

void TeleportLink::pass_head(TeleportStream& stream, http::ResponseHead& head) {
  if (!head.is_informational()) {
    stream.head_passed_ = true;
    if (head.status != 200) context_.metrics.upstream.non_200.add();
  }
  stream.handler_->on_response_head(head);
}

void TeleportLink::begin_tunnel(TeleportStream& stream) {
  stream.tunnel_ = true;
}

bool TeleportLink::takes_body(const TeleportStream& stream) const {
  return !stream.paused_ && stream.held_response_.empty();
}

void TeleportLink::pass_body(TeleportStream& stream, std::string_view bytes) {
  if (takes_body(stream)) return stream.handler_->on_response_body(bytes);
  if (stream.held_response_.size() + bytes.size() > options_.response_bytes_max) {
    return reset_stream(stream, {Code::kBodyTooLarge, Source::kUpstream, 0,
                                 "the client reads too slowly for a response of this size"});
  }
  if (loop().pool().is_over_budget()) {
    return reset_stream(stream, {Code::kOverloaded, Source::kInternal, 0,
                                 "too much memory is taken by messages under way (-maxMemory)"});
  }
  stream.held_response_.append(bytes);
}

void TeleportLink::pass_datagram(TeleportStream& stream, std::string_view bytes) {
  stream.handler_->on_response_datagram(bytes);
}

void TeleportLink::end_response(TeleportStream& stream, const http::Fields& trailers) {
  if (stream.held_response_.empty()) return pass_end(stream, trailers);
  stream.response_ended_ = true;
  stream.held_trailers_ = http::h1::trailer_text(trailers);
}

void TeleportLink::pass_end(TeleportStream& stream, const http::Fields& trailers) {
  context_.metrics.upstream.succeeded.add();
  if (!stream.tunnel_ || stream.ended_) return forget(stream)->on_response_end(trailers);
  stream.response_over_ = true;
  stream.handler_->on_response_end(trailers);
}

void TeleportLink::pass_held(uint32_t key) {
  TeleportStream* stream = streams_.find(key);
  if (stream == nullptr) return;
  while (!stream->paused_ && !stream->held_response_.empty()) {
    const std::string_view run = stream->held_response_.front();
    stream->handler_->on_response_body(run);
    if (stream->handler_ == nullptr) return;
    stream->held_response_.consume(run.size());
    if (protocol_) protocol_->on_held_passed(*stream, run.size());
  }
  if (stream->paused_ || !stream->response_ended_) return;
  http::Fields trailers;
  // It was written by trailer_text(): well formed.
  const auto parsed = http::h1::parse_trailers(stream->held_trailers_, {SIZE_MAX, SIZE_MAX},
                                               Source::kUpstream, trailers);
  HT_ASSERT(parsed || stream->held_trailers_.empty());

  pass_end(*stream, trailers);
}

void TeleportLink::drain() {
  draining_ = true;
  loop().at_turn_end(*this);
}

}  // namespace httpteleport::upstream
