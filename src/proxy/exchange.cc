#include "proxy/exchange.h"

#include <algorithm>

#include "http/error_status.h"
#include "proxy/local_reply.h"
#include "proxy/memory_budget.h"
#include "upstream/balancer/hash.h"

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
      last_progress_(started_) {
  ++context.exchanges_alive;
}

Exchange::~Exchange() {
  close_upstream();
  --context_.exchanges_alive;
  context_.queue.remove(*this);
}

// ---- From the client.

void Exchange::on_request_head(http::RequestHead& head, std::string_view raw) {
  context_.metrics.downstream.started.add();
  head_ = std::move(head);
  choose_id();
  if (context_.options.get_only && head_.method != http::Method::kGet &&
      head_.method != http::Method::kHead) {
    context_.metrics.downstream.other_errors.add();
    record_.status = 405;
    report();
    return send_method_not_allowed(downstream_, "GET, HEAD");
  }
  if (const std::optional<Error> refusal = refusal_of(head_)) return fail(*refusal);
  const auto cluster = context_.routes.match(head_.authority, head_.target);
  if (!cluster) {
    context_.metrics.downstream.other_errors.add();
    return answer(404, "no route for this host and path\n");
  }
  cluster_ = context_.clusters[*cluster].get();
  body_bytes_ = head_.body.kind == http::BodyLength::Kind::kKnown ? head_.body.bytes : 0;
  const bool body_is_too_large = body_is_over_limit();
  body_bytes_ = 0;
  if (body_is_too_large)
    return fail({Code::kBodyTooLarge, Source::kDownstream, 0,
                 "the request body is larger than the limit (-inMaxBodySize)"});
  if (!head_.upgrade.empty() && holds_whole_request())
    return fail({Code::kUnsupported, Source::kDownstream, 0,
                 "an upgrade (WebSocket) cannot pass over a teleport link"});

  keep_head(raw);
  if (const auto status = count_down_max_forwards(head_, arena_))
    return answer_as_last_hop(*status);
  add_request_fields(head_, context_.options.forwarding, client_, arena_);
  if (const std::string& field = cluster_->hash_field(); !field.empty()) {
    if (const http::Field* found = head_.fields.find(field)) key_ = upstream::hash_of(found->value);
  }
  if (!is_slot_free() || !context_.queue.is_empty(WaitFor::kSlot)) return wait(WaitFor::kSlot);
  take_slot();
  begin();
}

void Exchange::begin() {
  if (!holds_whole_request()) return start_attempt();
  // The endpoint sees the request when it is whole, so nobody else can say "continue".
  head_.fields.drop(http::FieldId::kExpect);
  if (request_ended_) return send_whole_request();
  start_clock();
  downstream_.resume_request();
  if (!head_.expects_continue) return;
  http::ResponseHead go_on;
  go_on.status = 100;
  go_on.reason = http::reason_of(100);
  downstream_.send_response_head(go_on);
}

void Exchange::choose_id() {
  const std::string& field = context_.options.forwarding.request_id_field;
  if (context_.reporter == nullptr && field.empty()) return;
  record_.request_id = choose_request_id(head_.fields, field, context_.request_ids, arena_);
}

void Exchange::send_whole_request() {
  head_.body = http::BodyLength::known(body_bytes_);
  timer_.cancel();
  start_attempt();
}

// An HTTP/1.0 client may name no host at all, but HTTP/1.1 is what goes to the endpoint.
void Exchange::ensure_host() {
  if (!head_.authority.empty()) return;
  host_is_ours_ = true;
  head_.authority = lease_.endpoint()->name();
  head_.fields.drop(http::FieldId::kHost);
  head_.fields.add("Host", head_.authority, http::FieldId::kHost);
}

void Exchange::answer_as_last_hop(int status) {
  context_.metrics.downstream.succeeded.add();
  count_end();
  answer(status, status == 200 ? "" : "TRACE ends here and is not answered\n");
}

