#include "proxy/http1_session.h"

#include "proxy/local_reply.h"

namespace httpteleport::proxy {

using http::h1::BodyFraming;

namespace {

// A request that is on its way while the order to stop comes must not meet a closed connection.
constexpr Duration kDrainGrace = std::chrono::seconds(1);

// Whether an answer that comes before the end of its request will likely end before it too, and the
// connection with it: the client must be told then (RFC 9112 section 9.6). One of success may be
// made of the request as that comes, and end behind it.
bool is_independent_of_rest(const http::ResponseHead& head) {
  return head.abandons_request || head.status >= 300;
}

}  // namespace

void Http1Session::start(SessionContext& context, net::Socket socket, const net::Address& peer,
                         const net::Address& local) {
  auto* session = new Http1Session(context, std::move(socket), peer, local);
  context.sessions.push_back(*session);
  if (!session->connection_->start(*session)) session->end_session();
}

Http1Session::Http1Session(SessionContext& context, net::Socket socket, const net::Address& peer,
                           const net::Address& local)
    : context_(context),
      connection_(std::make_unique<net::Connection>(context.loop, std::move(socket),
                                                    context.metrics.downstream_sockets,
                                                    Source::kDownstream)),
      client_ip_(peer.ip()),
      client_{.ip = client_ip_, .port = peer.port(), .address = peer, .local_address = local},
      body_(Source::kDownstream, {.trailers = context.http1.head_limits}) {
  set_timer(context_.http1.keep_alive_timeout);
  if (context_.tls == nullptr) return;
  client_.scheme = "https";
  connection_->secure(context_.tls->accept());
  set_timer(context_.http1.handshake_timeout);
}

void Http1Session::on_secured() {
  set_timer(context_.draining ? kDrainGrace : context_.http1.keep_alive_timeout);
}

// ---- Reading requests.

size_t Http1Session::on_data(std::string_view bytes) {
  switch (state_) {
    case State::kHead:
      return read_head(bytes);
    case State::kBody:
      return read_body(bytes);
    case State::kTunnel:
      handler_->on_request_body(bytes);
      return bytes.size();
    case State::kAnswering:
    case State::kClosed:
      break;
  }
  return 0;
}

size_t Http1Session::read_head(std::string_view bytes) {
  if (!head_begun_) {
    head_begun_ = true;
    set_timer(context_.http1.head_timeout);
  }
  if (!scanner_.worth_parsing(bytes, context_.http1.head_limits)) return 0;
  http::RequestHead& head = context_.request_head;
  const Result<size_t> size = http::h1::parse_request_head(bytes, context_.http1.head_limits, head);
  if (!size) {
    method_ = head.method;
    refuse_head(size.error(), &head);
    return bytes.size();
  }
  if (*size == 0) {
    method_ = head.method;  // as far as it has come, for an answer that does not wait for the rest
    return 0;
  }
  offers_upgrade_ = !head.upgrade.empty();
  bytes_behind_offer_ = offers_upgrade_ && *size < bytes.size();
  begin_exchange(bytes.substr(0, *size));
  return *size;
}

void Http1Session::begin_exchange(std::string_view raw) {
  http::RequestHead& head = context_.request_head;
  scanner_.reset();
  timer_.cancel();
  head_begun_ = response_begun_ = false;
  method_ = head.method;
  version_minor_ = head.version_minor;
  // A client that got one request wrong is not trusted with where the next one begins.
  keep_alive_ = head.keep_alive && !context_.draining && !head.refusal;
  switch (head.body.kind) {
    case http::BodyLength::Kind::kNone:
      body_.start(BodyFraming::kNone);
      break;
    case http::BodyLength::Kind::kKnown:
      body_.start(BodyFraming::kLength, head.body.bytes);
      break;
    case http::BodyLength::Kind::kUnknown:
      body_.start(BodyFraming::kChunked);
      break;
  }
  state_ = body_.is_done() ? State::kAnswering : State::kBody;
  if (state_ == State::kAnswering) connection_->pause(net::PauseReason::kBusy);
  last_progress_ = context_.loop.now();
  handler_ = context_.handlers->make_handler(*this, client_);
  handler_->on_request_head(head, raw);
  if (!handler_) return;
  if (state_ == State::kAnswering) {
    handler_->on_request_end({});
  } else {
    set_timer(context_.http1.body_idle_timeout);
  }
}

size_t Http1Session::read_body(std::string_view bytes) {
  const auto step = body_.decode(bytes);
  if (!step) {
    refuse(step.error());
    return bytes.size();
  }
  last_progress_ = context_.loop.now();
  if (!step->body.empty()) handler_->on_request_body(step->body);
  if (state_ == State::kBody && step->done) complete_request(body_.trailers());
  return step->consumed;
}

void Http1Session::complete_request(const http::Fields& trailers) {
  state_ = State::kAnswering;
  if (!is_client_behind()) timer_.cancel();
  connection_->pause(net::PauseReason::kBusy);
  handler_->on_request_end(trailers);
}

void Http1Session::next_request() {
  // Draining is no reason: a client whose answer did not say that it is the last may send another
  // request, which is on its way perhaps. The answer to that one says it.
  if (!keep_alive_ || is_offer_followed())
    return finish_connection(connection_->has_unread_input() || bytes_behind_offer_);
  state_ = State::kHead;
  response_begun_ = false;
  connection_->resume(net::PauseReason::kOtherSideFull);
  // A client that does not take its answers gets no further ones made: they would pile up here. The
  // timer of on_write_blocked() goes on.
  if (!connection_->is_write_blocked()) await_request();
}

void Http1Session::await_request() {
  set_timer(context_.draining ? kDrainGrace : context_.http1.keep_alive_timeout);
  connection_->resume(net::PauseReason::kBusy);
}

void Http1Session::resume_request() {
  connection_->resume(net::PauseReason::kOtherSideFull);
}

// ---- Writing responses.

void Http1Session::choose_framing(const http::ResponseHead& head) {
  framing_ = {};
  if (method_ == http::Method::kHead || http::status_has_no_body(head.status)) {
    // The length of what GET would have sent may be told, but never with 1xx and 204 (RFC 9110
    // section 8.6).
    if (head.status >= 200 && head.status != 204) framing_.content_length = head.declared_length;
  } else if (head.body.is_known()) {
    framing_.content_length = head.body.bytes;
  } else if (version_minor_ >= 1) {
    framing_.chunked = true;
  } else {
    keep_alive_ = false;  // the end of the connection is the end of the body
  }
  framing_.close = !keep_alive_;
  framing_.keep_alive = keep_alive_ && version_minor_ == 0;
}

void Http1Session::send_response_head(http::ResponseHead& head) {
  if (head.is_informational() && version_minor_ == 0) return;
  context_.metrics.responses[static_cast<size_t>(head.status / 100)].add();
  if (head.is_informational()) {
    http::h1::encode_response_head(head, {}, {}, connection_->output());
    return connection_->output_added();
  }
  response_begun_ = true;
  if (head.status == 101) return open_tunnel(head);
  const bool request_is_left = state_ != State::kAnswering && is_independent_of_rest(head);
  if (context_.draining || request_is_left || is_offer_followed()) keep_alive_ = false;
  choose_framing(head);
  http::h1::encode_response_head(head, framing_, context_.date.text(context_.loop.now()),
                                 connection_->output());
  connection_->output_added();
}

void Http1Session::open_tunnel(const http::ResponseHead& head) {
  HT_ASSERT(offers_upgrade_ && state_ == State::kAnswering);
  state_ = State::kTunnel;
  request_ended_ = response_ended_ = false;
  timer_.cancel();
  framing_ = {};
  http::h1::encode_response_head(head, {.upgrade = head.upgrade}, {}, connection_->output());
  connection_->output_added();
  connection_->resume(net::PauseReason::kBusy);
}

// Bytes need not be looked at if they go out as they come, and to a socket.
int Http1Session::response_pipe() {
  if (context_.pipes == nullptr || context_.tls != nullptr || framing_.chunked ||
      method_ == http::Method::kHead || state_ == State::kTunnel) {
    return -1;
  }
  HT_ASSERT(pipe_bytes_ == 0);
  connection_->flush();
  if (connection_->unsent_bytes() > 0) {
    wait_for_client();
    return -1;
  }
  pipe_ = context_.pipes->take();
  return pipe_.in.fd();
}

void Http1Session::send_response_piped(size_t bytes) {
  pipe_bytes_ = bytes;
  empty_pipe();
  if (pipe_bytes_ > 0) wait_for_client();
}

void Http1Session::empty_pipe() {
  if (pipe_bytes_ > 0) pipe_bytes_ -= connection_->splice_from(pipe_.out.fd(), pipe_bytes_);
  if (pipe_bytes_ == 0) give_pipe_back();
}

void Http1Session::give_pipe_back() {
  if (pipe_.is_open())
    context_.pipes->give_back(std::exchange(pipe_, {}), std::exchange(pipe_bytes_, 0) == 0);
}

void Http1Session::wait_for_client() {
  awaits_client_ = true;
  connection_->await_pipe(true);
  on_write_blocked();
}

void Http1Session::on_writable() {
  empty_pipe();
  if (pipe_bytes_ > 0) return;
  awaits_client_ = false;
  connection_->await_pipe(false);
  on_write_unblocked();
}

void Http1Session::send_response_body(std::string_view bytes) {
  HT_ASSERT(pipe_bytes_ == 0);
  if (bytes.empty() || method_ == http::Method::kHead) return;
  if (!framing_.chunked) return connection_->write(bytes);
  connection_->write(http::h1::make_chunk_head(bytes.size()).view());
  connection_->write(bytes);
  connection_->write("\r\n");
}

void Http1Session::end_response(const http::Fields& trailers) {
  if (state_ == State::kTunnel) {
    response_ended_ = true;
    if (!request_ended_) return connection_->shutdown_write();
    drop_handler();
    return finish_connection(false);
  }
  if (framing_.chunked && method_ != http::Method::kHead) {
    http::h1::encode_last_chunk(trailers, connection_->output());
    connection_->output_added();
  }
  drop_handler();
  // An endpoint may answer before the end of the request; what is left of that is not waited for.
  if (state_ != State::kAnswering) return finish_connection(true);
  next_request();
}

void Http1Session::reset(const Error&) {
  drop_handler();
  // A body that ends with the connection would look complete after a FIN.
  const bool ends_with_connection = !framing_.chunked && !framing_.content_length;
  if (ends_with_connection) {
    connection_->abort();
    return end_session();
  }
  finish_connection(state_ != State::kAnswering);
}

void Http1Session::refuse(const Error& error) {
  context_.metrics.failures[static_cast<size_t>(error.code)].add();
  if (handler_) {
    if (!response_begun_) handler_->on_answer_replaced(error);
    handler_->on_downstream_gone(error);
    drop_handler();
  }
  keep_alive_ = false;
  if (response_begun_) {
    connection_->abort();
    return end_session();
  }
  send_error_reply(*this, error);
}

void Http1Session::refuse_head(const Error& error, const http::RequestHead* head) {
  if (context_.reporter != nullptr)
    context_.reporter->report_refusal(client_, head, method_, error);
  refuse(error);
}

// ---- The end.

void Http1Session::drop_handler() {
  // Of an answer that breaks off.
  give_pipe_back();
  if (std::exchange(awaits_client_, false)) connection_->await_pipe(false);
  context_.loop.delete_later(std::move(handler_));
}

void Http1Session::client_gone(const Error& error) {
  // A response that breaks off must not end in a proper FIN.
  const bool cut_short = handler_ && response_begun_;
  if (handler_) {
    context_.metrics.failures[static_cast<size_t>(error.code)].add();
    handler_->on_downstream_gone(error);
    drop_handler();
  } else if (head_begun_ && context_.reporter != nullptr) {
    context_.reporter->report_connection(client_ip_, client_.port, error);
  }
  if (cut_short) connection_->abort();
  connection_->close();
  end_session();
}

bool Http1Session::is_between_requests() const {
  return state_ == State::kHead && !head_begun_;
}

void Http1Session::client_ended() {
  // It may only have stopped asking: what it asked for is sent to the end.
  if (is_between_requests() && connection_->unsent_bytes() > 0) return finish_connection(false);
  client_gone({Code::kCancelled, Source::kDownstream, 0, "the client closed the connection"});
}

void Http1Session::on_end() {
  if (state_ != State::kTunnel) return client_ended();
  request_ended_ = true;
  handler_->on_request_end({});
  if (state_ != State::kTunnel || !response_ended_) return;
  drop_handler();
  finish_connection(false);
}

void Http1Session::on_peer_closing() {
  if (state_ != State::kTunnel) return client_ended();
  if (!connection_->peer_reset()) return;
  client_gone({Code::kCancelled, Source::kDownstream, 0, "the client reset the tunnel"});
}

void Http1Session::on_closed(const Error& error) {
  client_gone(error);
}

void Http1Session::on_write_blocked() {
  if (state_ != State::kTunnel) {
    taken_at_check_ = connection_->bytes_acknowledged();
    set_timer(context_.http1.write_idle_timeout);
  }
  if (handler_) handler_->on_response_blocked();
}

void Http1Session::on_write_unblocked() {
  if (state_ == State::kHead) return await_request();
  if (state_ == State::kAnswering) timer_.cancel();
  if (handler_) handler_->on_response_unblocked();
}

void Http1Session::finish_connection(bool peer_may_send) {
  context_.lingering.take(std::move(connection_), peer_may_send);
  end_session();
}

void Http1Session::end_session() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  timer_.cancel();
  context_.remove(*this);
}

