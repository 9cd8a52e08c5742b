#include "api/server_worker.h"

#include <algorithm>
#include <utility>

#include "api/message_data.h"
#include "api/settings.h"
#include "proxy/link_acceptor.h"

namespace httpteleport::api {

using internal::Access;
using internal::MessageData;

namespace {

// Of this thread, if it is a worker's.
thread_local const ReturnPath* current_path = nullptr;

// While a server stops, how often it is looked whether all is over.
constexpr Duration kStopCheckInterval = std::chrono::milliseconds(1);

// States kept for reuse.
constexpr size_t kFreeStatesMax = 16 * 1024;

// Requests of one v2 link that a peer may have open.
constexpr uint32_t kStreamsMin = 100'000;

proxy::TeleportSessionOptions session_options_of(const ServerOptions& from) {
  proxy::TeleportSessionOptions to;
  take_link(from, to);
  // More than the server takes are answered with 429, so the peer must not hold them back.
  to.v2.hello.streams = std::max(to.v2.hello.streams, kStreamsMin);
  to.batch_delay = from.max_batch_delay;
  to.batch_bytes = from.batch_bytes;
  to.request_head_bytes_max = from.max_request_head_bytes;
  to.response_head_bytes_max = from.max_response_head_bytes;
  to.response_bytes_max = from.max_response_body_bytes;
  to.streams_max = SIZE_MAX;  // the server counts
  to.handshake_timeout = from.handshake_timeout;
  to.tls_required = from.tls.required;
  to.idle_timeout = from.read_timeout;
  to.dead_peer_timeout = from.write_timeout;
  return to;
}

}  // namespace

namespace {

bool can_be_sent(const Response& response) {
  return response.is_valid() && response.field_count() <= internal::kFieldsMax;
}

}  // namespace

// Puts the request together for the program's handler, and sends the response on as the session
// takes it. The session's.
class ServerRequestHandler final : public http::RequestHandler,
                                   public Recycled<ServerRequestHandler, 16 * 1024> {
 public:
  ServerRequestHandler(ServerWorker& worker, ExchangeState& state)
      : worker_(worker), state_(&state) {
    state.request_handler = this;
  }
  ~ServerRequestHandler() override {
    if (state_ != nullptr) worker_.on_session_done(*state_);
  }
  // The request is answered: its state may serve another, long before this goes.
  void release_state() { std::exchange(state_, nullptr)->request_handler = nullptr; }

  void on_request_head(http::RequestHead& head, std::string_view) override {
    if (head.refusal) return worker_.refuse(*state_, 400, head.refusal->detail);
    MessageData& to = Access::data(state_->request);
    to.clear();
    to.method = head.method_text;
    to.target = head.target;
    to.host = head.authority;
    internal::copy_fields(head.fields, to);
  }
  void on_request_body(std::string_view bytes) override {
    if (state_ == nullptr) return;
    std::string& body = Access::data(state_->request).body;
    if (body.size() + bytes.size() > worker_.options().max_request_body_bytes)
      return worker_.refuse(*state_, 413, "the request body is larger than this server takes");
    body.append(bytes);
  }
  void on_request_end(const http::Fields&) override {
    if (state_ != nullptr) worker_.on_request_whole(*state_);
  }
  void on_downstream_gone(const Error&) override {
    answered_ = nullptr;
    if (state_ == nullptr) return;
    state_->downstream = nullptr;
    state_->abandoned.store(true, std::memory_order_relaxed);
  }
  void on_response_blocked() override { is_blocked_ = true; }
  void on_response_unblocked() override {
    is_blocked_ = false;
    go_on();
  }

  // Last call of the exchange's state, which is released. What the session does not take now of
  // `body` stays here.
  void send(http::DownstreamStream& downstream, http::ResponseHead& head, std::string& body) {
    release_state();
    answered_ = &downstream;
    downstream.send_response_head(head);
    body_.swap(body);
    go_on();
    if (answered_ == nullptr) body_.swap(body);  // its memory is used again
  }

 private:
  static constexpr size_t kPieceBytes = 64 * 1024;

  void go_on() {
    while (answered_ != nullptr && !is_blocked_ && sent_ < body_.size()) {
      const std::string_view piece = std::string_view(body_).substr(sent_, kPieceBytes);
      sent_ += piece.size();
      answered_->send_response_body(piece);
    }
    if (answered_ != nullptr && sent_ == body_.size())
      std::exchange(answered_, nullptr)->end_response({});
  }

  ServerWorker& worker_;
  ExchangeState* state_;
  http::DownstreamStream* answered_ = nullptr;  // while a response is being sent
  std::string body_;                            // of it
  size_t sent_ = 0;
  bool is_blocked_ = false;
};

ServerWorker::ServerWorker(ServerShared& shared) : shared_(shared) {
  sessions_.teleport = session_options_of(shared.options);
  if (shared.tls.certificates) {
    tls_.emplace(shared.tls);
    sessions_.tls = &*tls_;
  }
  thread_ = std::thread([this] { run(); });
}

ServerWorker::~ServerWorker() {
  stop(TimePoint::min());
  join();
}

void ServerWorker::join() {
  if (thread_.joinable()) thread_.join();
}

void ServerWorker::run() {
  current_path = path_.get();
  loop_.run();
  loop_.delete_doomed();
  for (const auto& [key, lane] : lanes_) {
    for (ExchangeState* state : lane.waiting)
      delete state;
  }
  path_->close();
}

bool ServerWorker::is_current(const ReturnPath& path) {
  return current_path == &path;
}

// A letter must be copyable, so the descriptor goes as a number.
void ServerWorker::serve(net::Socket socket, const net::Address& peer) {
  if (is_current(*path_)) return proxy::LinkAcceptor::start(sessions_, std::move(socket), peer);
  loop_.post([this, fd = socket.release(), peer] {
    proxy::LinkAcceptor::start(sessions_, net::Socket(fd), peer);
  });
}

void ServerWorker::stop(TimePoint deadline) {
  loop_.post([this, deadline] {
    stop_deadline_ = deadline;
    sessions_.draining = true;
    sessions_.sessions.for_each([](proxy::Session& session) { session.drain(); });
    loop_.set_timer(stop_timer_, Duration::zero());
  });
}

void ServerWorker::check_stopped() {
  const bool is_over = sessions_.sessions.empty() && lingering_.count() == 0;
  if (!is_over && loop_.now() < stop_deadline_)
    return loop_.set_timer(stop_timer_, kStopCheckInterval);
  sessions_.sessions.for_each([](proxy::Session& session) { session.abort(); });
  loop_.stop();
}

// ---- Requests.

std::unique_ptr<http::RequestHandler> ServerWorker::make_handler(http::DownstreamStream& downstream,
                                                                 const proxy::ClientInfo& client) {
  ExchangeState& state = take_state();
  state.downstream = &downstream;
  if (options().pipeline_requests && shared_.async_handler) state.lane = client.link;
  if (shared_.async_handler && client.port != 0) {
    const bool is_ipv6 = client.peer_ip.find(':') != std::string_view::npos;
    state.peer.append(is_ipv6 ? "[" : "").append(client.peer_ip).append(is_ipv6 ? "]:" : ":");
    state.peer.append(std::to_string(client.port));
  }
  return std::unique_ptr<http::RequestHandler>(new ServerRequestHandler(*this, state));
}

ExchangeState& ServerWorker::take_state() {
  if (free_.empty()) return *new ExchangeState(*this, path_);
  ExchangeState& state = *free_.back().release();
  free_.pop_back();
  return state;
}

void ServerWorker::put_back(ExchangeState& state) {
  if (state.request_handler != nullptr || state.is_with_handler) return;
  std::unique_ptr<ExchangeState> owned(&state);
  if (free_.size() == kFreeStatesMax) return;
  Access::data(state.request).trim();
  Access::data(state.response).trim();
  state.response.clear();
  state.peer.clear();
  state.abandoned.store(false, std::memory_order_relaxed);
  state.drops_answer = false;
  state.downstream = nullptr;
  state.lane = 0;
  free_.push_back(std::move(owned));
}

void ServerWorker::on_request_whole(ExchangeState& state) {
  if (shared_.requests_open.fetch_add(1, std::memory_order_relaxed) >=
      shared_.options.concurrency) {
    shared_.requests_open.fetch_sub(1, std::memory_order_relaxed);
    refused_.add();
    return refuse(state, 429, "too many requests are being handled");
  }
  state.is_with_handler = true;
  if (state.lane == 0) return call_handler(state);
  lanes_[state.lane].waiting.push_back(&state);
  run_lane(state.lane);
}

// A loop, because handlers that answer at once would nest as deep as the lane is long.
void ServerWorker::run_lane(uint64_t key) {
  Lane& lane = lanes_.find(key)->second;
  if (lane.is_running) return;
  lane.is_running = true;
  while (!lane.is_busy && !lane.waiting.empty()) {
    ExchangeState& next = *lane.waiting.front();
    lane.waiting.pop_front();
    lane.is_busy = true;
    call_handler(next);
  }
  lane.is_running = false;
  if (!lane.is_busy) lanes_.erase(key);
}

void ServerWorker::leave_lane(uint64_t key) {
  lanes_.find(key)->second.is_busy = false;
  run_lane(key);
}

void ServerWorker::call_handler(ExchangeState& state) {
  requests_.add();
  if (shared_.async_handler) {
    // Dropping its exchange is how a handler that throws answers.
    try {
      shared_.async_handler(Exchange(&state));
    } catch (...) {
    }
    return;
  }
  try {
    shared_.handler(state.request, state.response);
  } catch (...) {
    state.drops_answer = true;
  }
  on_handler_done(state);
}

void ServerWorker::on_handler_done(ExchangeState& state) {
  shared_.requests_open.fetch_sub(1, std::memory_order_relaxed);
  if (state.drops_answer || !can_be_sent(state.response)) {
    handler_failures_.add();
    state.response.clear();
    state.response.set_status(500);
    state.response.set_body("the handler of this request gave no answer\n", "text/plain");
  } else if (state.response.body().size() > shared_.options.max_response_body_bytes) {
    state.response.clear();
    state.response.set_status(502);
    state.response.set_body("the response body is larger than the limit\n", "text/plain");
  }
  answer(state);
  state.is_with_handler = false;
  const uint64_t lane = state.lane;
  put_back(state);
  if (lane != 0) leave_lane(lane);
}

void ServerWorker::take_returned() {
  path_->take(returned_);
  for (ExchangeState* state : returned_)
    on_handler_done(*state);
  returned_.clear();
}

void ServerWorker::on_session_done(ExchangeState& state) {
  state.downstream = nullptr;
  state.request_handler = nullptr;
  put_back(state);
}

void ServerWorker::refuse(ExchangeState& state, int status, std::string_view line) {
  state.response.clear();
  state.response.set_status(status);
  state.response.set_body(line, "text/plain; charset=utf-8");
  state.response.append_body("\n");
  answer(state);
  put_back(state);
}

void ServerWorker::answer(ExchangeState& state) {
  if (state.downstream == nullptr) return;
  MessageData& from = Access::data(state.response);
  head_.clear();
  head_.status = from.status;
  head_.reason = state.response.reason();
  for (size_t i = 0; i < from.places.size(); ++i) {
    const Field field = from.field_at(i);
    head_.fields.add(field.name, field.value, from.places[i].id);
  }
  head_.body = http::BodyLength::known(from.body.size());
  http::DownstreamStream& downstream = *std::exchange(state.downstream, nullptr);
  state.request_handler->send(downstream, head_, from.body);
}

}  // namespace httpteleport::api