void Exchange::answer(int status, std::string_view body) {
  record_.status = status;
  record_.body_bytes_out = head_.method == http::Method::kHead ? 0 : body.size();
  report();
  send_local_reply(downstream_, status, body);
}

std::optional<Error> Exchange::refusal_of(const http::RequestHead& head) const {
  if (head.refusal) return head.refusal;
  if (context_.loop.pool().is_over_budget()) return out_of_memory();
  return std::nullopt;
}

// ---- Waiting for a turn. The client is paused meanwhile; what it has sent by then is kept.

bool Exchange::is_slot_free() const {
  return context_.metrics.exchanges_open.value() <
         static_cast<int64_t>(context_.options.exchanges_max);
}

void Exchange::take_slot() {
  open_ = true;
  context_.metrics.exchanges_open.add(1);
  context_.retry_budget.on_request(context_.loop.now());
  const Duration limit = context_.options.total_timeout;
  if (limit > Duration::zero()) context_.loop.set_timer_at(total_timer_, started_ + limit);
}

void Exchange::wait(WaitFor wait_for) {
  if (!context_.queue.try_add(*this, wait_for)) return on_waited_too_long();
  downstream_.pause_request();
}

bool Exchange::try_go_on() {
  if (!open_) {
    if (!is_slot_free()) return false;
    context_.queue.remove(*this);
    take_slot();
    begin();
    return true;
  }
  upstream::PickResult picked = cluster_->pick(pick_request());
  if (picked.all_full) return false;
  context_.queue.remove(*this);
  start_attempt(std::move(picked));
  return true;
}

void Exchange::on_waited_too_long() {
  fail({Code::kOverloaded, Source::kDownstream, 0,
        open_ ? "too many requests at every endpoint (-outMaxConnsPerAddr)"
              : "too many requests at a time (-concurrency)"});
}

void Exchange::keep_trailers(const http::Fields& trailers) {
  for (const http::Field& field : trailers) {
    if (!field.dropped) trailers_.add(arena_.copy(field.name), arena_.copy(field.value), field.id);
  }
}

// ---- From the client, again.

void Exchange::keep_head(std::string_view raw) {
  const std::string_view copy = arena_.copy(raw);
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
  if (tunnel_) return upstream_->send_request_body(bytes);
  body_bytes_ += bytes.size();
  if (body_is_over_limit())
    return fail({Code::kBodyTooLarge, Source::kDownstream, 0,
                 "the request body is larger than the limit (-inMaxBodySize)"});
  if (holds_whole_request()) {
    if (context_.loop.pool().is_over_budget()) return fail(out_of_memory());
    return kept_body_.append(bytes);
  }
  if (is_linked()) return kept_body_.append(bytes);
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
  const bool waits = is_linked();
  if (holds_whole_request() && !waits) return send_whole_request();
  // Trailers are not kept: another attempt would send less than this one.
  if (!trailers.empty()) body_is_kept_ = false;
  if (waits) return keep_trailers(trailers);
  if (upstream_ != nullptr) upstream_->end_request(trailers);
  if (tunnel_ && response_ended_) {
    succeed();
    return report();
  }
  if (response_begun_) return;
  start_clock();
  set_try_timer();
}

void Exchange::on_downstream_gone(const Error& error) {
  context_.metrics.downstream.other_errors.add();
  close_upstream();
  count_end();
  if (!record_.failure) record_.failure = error;
  report();
}

