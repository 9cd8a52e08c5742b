#include "proxy/exchange.h"

#include <algorithm>
#include <utility>

#include "base/borrowed.h"
#include "http/error_status.h"
#include "proxy/local_reply.h"
#include "proxy/memory_budget.h"
#include "upstream/balancer/hash.h"

namespace httpteleport::proxy {

namespace {

constexpr Error body_too_large() {
  return {Code::kBodyTooLarge, Source::kDownstream, 0,
          "the request body is larger than the limit (-inMaxBodySize)"};
}

// The same as send_error_reply() for clients of services: without the flag that is named behind the
// line, and with the time to come again.
LocalAnswer error_of_service(const Error& error, int status) {
  const std::string_view detail = error.detail;
  const std::string line = std::string(detail.substr(0, detail.find(" (-"))) + "\n";
  LocalAnswer answer{.status = status,
                     .body = std::make_shared<const std::string>(line),
                     .fields = {{"Content-Type", "text/plain; charset=utf-8"}}};
  if (error.code == Code::kOverloaded) answer.fields.emplace_back("Retry-After", "1");
  return answer;
}

}  // namespace

std::unique_ptr<http::RequestHandler> ExchangeFactory::make_handler(
    http::DownstreamStream& downstream, const ClientInfo& client) {
  return std::make_unique<Exchange>(context_, downstream, client);
}

Exchange::Exchange(ExchangeContext& context, http::DownstreamStream& downstream,
                   const ClientInfo& client)
    : context_(context),
      downstream_(downstream),
      client_(client),
      request_(context.loop.pool()),
      attempts_(context, request_, client, *this),
      options_(borrowed(context.options)),
      started_(context.loop.now()),
      last_progress_(started_) {
  ++context.exchanges_alive;
}

Exchange::~Exchange() {
  --context_.exchanges_alive;
  stop_waiting();
  if (route_ != nullptr) --route_->exchanges;
}

// ---- From the client: the head.

void Exchange::on_request_head(http::RequestHead& arrived, std::string_view raw) {
  context_.metrics.downstream.started.add();
  request_.take_head(arrived);
  http::RequestHead& head = request_.head();
  choose_id();
  if (options_->get_only && head.method != http::Method::kGet &&
      head.method != http::Method::kHead) {
    return refuse_method();
  }
  if (const std::optional<Error> error = refusal()) return fail(*error);
  Route* const route = context_.router.route(head);
  if (route == nullptr) {
    context_.metrics.downstream.other_errors.add();
    return answer(404, options_->no_route_line);
  }
  take_route(*route);
  if (route->policy != nullptr) {
    if (const auto refused = route->policy->refuse(head, client_, ticket_)) return answer(*refused);
    is_admitted_ = true;
  }
  if (const std::optional<Error> error = refusal_for_cluster()) return fail(*error);

  request_.keep_text(raw);
  if (const auto status = count_down_max_forwards(head, request_.arena()))
    return answer_as_last_hop(*status);
  add_request_fields(head, options_->forwarding, client_, request_.arena());
  attempts_.set_route(*route, *options_, balancer_key());
  if (!is_slot_free() || !context_.queue.is_empty(WaitFor::kSlot)) return wait(WaitFor::kSlot);
  take_slot();
  begin();
}

void Exchange::take_route(Route& route) {
  route_ = &route;
  options_ = route.options;
  attempts_.hold_whole_request(route.cluster.carries_whole_messages());
  ++route.exchanges;
  if (route.counters == nullptr) return;
  is_counted_ = true;
  route.counters->http_requests.add();
  route.counters->http_active.add(1);
}

void Exchange::choose_id() {
  const std::string& field = options_->forwarding.request_id_field;
  if (context_.reporter == nullptr && field.empty()) return;
  record_.request_id =
      choose_request_id(request_.head().fields, field, context_.request_ids, request_.arena());
}

std::optional<Error> Exchange::refusal() const {
  if (request_.head().refusal) return request_.head().refusal;
  if (context_.loop.pool().is_over_budget()) return out_of_memory();
  return std::nullopt;
}

std::optional<Error> Exchange::refusal_for_cluster() const {
  const http::RequestHead& head = request_.head();
  if (head.body.kind == http::BodyLength::Kind::kKnown && is_over_body_limit(head.body.bytes))
    return body_too_large();
  if (!head.upgrade.empty() && holds_whole_request())
    return Error{Code::kUnsupported, Source::kDownstream, 0,
                 "an upgrade (WebSocket) cannot pass over a teleport link"};
  return std::nullopt;
}

bool Exchange::is_over_body_limit(uint64_t bytes) const {
  const ExchangeOptions& options = *options_;
  if (holds_whole_request() && bytes > options.held_body_bytes_max) return true;
  return bytes > options.request_body_bytes_max;
}

std::optional<uint64_t> Exchange::balancer_key() const {
  const std::string& field = route_->cluster.hash_field();
  if (field.empty()) return std::nullopt;
  const http::Field* found = request_.head().fields.find(field);
  if (found == nullptr) return std::nullopt;
  return upstream::hash_of(found->value);
}

void Exchange::begin() {
  if (!holds_whole_request()) return start_attempt();
  // The endpoint sees the request when it is whole, so nobody else can say "continue".
  request_.head().fields.drop(http::FieldId::kExpect);
  if (request_.has_ended()) return send_whole_request();
  start_clock();
  downstream_.resume_request();
  if (!request_.head().expects_continue) return;
  http::ResponseHead go_on;
  go_on.status = 100;
  go_on.reason = http::reason_of(100);
  downstream_.send_response_head(go_on);
}

// ---- Answers without an endpoint.

void Exchange::refuse_method() {
  context_.metrics.downstream.other_errors.add();
  record_.status = 405;
  report();
  send_method_not_allowed(downstream_, "GET, HEAD");
}

void Exchange::answer_as_last_hop(int status) {
  context_.metrics.downstream.succeeded.add();
  count_end();
  answer(status, status == 200 ? "" : "TRACE ends here and is not answered\n");
}

const LocalAnswer* Exchange::page_for(int status) const {
  return route_ == nullptr || route_->policy == nullptr ? nullptr
                                                        : route_->policy->page_for(status);
}

void Exchange::answer(const LocalAnswer& local) {
  count_end();
  record_.status = local.status;
  record_.body_bytes_out = request_.head().method == http::Method::kHead ? 0 : local.body->size();
  report();
  send_local_answer(downstream_, local);
}

void Exchange::answer(int status, std::string_view body) {
  record_.status = status;
  record_.body_bytes_out = request_.head().method == http::Method::kHead ? 0 : body.size();
  report();
  send_local_reply(downstream_, status, body);
}

// ---- Waiting for a turn. The client is paused meanwhile; what it has sent by then is held.

bool Exchange::is_slot_free() const {
  return context_.metrics.exchanges_open.value() < static_cast<int64_t>(options_->exchanges_max);
}

void Exchange::take_slot() {
  has_slot_ = true;
  context_.metrics.exchanges_open.add(1);
  route_->retry_budget.on_request(context_.loop.now());
  set_terms();
}

// What the endpoint is told is the shorter of our limits and those that we were told; that these
// are kept is for the session.
void Exchange::set_terms() {
  http::RequestHead& head = request_.head();
  const ExchangeOptions& options = *options_;
  if (options.total_timeout > Duration::zero()) {
    const TimePoint end = started_ + options.total_timeout;
    context_.loop.set_timer_at(total_timer_, end);
    head.deadline = std::min(head.deadline, end);
  }
  if (head.answer_limit == Duration::zero() || head.answer_limit > options.response_timeout)
    head.answer_limit = options.response_timeout;
  head.plain_body |= std::ranges::any_of(options.plain_body_paths, [&](const std::string& path) {
    return head.target.starts_with(path);
  });
}

void Exchange::wait(WaitFor wait_for) {
  WaitingQueue& queue = wait_for == WaitFor::kSlot ? context_.queue : route_->queue;
  if (!queue.try_add(*this, wait_for)) return on_waited_too_long();
  waits_in_ = &queue;
  downstream_.pause_request();
}

void Exchange::stop_waiting() {
  if (waits_in_ != nullptr) std::exchange(waits_in_, nullptr)->remove(*this);
}

bool Exchange::try_go_on() {
  if (!has_slot_) {
    if (!is_slot_free()) return false;
    stop_waiting();
    take_slot();
    begin();
    return true;
  }
  upstream::PickResult picked = attempts_.pick();
  if (picked.all_full) return false;
  stop_waiting();
  start_attempt(std::move(picked));
  return true;
}

void Exchange::on_waited_too_long() {
  waits_in_ = nullptr;
  fail({Code::kOverloaded, Source::kDownstream, 0,
        has_slot_ ? "too many requests at every endpoint (-outMaxConnsPerAddr)"
                  : "too many requests at a time (-concurrency)"});
}

// ---- To the endpoint.

void Exchange::send_whole_request() {
  request_.declare_held_length();
  timer_.cancel();
  start_attempt();
}

void Exchange::start_attempt() {
  if (!route_->queue.is_empty(WaitFor::kEndpoint)) return wait(WaitFor::kEndpoint);
  upstream::PickResult picked = attempts_.pick();
  if (picked.all_full) return wait(WaitFor::kEndpoint);
  start_attempt(std::move(picked));
}

void Exchange::start_attempt(upstream::PickResult picked) {
  if (picked.lease.endpoint() == nullptr) {
    return fail({Code::kNoEndpoint, Source::kUpstream, 0, "no endpoint can be reached"});
  }
  attempts_.start(std::move(picked.lease));
  // Further attempts have what is left of the time, not all of it again.
  start_clock();
}

// ---- From the client: the rest.

void Exchange::on_request_body(std::string_view bytes) {
  last_progress_ = context_.loop.now();
  if (route_ != nullptr && route_->counters != nullptr)
    count_bytes(&metrics::TrafficMetrics::received, bytes.size());
  if (tunnel_ != Tunnel::kNone) return attempts_.stream()->send_request_body(bytes);
  request_.count_body(bytes.size());
  if (is_over_body_limit(request_.body_bytes())) return fail(body_too_large());
  if (holds_whole_request() && context_.loop.pool().is_over_budget()) return fail(out_of_memory());
  const bool waits = is_linked();
  if (waits || holds_whole_request()) return request_.hold_body(bytes);
  if (response_ == Response::kAwaited) {
    const bool is_tight = context_.loop.pool().is_over_budget();
    request_.keep_body(bytes, is_tight ? 0 : options_->replay_bytes_max);
  }
  if (attempts_.stream() != nullptr) attempts_.stream()->send_request_body(bytes);
}

void Exchange::on_request_end(const http::Fields& trailers) {
  last_progress_ = context_.loop.now();
  if (tunnel_ != Tunnel::kNone) return on_tunnel_end_of_client();
  const bool waits = is_linked();
  request_.end(trailers, waits || holds_whole_request());
  if (waits) return;
  if (holds_whole_request()) return send_whole_request();
  if (attempts_.stream() != nullptr) attempts_.stream()->end_request(trailers);
  if (response_ != Response::kAwaited) return;
  start_clock();
  attempts_.on_request_sent();
}

void Exchange::on_downstream_gone(const Error& error) {
  context_.metrics.downstream.other_errors.add();
  attempts_.close();
  count_end();
  if (!record_.failure) record_.failure = error;
  report();
}

void Exchange::on_answer_replaced(const Error& error) {
  note_error_reply(record_, error, request_.head().method);
}

void Exchange::on_response_blocked() {
  attempts_.pause_response();
}

void Exchange::on_response_unblocked() {
  last_progress_ = context_.loop.now();
  attempts_.resume_response();
}

void Exchange::count_bytes(metrics::Counter metrics::TrafficMetrics::*counter, size_t bytes) {
  (route_->counters->*counter).add(bytes);
  const upstream::Endpoint* endpoint = attempts_.endpoint();
  if (endpoint != nullptr && endpoint->counters() != nullptr)
    (endpoint->counters()->*counter).add(bytes);
}

// ---- From the endpoint.

void Exchange::on_response_head(http::ResponseHead& head) {
  last_progress_ = context_.loop.now();
  if (head.is_informational()) {
    // 100 is for a client that waits for it; the others are for any (RFC 9110 section 15.2).
    if (head.status != 100 || request_.head().expects_continue)
      downstream_.send_response_head(head);
    return;
  }
  if (attempts_.try_replace_answer(head.status)) return;
  attempts_.on_answer_chosen();
  if (const LocalAnswer* page = head.status < 400 ? nullptr : page_for(head.status)) {
    attempts_.close();
    context_.metrics.downstream.succeeded.add();
    context_.metrics.downstream.non_200.add();
    return answer(*page);
  }
  response_ = Response::kBegun;
  watch_pauses();
  record_.status = head.status;
  record_.upstream_head_after = context_.loop.now() - started_;
  request_.drop_body();
  if (head.status != 200) context_.metrics.downstream.non_200.add();
  if (head.status == 101) open_tunnel();
  add_response_fields(head, options_->forwarding, request_.arena());
  if (!options_->endpoint_field.empty() && attempts_.endpoint() != nullptr)
    head.fields.add(options_->endpoint_field, attempts_.endpoint()->id());
  downstream_.send_response_head(head);
}

void Exchange::count_response(size_t bytes) {
  last_progress_ = context_.loop.now();
  record_.body_bytes_out += bytes;
  if (route_->counters != nullptr) count_bytes(&metrics::TrafficMetrics::sent, bytes);
}

void Exchange::on_response_body(std::string_view bytes) {
  count_response(bytes.size());
  downstream_.send_response_body(bytes);
}

void Exchange::on_response_piped(size_t bytes) {
  if (bytes > 0) count_response(bytes);
  downstream_.send_response_piped(bytes);
}

void Exchange::on_response_end(const http::Fields& trailers) {
  response_ = Response::kEnded;
  last_progress_ = context_.loop.now();
  const bool over = tunnel_ != Tunnel::kOpen;
  if (over) succeed();
  downstream_.end_response(trailers);
  // The session may have replaced the answer, and has this deleted at the end of the turn only.
  if (over) report();
}

void Exchange::on_upstream_reset(const Error& error) {
  // How a tunnel ends is between the two who talk through it.
  attempts_.on_reset(error, tunnel_ == Tunnel::kNone);
  if (attempts_.try_adopt_hedge()) return;
  if (response_ != Response::kAwaited) return fail(error);
  upstream::EndpointLease next = attempts_.try_repeat(error);
  // The last of several failures to connect says more than that there is nobody left.
  if (next.endpoint() == nullptr) return fail(error);
  if (context_.reporter != nullptr) context_.reporter->report_attempt(finished_record(), error);
  attempts_.start(std::move(next));
}

// ---- As a tunnel.

void Exchange::open_tunnel() {
  tunnel_ = Tunnel::kOpen;
  total_timer_.cancel();
  context_.metrics.upgrades.add();
  context_.metrics.tunnels_open.add(1);
  context_.loop.set_timer(timer_, options_->tunnel_idle_timeout);
}

void Exchange::on_tunnel_end_of_client() {
  tunnel_ = Tunnel::kClientEnded;
  attempts_.stream()->end_request({});
  if (response_ != Response::kEnded) return;
  succeed();
  report();
}

// ---- The end.

void Exchange::succeed() {
  attempts_.finish();
  context_.metrics.downstream.succeeded.add();
  if (tunnel_ == Tunnel::kNone)
    context_.metrics.request_duration.observe(context_.loop.now() - started_);
  count_end();
}

void Exchange::fail(const Error& error) {
  context_.metrics.failures[static_cast<size_t>(error.code)].add();
  metrics::ExchangeMetrics& counts = context_.metrics.downstream;
  (error.code == Code::kTimeout ? counts.timeout_errors : counts.other_errors).add();
  if (is_counted_ && error.source != Source::kDownstream) route_->counters->http_errors.add();
  attempts_.close();
  count_end();
  if (response_ != Response::kAwaited) {
    record_.failure = error;
    downstream_.reset(error);
    return report();  // after that, as above
  }
  note_error_reply(record_, error, request_.head().method);
  if (const LocalAnswer* page = page_for(record_.status)) return answer(*page);
  report();
  if (options_->names_flags) return send_error_reply(downstream_, error);
  send_local_answer(downstream_, error_of_service(error, record_.status));
}

void Exchange::count_end() {
  timer_.cancel();
  total_timer_.cancel();
  stop_waiting();
  if (is_counted_) {
    is_counted_ = false;
    route_->counters->http_active.add(-1);
  }
  if (std::exchange(is_admitted_, false)) route_->policy->on_request_over(ticket_);
  if (!has_slot_) return;
  has_slot_ = false;
  context_.metrics.exchanges_open.add(-1);
  if (tunnel_ != Tunnel::kNone) context_.metrics.tunnels_open.add(-1);
  context_.queue.wake();
  route_->queue.wake();
}

void Exchange::report() {
  if (context_.reporter != nullptr) context_.reporter->report(finished_record());
}

ExchangeRecord Exchange::finished_record() const {
  ExchangeRecord record = record_;
  note_client(record, client_);
  note_request(record, request_.head());
  record.host = request_.host_of_client();
  record.body_bytes_in = request_.body_bytes();
  record.duration = context_.loop.now() - started_;
  record.upstream = attempts_.endpoint_name();
  record.attempts = attempts_.count();
  return record;
}

// ---- Time.

void Exchange::start_clock() {
  if (response_ != Response::kAwaited) return;
  context_.loop.set_timer(timer_, allowed_pause());
}

// The clock is set for the wait that is over now; looking back when it fires would be too late
// where pauses may only be shorter.
void Exchange::watch_pauses() {
  const ExchangeOptions& options = *options_;
  if (options.response_idle_timeout < options.response_timeout)
    context_.loop.set_timer(timer_, options.response_idle_timeout);
}

Duration Exchange::allowed_pause() const {
  const ExchangeOptions& options = *options_;
  if (tunnel_ != Tunnel::kNone) return options.tunnel_idle_timeout;
  return is_waiting_for_head() ? options.response_timeout : options.response_idle_timeout;
}

// Before the response, the clock runs from the end of the request; after its head, between any two
// signs of life. It is not set anew for each of those: it looks back when it fires.
void Exchange::on_timer() {
  const bool waiting_for_head = is_waiting_for_head();
  const Duration allowed = allowed_pause();
  const Duration since = context_.loop.now() - last_progress_;
  if (since < allowed && !waiting_for_head) return context_.loop.set_timer(timer_, allowed - since);
  if (tunnel_ != Tunnel::kNone) {
    return fail({Code::kTimeout, Source::kInternal, 0, "nothing moved in the tunnel for too long"});
  }
  // A response that waits for its client is the session's matter.
  if (attempts_.is_response_paused()) return context_.loop.set_timer(timer_, allowed);
  if (attempts_.stream() == nullptr && !request_.has_ended()) {
    return fail({Code::kTimeout, Source::kDownstream, 0, "the request body did not come in time"});
  }
  if (attempts_.stream() != nullptr) context_.metrics.upstream.timeout_errors.add();
  if (waiting_for_head) attempts_.on_timeout();
  fail({Code::kTimeout, Source::kUpstream, 0,
        waiting_for_head ? "the endpoint did not answer in time (-outTimeout)"
                         : "the endpoint paused for too long (-outIdleTimeout)"});
}

void Exchange::on_total_timeout() {
  context_.metrics.upstream.timeout_errors.add();
  fail({Code::kTimeout, Source::kUpstream, 0,
        "the answer was not complete in time (-outTotalTimeout)"});
}

}  // namespace httpteleport::proxy