void Http1Session::on_timer() {
  if (connection_->is_securing()) {
    return client_gone({Code::kTimeout, Source::kDownstream, 0, "the TLS handshake took too long"});
  }
  if (is_client_behind()) {
    if (connection_->bytes_acknowledged() != taken_at_check_) {
      taken_at_check_ = connection_->bytes_acknowledged();
      return set_timer(context_.http1.write_idle_timeout);
    }
    connection_->abort();
    return client_gone(
        {Code::kTimeout, Source::kDownstream, 0, "the client takes nothing of its response"});
  }
  if (state_ == State::kHead) {
    if (!head_begun_) return finish_connection(false);
    return refuse_head(
        {Code::kTimeout, Source::kDownstream, 0, "the request head did not come in time"}, nullptr);
  }
  if (state_ != State::kBody) return;
  const Duration since = context_.loop.now() - last_progress_;
  if (since < context_.http1.body_idle_timeout)
    return set_timer(context_.http1.body_idle_timeout - since);
  // A client that is paused because its endpoint is slow is not at fault: that is the exchange's
  // clock.
  if (connection_->is_paused()) return set_timer(context_.http1.body_idle_timeout);
  refuse({Code::kTimeout, Source::kDownstream, 0, "the request body did not come in time"});
}

void Http1Session::drain() {
  // Others are waited for: await_request() gives them the same time, if their answer has promised
  // it.
  if (is_between_requests() && !connection_->is_write_blocked()) set_timer(kDrainGrace);
}

void Http1Session::abort() {
  client_gone({Code::kCancelled, Source::kInternal, 0, "the proxy is shutting down"});
}

}  // namespace httpteleport::proxy
