#include "proxy/attempts.h"

#include <utility>

#include "http/error_status.h"

namespace httpteleport::proxy {

// ---- One attempt after the other.

void Attempts::start(upstream::EndpointLease lease) {
  lease_ = std::move(lease);
  const std::string& name = lease_.endpoint()->name();
  request_.ensure_host(name);
  // A copy: endpoints may go while requests to them run.
  if (context_.reporter != nullptr) endpoint_name_ = request_.arena().copy(name);
  ++count_;
  lease_.count_as_request();
  stream_ = &lease_.endpoint()->open_stream(handler_, stream_options());
  handler_.on_request_unblocked();
  request_.send_to(*stream_);
  if (response_paused_) stream_->pause_response();
  if (request_.has_ended()) set_try_timer();
}

void Attempts::wake_waiting() {
  context_.queue.wake();
  route_->queue.wake();
}

void Attempts::pause_response() {
  response_paused_ = true;
  if (stream_ != nullptr) stream_->pause_response();
}

void Attempts::resume_response() {
  response_paused_ = false;
  if (stream_ != nullptr) stream_->resume_response();
}

upstream::PickRequest Attempts::pick_request() const {
  return {.unreachable = unreachable_,
          .avoided = avoided_,
          .streams = !holds_whole_request_,
          .may_probe = count_ == 0,
          .replaceable = is_replaceable(),
          .key = key_};
}

upstream::PickResult Attempts::pick_healthy() const {
  upstream::PickRequest wanted = pick_request();
  wanted.only_healthy = true;
  return route_->cluster.pick(wanted);
}

// After a failure, and for what cannot be repeated, no connection that may be stale.
upstream::StreamOptions Attempts::stream_options() const {
  return {.fresh = count_ > 1 || !request_.head().upgrade.empty(),
          .client = client_.address,
          .client_connected_to = client_.local_address};
}

bool Attempts::is_replaceable() const {
  const http::RequestHead& head = request_.head();
  return http::is_safe(head.method) && head.upgrade.empty() && request_.is_repeatable() &&
         head.body.is_known() &&
         (holds_whole_request_ || head.body.bytes <= options_->replay_bytes_max);
}

bool Attempts::may_repeat(const Error& error) const {
  if (!request_.is_repeatable() || count_ >= options_->attempts_max) return false;
  if (http::was_not_executed(error)) return true;
  return error.code == Code::kConnectionLost && http::is_idempotent(request_.head().method) &&
         request_.head().upgrade.empty();
}

bool Attempts::try_count_repeat(bool is_free) {
  const ExchangeOptions& options = *options_;
  if (repeats_ >= options.retries_max || count_ >= options.attempts_max) return false;
  if (!is_free && !route_->retry_budget.try_spend(context_.loop.now())) {
    context_.metrics.retries_refused.add();
    return false;
  }
  ++repeats_;
  return true;
}

void Attempts::note_failure(upstream::EndpointLease& lease, const Error& error) {
  if (error.source == Source::kUpstream) lease.report_failure(error);
  if (error.code == Code::kConnectFailed) {
    unreachable_.push_back(lease.endpoint());
  } else if (upstream::is_bad_result(error.code)) {
    avoided_.push_back(lease.endpoint());
  }
}

void Attempts::on_reset(const Error& error, bool counts) {
  stream_ = nullptr;
  if (counts) note_failure(lease_, error);
  lease_.release();
  wake_waiting();
}

upstream::EndpointLease Attempts::try_repeat(const Error& error) {
  if (!may_repeat(error)) return {};
  upstream::PickResult next = pick();
  if (next.lease.endpoint() == nullptr) return {};
  if (!http::was_not_executed(error) && !try_count_repeat(lease_.is_probe())) return {};
  context_.metrics.retries.add();
  return std::move(next.lease);
}

// An answer that says the server is at fault is dropped if another endpoint is there to be asked.
bool Attempts::try_replace_answer(int status) {
  lease_.report_answer(status);
  if (!upstream::is_bad_status(status) || !options_->replaces_bad_answers || !is_replaceable())
    return false;
  if (hedge_) {
    adopt_hedge();
    return true;
  }
  avoided_.push_back(lease_.endpoint());
  upstream::PickResult next = pick_healthy();
  if (next.lease.endpoint() == nullptr || !try_count_repeat(lease_.is_probe())) return false;
  std::exchange(stream_, nullptr)->cancel();
  context_.metrics.retries.add();
  start(std::move(next.lease));
  wake_waiting();
  return true;
}

void Attempts::on_answer_chosen() {
  drop_hedge();
  try_timer_.cancel();
}

void Attempts::on_timeout() {
  if (stream_ == nullptr) return;
  // An attempt that had only the rest of another's time proves nothing.
  if (context_.loop.now() - lease_.begun_at() >= try_timeout()) lease_.report_silence();
}

void Attempts::finish() {
  stream_ = nullptr;
  lease_.release();
}

void Attempts::close() {
  try_timer_.cancel();
  if (hedge_) hedge_->cancel();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
  lease_.release();
}

// ---- An attempt beside one that is not answered.

Duration Attempts::try_timeout() const {
  const ExchangeOptions& options = *options_;
  return options.try_timeout > Duration::zero() ? options.try_timeout
                                                : options.response_timeout / 2;
}

void Attempts::set_try_timer() {
  if (stream_ == nullptr || route_->cluster.endpoint_count() < 2) return;
  context_.loop.set_timer(try_timer_, try_timeout());
}

void Attempts::on_try_timeout() {
  upstream::EndpointLease& newest = hedge_ ? hedge_->lease() : lease_;
  newest.report_silence();
  if (is_replaceable()) start_hedge();
}

// At most two attempts run at a time: before a third, the first is given up.
void Attempts::start_hedge() {
  upstream::EndpointLease& newest = hedge_ ? hedge_->lease() : lease_;
  avoided_.push_back(newest.endpoint());
  upstream::PickResult next = pick_healthy();
  if (next.lease.endpoint() == nullptr || !try_count_repeat(newest.is_probe())) return;
  if (hedge_) adopt_hedge();
  context_.metrics.retries.add();
  ++count_;
  hedge_ = std::make_unique<Hedge>(*this, handler_, std::move(next.lease));
  hedge_->lease().count_as_request();
  hedge_->open(stream_options());
  request_.send_to(hedge_->stream());
  set_try_timer();
}

bool Attempts::try_adopt_hedge() {
  if (!hedge_) return false;
  adopt_hedge();
  return true;
}

void Attempts::adopt_hedge() {
  if (stream_ != nullptr) stream_->cancel();
  context_.loop.delete_later(std::move(adopted_));
  adopted_ = std::move(hedge_);
  adopted_->adopt(stream_, lease_);
  if (response_paused_) stream_->pause_response();
  wake_waiting();
  if (context_.reporter != nullptr)
    endpoint_name_ = request_.arena().copy(lease_.endpoint()->name());
}

void Attempts::drop_hedge() {
  if (!hedge_) return;
  hedge_->cancel();
  context_.loop.delete_later(std::move(hedge_));
  wake_waiting();
}

void Attempts::on_hedge_answer(http::ResponseHead& head) {
  if (upstream::is_bad_status(head.status)) {
    hedge_->lease().report_answer(head.status);
    return drop_hedge();
  }
  adopt_hedge();
  handler_.on_response_head(head);
}

void Attempts::on_hedge_reset(const Error& error) {
  note_failure(hedge_->lease(), error);
  drop_hedge();
}

}  // namespace httpteleport::proxy
