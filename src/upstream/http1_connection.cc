#include "upstream/http1_connection.h"

#include <algorithm>

#include "http/h1/encoder.h"

namespace httpteleport::upstream {

namespace {

// A pipe costs two more system calls, and saves copying: with so much to come it pays.
constexpr uint64_t kBulkBytes = 128 * 1024;
constexpr uint32_t kReadBytes = event::Loop::kReadBufferBytes;
// Of an answer that is expected to go through a pipe.
constexpr uint32_t kFirstReadBytes = 16 * 1024;
// The end of a body is read: bytes that do not belong there would come with it.
constexpr uint64_t kTailBytes = 2048;
// Of one read through a pipe, as others wait for their turn.
constexpr uint64_t kSpliceBytesMax = 512 * 1024;
// An endpoint that sends little at a time is better read: so many such reads in a row.
constexpr size_t kSmallReadBytes = 8 * 1024;
constexpr uint8_t kSmallReadsMax = 4;

}  // namespace

Http1Connection::Http1Connection(Http1Pool& pool, net::Socket socket)
    : pool_(pool),
      connection_(pool.context_.loop, std::move(socket), pool.context_.metrics.upstream_sockets,
                  Source::kUpstream),
      body_(Source::kUpstream, {.trailers = pool.options_.head_limits}) {}

bool Http1Connection::start(std::string_view first) {
  pool_.context_.loop.set_timer(connect_timer_, pool_.options_.connect_timeout);
  const TransportContext& context = pool_.context_;
  if (context.tls != nullptr) {
    connection_.secure(context.tls->connect(context.host), first);
  } else {
    first_bytes_ = first.size();
    connection_.write(first);
  }
  return connection_.start(*this, true).has_value();
}

void Http1Connection::begin(http::ResponseHandler& handler) {
  HT_ASSERT(state_ == State::kIdle && handler_ == nullptr);
  idle_timer_.cancel();
  handler_ = &handler;
  state_ = State::kAwaitingHead;
  sent_before_ = std::max(connection_.bytes_sent(), first_bytes_);
  request_chunked_ = request_ended_ = keep_alive_ = head_passed_ = response_ended_ = false;
  body_sent_ = false;
  // Answers of one connection tend to resemble each other.
  connection_.limit_reads(std::exchange(had_bulk_, false) ? kFirstReadBytes : kReadBytes);
  small_reads_ = 0;
  upgrade_offer_.clear();
  scanner_.reset();
  pool_.context_.metrics.upstream.started.add();
}

void Http1Connection::send_request_head(const http::RequestHead& head) {
  method_ = head.method;
  upgrade_offer_ = head.upgrade;
  const http::h1::OutgoingFraming framing = http::h1::framing_of(head);
  request_chunked_ = framing.chunked;
  http::h1::encode_request_head(head, framing, connection_.output());
  connection_.output_added();
}

void Http1Connection::send_request_body(std::string_view bytes) {
  if (bytes.empty()) return;
  body_sent_ = true;
  if (!request_chunked_) return connection_.write(bytes);
  connection_.write(http::h1::make_chunk_head(bytes.size()).view());
  connection_.write(bytes);
  connection_.write("\r\n");
}

void Http1Connection::end_request(const http::Fields& trailers) {
  request_ended_ = true;
  if (state_ == State::kTunnel) {
    connection_.shutdown_write();
    if (response_ended_) leave_tunnel();
    return;
  }
  if (!request_chunked_) return;
  http::h1::encode_last_chunk(trailers, connection_.output());
  connection_.output_added();
}

void Http1Connection::cancel() {
  handler_ = nullptr;
  if (state_ == State::kTunnel) connection_.abort();
  pool_.on_dead(*this);
}

void Http1Connection::close() {
  connect_timer_.cancel();
  idle_timer_.cancel();
  failure_timer_.cancel();
  connection_.close();
}

void Http1Connection::on_connected() {
  if (!connection_.is_securing()) on_usable();
}

void Http1Connection::on_secured() {
  on_usable();
}

void Http1Connection::on_usable() {
  connect_timer_.cancel();
  pool_.context_.metrics.connects.add();
}

size_t Http1Connection::on_data(std::string_view bytes) {
  switch (state_) {
    case State::kAwaitingHead:
      return read_head(bytes);
    case State::kInBody:
      return read_body(bytes);
    case State::kTunnel:
      handler_->on_response_body(bytes);
      return bytes.size();
    case State::kIdle:
      break;
  }
  // An answer that nobody asked for: whatever comes next on this connection cannot be trusted.
  pool_.on_dead(*this);
  return bytes.size();
}

size_t Http1Connection::read_head(std::string_view bytes) {
  if (nothing_sent()) {
    // Nothing of the request has left, so this cannot be its answer.
    reset_stream({Code::kNotSent, Source::kUpstream, 0, "the endpoint spoke without being asked"});
    return bytes.size();
  }
  const http::h1::HeadLimits& limits = pool_.options_.head_limits;
  if (!scanner_.worth_parsing(bytes, limits)) return 0;
  const Result<size_t> size =
      http::h1::parse_response_head(bytes, limits, method_, head_, upgrade_offer_);
  if (!size) {
    reset_stream(size.error());
    return bytes.size();
  }
  if (*size == 0) return 0;
  scanner_.reset();
  if (head_.refusal) {
    reset_stream(*head_.refusal);
    return bytes.size();
  }
  if (head_.is_informational()) {
    handler_->on_response_head(head_);
    return *size;
  }
  if (head_.status == 101) {
    state_ = State::kTunnel;
    head_passed_ = true;
    request_ended_ = false;
    handler_->on_response_head(head_);
    return *size;
  }
  keep_alive_ = head_.keep_alive;
  head_passed_ = true;
  state_ = State::kInBody;
  start_body(head_);
  handler_->on_response_head(head_);
  if (handler_ != nullptr && body_.is_done()) finish({}, *size < bytes.size());
  return *size;
}

void Http1Connection::start_body(const http::ResponseHead& head) {
  using http::h1::BodyFraming;
  switch (head.body.kind) {
    case http::BodyLength::Kind::kNone:
      return body_.start(BodyFraming::kNone);
    case http::BodyLength::Kind::kKnown:
      return body_.start(BodyFraming::kLength, head.body.bytes);
    case http::BodyLength::Kind::kUnknown:
      return body_.start(head.body_is_chunked ? BodyFraming::kChunked : BodyFraming::kUntilClose);
  }
}

size_t Http1Connection::read_body(std::string_view bytes) {
  const auto step = body_.decode(bytes);
  if (!step) {
    reset_stream(step.error());
    return bytes.size();
  }
  if (!step->body.empty()) handler_->on_response_body(step->body);
  if (handler_ == nullptr) return step->consumed;
  if (step->done) {
    finish(body_.trailers(), step->consumed < bytes.size());
  } else {
    consider_pipe(bytes.size());
  }
  return step->consumed;
}

void Http1Connection::consider_pipe(size_t bytes_read) {
  connection_.limit_reads(kReadBytes);
  if (bytes_read < kSmallReadBytes || body_.plain_bytes() < kBulkBytes ||
      pool_.context_.tls != nullptr || small_reads_ >= kSmallReadsMax) {
    return;
  }
  connection_.read_to_pipe(true);
  had_bulk_ = true;
}

size_t Http1Connection::bytes_for_pipe() const {
  const uint64_t left = body_.plain_bytes();
  return left <= 2 * kTailBytes ? 0
                                : static_cast<size_t>(std::min(left - kTailBytes, kSpliceBytesMax));
}

void Http1Connection::on_readable() {
  const size_t wanted = handler_ == nullptr ? 0 : bytes_for_pipe();
  const int pipe = wanted == 0 ? -1 : handler_->response_pipe();
  if (pipe < 0) {
    if (connection_.is_paused()) return;  // the client has no room now
    small_reads_ = kSmallReadsMax;
    return connection_.read_to_pipe(false);
  }
  const size_t moved = connection_.splice_to(pipe, wanted);
  if (handler_ == nullptr) return;  // it was the end
  if (moved == 0) return handler_->on_response_piped(0);
  body_.skip(moved);
  small_reads_ = moved < kSmallReadBytes ? static_cast<uint8_t>(small_reads_ + 1) : uint8_t{0};
  if (small_reads_ == kSmallReadsMax || bytes_for_pipe() == 0) connection_.read_to_pipe(false);
  handler_->on_response_piped(moved);
}

void Http1Connection::finish(const http::Fields& trailers, bool surplus) {
  http::ResponseHandler* handler = std::exchange(handler_, nullptr);
  metrics::ExchangeMetrics& counts = pool_.context_.metrics.upstream;
  counts.succeeded.add();
  if (head_.status != 200) counts.non_200.add();
  const bool reusable =
      keep_alive_ && !retired_ && !surplus && is_request_taken() && !connection_.peer_closed();
  head_.fields.release();
  state_ = State::kIdle;
  connection_.resume(net::PauseReason::kOtherSideFull);
  if (reusable) {
    pool_.on_idle(*this);
  } else {
    pool_.on_dead(*this);
  }
  handler->on_response_end(trailers);
}

// An answer acknowledges what of the request had arrived when it was made. An endpoint that answers
// before it has taken all of a body may well close instead of reading the rest.
bool Http1Connection::is_request_taken() const {
  if (!request_ended_ || connection_.unsent_bytes() > 0) return false;
  return !body_sent_ || connection_.bytes_acknowledged() == connection_.bytes_sent();
}

void Http1Connection::on_tunnel_end() {
  response_ended_ = true;
  http::ResponseHandler* handler = handler_;
  if (request_ended_) leave_tunnel();
  handler->on_response_end({});
}

// Both directions have ended. What is unsent still goes out; then the connection reports its end.
void Http1Connection::leave_tunnel() {
  handler_ = nullptr;
  pool_.context_.metrics.upstream.succeeded.add();
  pool_.context_.metrics.upstream.non_200.add();
  taken_at_check_ = connection_.bytes_acknowledged();
  pool_.context_.loop.set_timer(idle_timer_, pool_.options_.tunnel_flush_timeout);
}

void Http1Connection::reset_stream(const Error& error) {
  if (handler_ != nullptr) pool_.context_.metrics.upstream.other_errors.add();
  http::ResponseHandler* handler = std::exchange(handler_, nullptr);
  pool_.on_dead(*this);
  if (handler != nullptr) handler->on_upstream_reset(error);
}

void Http1Connection::on_end() {
  if (state_ == State::kIdle) return pool_.on_dead(*this);
  if (state_ == State::kTunnel) return on_tunnel_end();
  if (state_ == State::kInBody && body_.may_end_here()) return finish({}, true);
  Error error{Code::kConnectionLost, Source::kUpstream, 0,
              "the endpoint closed the connection without an answer"};
  if (head_passed_) {
    error = {Code::kTruncated, Source::kUpstream, 0,
             "the endpoint closed the connection inside the response"};
  } else if (nothing_sent()) {
    error = {Code::kNotSent, Source::kUpstream, 0, "the endpoint closed the idle connection"};
  }
  reset_stream(error);
}

void Http1Connection::on_peer_closing() {
  if (state_ != State::kTunnel || !connection_.peer_reset()) return;
  on_closed({Code::kConnectionLost, Source::kUpstream, 0, "the endpoint reset the tunnel"});
}

void Http1Connection::on_closed(const Error& error) {
  if (error.code == Code::kConnectFailed) return fail_to_connect(error);
  Error cause = error;
  if (head_passed_) {
    cause.code = Code::kTruncated;
  } else if (nothing_sent()) {
    cause.code = Code::kNotSent;
  }
  reset_stream(cause);
}

void Http1Connection::on_write_blocked() {
  if (handler_ != nullptr) handler_->on_request_blocked();
}

void Http1Connection::on_write_unblocked() {
  if (handler_ != nullptr) handler_->on_request_unblocked();
}

void Http1Connection::fail_to_connect(const Error& error) {
  pool_.context_.metrics.connect_errors.add();
  pool_.on_connect_failed();
  reset_stream(error);
}

void Http1Connection::on_connect_timeout() {
  fail_to_connect({Code::kConnectFailed, Source::kUpstream, 0,
                   "the endpoint did not take the connection in time"});
}

void Http1Connection::on_idle_timeout() {
  const uint64_t taken = connection_.bytes_acknowledged();
  if (state_ == State::kTunnel && taken != taken_at_check_) {
    taken_at_check_ = taken;
    return pool_.context_.loop.set_timer(idle_timer_, pool_.options_.tunnel_flush_timeout);
  }
  pool_.on_dead(*this);
}

void Http1Connection::fail_later(const Error& error) {
  deferred_failure_ = error;
  connection_.close();  // what is written to it meanwhile is dropped
  pool_.context_.loop.set_timer(failure_timer_, Duration::zero());
}

void Http1Connection::on_deferred_failure() {
  fail_to_connect(deferred_failure_);
}

}  // namespace httpteleport::upstream