void Exchange::on_answer_replaced(const Error& error) {
  note_error_reply(record_, error, head_.method);
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

upstream::PickRequest Exchange::pick_request() const {
  return {.unreachable = unreachable_,
          .avoided = avoided_,
          .may_probe = attempts_ == 0,
          .replaceable = is_replaceable(),
          .key = key_};
}

void Exchange::start_attempt() {
  if (!context_.queue.is_empty(WaitFor::kEndpoint)) return wait(WaitFor::kEndpoint);
  upstream::PickResult picked = cluster_->pick(pick_request());
  if (picked.all_full) return wait(WaitFor::kEndpoint);
  start_attempt(std::move(picked));
}

void Exchange::start_attempt(upstream::PickResult picked) {
  if (picked.lease.endpoint() == nullptr) {
    return fail({Code::kNoEndpoint, Source::kUpstream, 0, "no endpoint can be reached"});
  }
  start_attempt(std::move(picked.lease));
}

void Exchange::start_attempt(upstream::EndpointLease lease) {
  lease_ = std::move(lease);
  ensure_host();
  ++attempts_;
  // A copy: endpoints may go while requests to them run.
  if (context_.reporter != nullptr) record_.upstream = arena_.copy(lease_.endpoint()->name());
  upstream_ = &lease_.endpoint()->open_stream(*this, stream_options());
  downstream_.resume_request();
  send_request(*upstream_);
  // Another attempt has what is left of the time, not all of it again.
  if (!timer_.is_set()) start_clock();
  if (request_ended_) set_try_timer();
}

// After a failure, and for what cannot be repeated, no connection that may be stale.
upstream::StreamOptions Exchange::stream_options() const {
  return {.fresh = attempts_ > 1 || !head_.upgrade.empty(),
          .client = client_.address,
          .client_connected_to = client_.local_address};
}

void Exchange::send_request(http::UpstreamStream& stream) {
  stream.send_request_head(head_);
  kept_body_.for_each_run([&stream](std::string_view run) {
    stream.send_request_body(run);
    return true;
  });
  if (request_ended_) stream.end_request(trailers_);
}

// ---- Further attempts.

bool Exchange::is_replaceable() const {
  return http::is_safe(head_.method) && head_.upgrade.empty() && body_is_kept_ &&
         head_.body.is_known() &&
         (holds_whole_request() || head_.body.bytes <= context_.options.replay_bytes_max);
}

bool Exchange::may_repeat(const Error& error) const {
  if (response_begun_ || !body_is_kept_ || attempts_ >= context_.options.attempts_max) return false;
  if (http::was_not_executed(error)) return true;
  return error.code == Code::kConnectionLost && http::is_idempotent(head_.method) &&
         head_.upgrade.empty();
}

bool Exchange::try_count_repeat(bool is_free) {
  const ExchangeOptions& options = context_.options;
  if (retries_ >= options.retries_max || attempts_ >= options.attempts_max) return false;
  if (!is_free && !context_.retry_budget.try_spend(context_.loop.now())) {
    context_.metrics.retries_refused.add();
    return false;
  }
  ++retries_;
  return true;
}

void Exchange::note_failure(upstream::EndpointLease& lease, const Error& error) {
  if (error.source == Source::kUpstream) lease.report_failure(error);
  if (error.code == Code::kConnectFailed) {
    unreachable_.push_back(lease.endpoint());
  } else if (upstream::is_bad_result(error.code)) {
    avoided_.push_back(lease.endpoint());
  }
}

void Exchange::on_upstream_reset(const Error& error) {
  upstream_ = nullptr;
  // How a tunnel ends is between the two who talk through it.
  if (!tunnel_) note_failure(lease_, error);
  const bool was_probe = lease_.is_probe();
  lease_.release();
  context_.queue.wake();
  if (hedge_) return adopt_hedge();
  if (!may_repeat(error)) return fail(error);
  // The last of several failures to connect says more than that there is nobody left.
  upstream::PickResult next = cluster_->pick(pick_request());
  if (next.lease.endpoint() == nullptr) return fail(error);
  if (!http::was_not_executed(error) && !try_count_repeat(was_probe)) return fail(error);
  context_.metrics.retries.add();
  if (context_.reporter != nullptr) context_.reporter->report_attempt(finished_record(), error);
  start_attempt(std::move(next.lease));
}

bool Exchange::try_replace_answer() {
  if (!is_replaceable()) return false;
  if (hedge_) {
    adopt_hedge();
    return true;
  }
  avoided_.push_back(lease_.endpoint());
  upstream::PickRequest wanted = pick_request();
  wanted.only_healthy = true;
  upstream::PickResult next = cluster_->pick(wanted);
  if (next.lease.endpoint() == nullptr || !try_count_repeat(lease_.is_probe())) return false;
  std::exchange(upstream_, nullptr)->cancel();
  context_.metrics.retries.add();
  start_attempt(std::move(next.lease));
  return true;
}

// ---- An attempt beside one that is not answered.

Duration Exchange::try_timeout() const {
  const ExchangeOptions& options = context_.options;
  return options.try_timeout > Duration::zero() ? options.try_timeout
                                                : options.response_timeout / 2;
}

void Exchange::set_try_timer() {
  if (upstream_ == nullptr || cluster_->endpoint_count() < 2) return;
  context_.loop.set_timer(try_timer_, try_timeout());
}

void Exchange::on_try_timeout() {
  upstream::EndpointLease& newest = hedge_ ? hedge_->lease() : lease_;
  newest.report_silence();
  if (is_replaceable()) start_hedge();
}

// At most two attempts run at a time: before a third, the first is given up.
void Exchange::start_hedge() {
  upstream::EndpointLease& newest = hedge_ ? hedge_->lease() : lease_;
  avoided_.push_back(newest.endpoint());
  upstream::PickRequest wanted = pick_request();
  wanted.only_healthy = true;
  upstream::PickResult next = cluster_->pick(wanted);
  if (next.lease.endpoint() == nullptr || !try_count_repeat(newest.is_probe())) return;
  if (hedge_) adopt_hedge();
  context_.metrics.retries.add();
  ++attempts_;
  hedge_ = std::make_unique<Hedge>(*this, std::move(next.lease));
  hedge_->open(stream_options());
  send_request(hedge_->stream());
  set_try_timer();
}

void Exchange::adopt_hedge() {
  if (upstream_ != nullptr) upstream_->cancel();
  context_.loop.delete_later(std::move(adopted_));
  adopted_ = std::move(hedge_);
  adopted_->adopt(upstream_, lease_);
}

void Exchange::drop_hedge() {
  if (!hedge_) return;
  hedge_->cancel();
  context_.loop.delete_later(std::move(hedge_));
}

void Exchange::on_hedge_answer(http::ResponseHead& head) {
  if (upstream::is_bad_status(head.status)) {
    hedge_->lease().report_answer(head.status);
    return drop_hedge();
  }
  adopt_hedge();
  on_response_head(head);
}

void Exchange::on_hedge_reset(const Error& error) {
  note_failure(hedge_->lease(), error);
  drop_hedge();
}

// ---- From the endpoint.

void Exchange::on_response_head(http::ResponseHead& head) {
  last_progress_ = context_.loop.now();
  if (head.is_informational()) {
    // 100 is for a client that waits for it; the others are for any (RFC 9110 section 15.2).
    if (head.status != 100 || head_.expects_continue) downstream_.send_response_head(head);
    return;
  }
  lease_.report_answer(head.status);
  if (upstream::is_bad_status(head.status) && try_replace_answer()) return;
  drop_hedge();
  try_timer_.cancel();
  response_begun_ = true;
  watch_pauses();
  record_.status = head.status;
  record_.upstream_head_after = context_.loop.now() - started_;
  kept_body_.clear();
  if (head.status != 200) context_.metrics.downstream.non_200.add();
  if (head.status == 101) open_tunnel();
  add_response_fields(head, context_.options.forwarding, arena_);
  downstream_.send_response_head(head);
}

void Exchange::on_response_body(std::string_view bytes) {
  last_progress_ = context_.loop.now();
  record_.body_bytes_out += bytes.size();
  downstream_.send_response_body(bytes);
}

void Exchange::on_response_end(const http::Fields& trailers) {
  response_ended_ = true;
  last_progress_ = context_.loop.now();
  const bool over = !tunnel_ || request_ended_;
  if (over) succeed();
  downstream_.end_response(trailers);
  // The session may have replaced the answer, and has this deleted at the end of the turn only.
  if (over) report();
}

void Exchange::open_tunnel() {
  tunnel_ = true;
  request_ended_ = false;
  total_timer_.cancel();
  context_.metrics.upgrades.add();
  context_.metrics.tunnels_open.add(1);
  context_.loop.set_timer(timer_, context_.options.tunnel_idle_timeout);
}

void Exchange::succeed() {
  upstream_ = nullptr;
  lease_.release();
  context_.metrics.downstream.succeeded.add();
  if (!tunnel_) context_.metrics.request_duration.observe(context_.loop.now() - started_);
  count_end();
}

// ---- The end.

void Exchange::fail(const Error& error) {
  context_.metrics.failures[static_cast<size_t>(error.code)].add();
  metrics::ExchangeMetrics& counts = context_.metrics.downstream;
  (error.code == Code::kTimeout ? counts.timeout_errors : counts.other_errors).add();
  close_upstream();
  count_end();
  if (response_begun_) {
    record_.failure = error;
    downstream_.reset(error);
    return report();  // after that, as above
  }
  note_error_reply(record_, error, head_.method);
  report();
  send_error_reply(downstream_, error);
}

void Exchange::report() {
  if (context_.reporter != nullptr) context_.reporter->report(finished_record());
}

ExchangeRecord Exchange::finished_record() const {
  ExchangeRecord record = record_;
  note_client(record, client_);
  note_request(record, head_);
  if (host_is_ours_) record.host = {};
  record.body_bytes_in = body_bytes_;
  record.duration = context_.loop.now() - started_;
  record.attempts = attempts_;
  return record;
}

void Exchange::close_upstream() {
  if (hedge_) hedge_->cancel();
  if (upstream_ != nullptr) std::exchange(upstream_, nullptr)->cancel();
  lease_.release();
}

void Exchange::count_end() {
  timer_.cancel();
  total_timer_.cancel();
  try_timer_.cancel();
  context_.queue.remove(*this);
  if (!open_) return;
  open_ = false;
  context_.metrics.exchanges_open.add(-1);
  if (tunnel_) context_.metrics.tunnels_open.add(-1);
  context_.queue.wake();
}

// ---- Time.

void Exchange::start_clock() {
  if (response_begun_) return;
  const ExchangeOptions& options = context_.options;
  context_.loop.set_timer(
      timer_, request_ended_ ? options.response_timeout : options.response_idle_timeout);
}

// The clock is set for the wait that is over now; looking back when it fires would be too late
// where pauses may only be shorter.
void Exchange::watch_pauses() {
  const ExchangeOptions& options = context_.options;
  if (options.response_idle_timeout < options.response_timeout)
    context_.loop.set_timer(timer_, options.response_idle_timeout);
}

// Before the response, the clock runs from the end of the request; after its head, between any two
// signs of life. It is not set anew for each of those: it looks back when it fires.
void Exchange::on_timer() {
  const ExchangeOptions& options = context_.options;
  const bool waiting_for_head = !response_begun_ && request_ended_;
  const Duration allowed = tunnel_            ? options.tunnel_idle_timeout
                           : waiting_for_head ? options.response_timeout
                                              : options.response_idle_timeout;
  const Duration since = context_.loop.now() - last_progress_;
  if (since < allowed && !waiting_for_head) return context_.loop.set_timer(timer_, allowed - since);
  if (tunnel_) {
    return fail({Code::kTimeout, Source::kInternal, 0, "nothing moved in the tunnel for too long"});
  }
  // A response that waits for its client is the session's matter.
  if (response_blocked_) return context_.loop.set_timer(timer_, allowed);
  if (upstream_ == nullptr && !request_ended_) {
    return fail({Code::kTimeout, Source::kDownstream, 0, "the request body did not come in time"});
  }
  if (upstream_ != nullptr) {
    context_.metrics.upstream.timeout_errors.add();
    // An attempt that had only the rest of another's time proves nothing.
    if (waiting_for_head && context_.loop.now() - lease_.begun_at() >= try_timeout())
      lease_.report_silence();
  }
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
