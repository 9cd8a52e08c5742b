#include "proxy/exchange.h"

#include <algorithm>

#include "http/error_status.h"
#include "proxy/local_reply.h"
#include "proxy/memory_budget.h"

namespace httpteleport::proxy {

std::unique_ptr<http::RequestHandler> ExchangeFactory::make_handler(
    http::DownstreamStream& downstream, const ClientInfo& client) {
  return std::make_unique<Exchange>(context_, downstream, client);
}

Exchange::Exchange(ExchangeContext& context, http::DownstreamStream& downstream,
                   const ClientInfo& client)
    : context_(context),
      downstream_(downstream),
      client_(client),
      arena_(context.loop.pool()),
      kept_body_(context.loop.pool()),
      started_(context.loop.now()),
      last_progress_(started_) {}

Exchange::~Exchange() {
  close_upstream();
}

// ---- From the client.

void Exchange::on_request_head(http::RequestHead& head, std::string_view raw) {
  context_.metrics.downstream.started.add();
  if (const std::optional<Error> refusal = refusal_of(head)) return fail(*refusal);
  const auto cluster = context_.routes.match(head.authority, head.target);
  if (!cluster) {
    context_.metrics.downstream.other_errors.add();
    return send_local_reply(downstream_, 404, "no route for this host and path\n");
  }
  cluster_ = context_.clusters[*cluster].get();
  open_ = true;
  context_.metrics.exchanges_open.add(1);
  body_bytes_ = head.body.kind == http::BodyLength::Kind::kKnown ? head.body.bytes : 0;
  if (body_is_over_limit())
    return fail({Code::kBodyTooLarge, Source::kDownstream, 0,
                 "the request body is larger than the limit (-inMaxBodySize)"});
  body_bytes_ = 0;

  keep_head(head, raw);
  if (const auto status = count_down_max_forwards(head_, arena_))
    return answer_as_last_hop(*status);
  add_request_fields(head_, context_.options.forwarding, client_, arena_);
  if (!holds_whole_request()) return start_attempt();
  // The endpoint sees the request when it is whole, so nobody else can say "continue".
  head_.fields.drop(http::FieldId::kExpect);
  start_clock();
  if (!head_.expects_continue) return;
  http::ResponseHead go_on;
  go_on.status = 100;
  go_on.reason = http::reason_of(100);
  downstream_.send_response_head(go_on);
}

// An HTTP/1.0 client may name no host at all, but HTTP/1.1 is what goes to the endpoint.
void Exchange::ensure_host() {
  if (!head_.authority.empty()) return;
  head_.authority = lease_.endpoint()->name();
  head_.fields.drop(http::FieldId::kHost);
  head_.fields.add("Host", head_.authority, http::FieldId::kHost);
}

void Exchange::answer_as_last_hop(int status) {
  context_.metrics.downstream.succeeded.add();
  count_end();
  send_local_reply(downstream_, status,
                   status == 200 ? "" : "TRACE ends here and is not answered\n");
}

std::optional<Error> Exchange::refusal_of(const http::RequestHead& head) const {
  if (head.refusal) return head.refusal;
  if (context_.metrics.exchanges_open.value() >=
      static_cast<int64_t>(context_.options.exchanges_max)) {
    return Error{Code::kOverloaded, Source::kDownstream, 0,
                 "too many requests at a time (-concurrency)"};
  }
  if (context_.loop.pool().is_over_budget()) return out_of_memory();
  return std::nullopt;
}

void Exchange::keep_head(http::RequestHead& head, std::string_view raw) {
  const std::string_view copy = arena_.copy(raw);
  head_ = std::move(head);
  head_.rebase(raw, copy.data());
}

bool Exchange::body_is_over_limit() const {
  const uint64_t limit = holds_whole_request() ? std::min(context_.options.request_body_bytes_max,
                                                          context_.options.held_body_bytes_max)
                                               : context_.options.request_body_bytes_max;
  return body_bytes_ > limit;
}

void Exchange::on_request_body(std::string_view bytes) {
  last_progress_ = context_.loop.now();
  body_bytes_ += bytes.size();
  if (body_is_over_limit())
    return fail({Code::kBodyTooLarge, Source::kDownstream, 0,
                 "the request body is larger than the limit (-inMaxBodySize)"});
  if (holds_whole_request()) {
    if (context_.loop.pool().is_over_budget()) return fail(out_of_memory());
    return kept_body_.append(bytes);
  }
  if (body_is_kept_ && !response_begun_) {
    if (kept_body_.size() + bytes.size() <= context_.options.replay_bytes_max) {
      kept_body_.append(bytes);
    } else {
      body_is_kept_ = false;
      kept_body_.clear();
    }
  }
  if (upstream_ != nullptr) upstream_->send_request_body(bytes);
}

void Exchange::on_request_end(const http::Fields& trailers) {
  request_ended_ = true;
  last_progress_ = context_.loop.now();
  if (holds_whole_request()) {
    head_.body = http::BodyLength::known(body_bytes_);
    timer_.cancel();
    return start_attempt();
  }
  // Trailers are not kept: another attempt would send less than this one.
  if (!trailers.empty()) body_is_kept_ = false;
  if (upstream_ != nullptr) upstream_->end_request(trailers);
  if (!response_begun_) start_clock();
}

void Exchange::on_downstream_gone(const Error&) {
  context_.metrics.downstream.other_errors.add();
  close_upstream();
  count_end();
}

void Exchange::on_response_blocked() {
  response_blocked_ = true;
  if (upstream_ != nullptr) upstream_->pause_response();
}

void Exchange::on_response_unblocked() {
  response_blocked_ = false;
  last_progress_ = context_.loop.now();
  if (upstream_ != nullptr) upstream_->resume_response();
}

// ---- To the endpoint.

void Exchange::start_attempt() {
  lease_ = cluster_->pick(unreachable_);
  if (lease_.endpoint() == nullptr) {
    return fail({Code::kNoEndpoint, Source::kUpstream, 0, "no endpoint can be reached"});
  }
  ensure_host();
  ++attempts_;
  upstream_ = &lease_.endpoint()->open_stream(*this, attempts_ > 1);
  downstream_.resume_request();
  send_request();
  // Another attempt has what is left of the time, not all of it again.
  if (!timer_.is_set()) start_clock();
}

void Exchange::send_request() {
  upstream_->send_request_head(head_);
  kept_body_.for_each_run([this](std::string_view run) {
    upstream_->send_request_body(run);
    return true;
  });
  if (request_ended_) upstream_->end_request({});
}

bool Exchange::may_repeat(const Error& error) const {
  if (response_begun_ || !body_is_kept_ || attempts_ >= context_.options.attempts_max) return false;
  if (http::was_not_executed(error)) return true;
  return error.code == Code::kConnectionLost && http::is_idempotent(head_.method);
}

void Exchange::on_upstream_reset(const Error& error) {
  upstream_ = nullptr;
  if (error.source == Source::kUpstream) lease_.report_failure(error);
  if (error.code == Code::kConnectFailed) unreachable_.push_back(lease_.endpoint());
  lease_.release();
  if (!may_repeat(error)) return fail(error);
  // The last of several failures to connect says more than that there is nobody left.
  upstream::EndpointLease next = cluster_->pick(unreachable_);
  if (next.endpoint() == nullptr) return fail(error);
  next.release();
  context_.metrics.retries.add();
  start_attempt();
}

// ---- From the endpoint.

void Exchange::on_response_head(http::ResponseHead& head) {
  last_progress_ = context_.loop.now();
  if (head.is_informational()) {
    // 100 is for a client that waits for it; the others are for any (RFC 9110 section 15.2).
    if (head.status != 100 || head_.expects_continue) downstream_.send_response_head(head);
    return;
  }
  response_begun_ = true;
  kept_body_.clear();
  lease_.report_success();
  if (head.status != 200) context_.metrics.downstream.non_200.add();
  add_response_fields(head, context_.options.forwarding, arena_);
  downstream_.send_response_head(head);
}

void Exchange::on_response_body(std::string_view bytes) {
  last_progress_ = context_.loop.now();
  downstream_.send_response_body(bytes);
}

void Exchange::on_response_end(const http::Fields& trailers) {
  upstream_ = nullptr;
  lease_.release();
  context_.metrics.downstream.succeeded.add();
  context_.metrics.request_duration.observe(context_.loop.now() - started_);
  count_end();
  downstream_.end_response(trailers);
}

// ---- The end.

void Exchange::fail(const Error& error) {
  context_.metrics.failures[static_cast<size_t>(error.code)].add();
  metrics::ExchangeMetrics& counts = context_.metrics.downstream;
  (error.code == Code::kTimeout ? counts.timeout_errors : counts.other_errors).add();
  close_upstream();
  count_end();
  if (response_begun_) return downstream_.reset(error);
  send_error_reply(downstream_, error);
}

void Exchange::close_upstream() {
  if (upstream_ != nullptr) std::exchange(upstream_, nullptr)->cancel();
  lease_.release();
}

void Exchange::count_end() {
  timer_.cancel();
  if (!open_) return;
  open_ = false;
  context_.metrics.exchanges_open.add(-1);
}

// ---- Time.

void Exchange::start_clock() {
  if (response_begun_) return;
  const ExchangeOptions& options = context_.options;
  context_.loop.set_timer(
      timer_, request_ended_ ? options.response_timeout : options.response_idle_timeout);
}

// Before the response, the clock runs from the end of the request; after its head, between any two
// signs of life. It is not set anew for each of those: it looks back when it fires.
void Exchange::on_timer() {
  const ExchangeOptions& options = context_.options;
  const bool waiting_for_head = !response_begun_ && request_ended_;
  const Duration allowed =
      waiting_for_head ? options.response_timeout : options.response_idle_timeout;
  const Duration since = context_.loop.now() - last_progress_;
  if (since < allowed && !waiting_for_head) return context_.loop.set_timer(timer_, allowed - since);
  // A response that waits for its client is the session's matter.
  if (response_blocked_) return context_.loop.set_timer(timer_, allowed);
  if (upstream_ == nullptr && !request_ended_) {
    return fail({Code::kTimeout, Source::kDownstream, 0, "the request body did not come in time"});
  }
  if (upstream_ != nullptr) context_.metrics.upstream.timeout_errors.add();
  fail({Code::kTimeout, Source::kUpstream, 0, "the endpoint did not answer in time (-outTimeout)"});
}

}  // namespace httpteleport::proxy
