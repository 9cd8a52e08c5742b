#include "upstream/health_check.h"

#include <algorithm>

namespace httpteleport::upstream {

HealthCheck::HealthCheck(event::Loop& loop, metrics::WorkerMetrics& metrics,
                         const HealthCheckOptions& options, const std::string& host,
                         CheckTarget& target, uint64_t seed)
    : loop_(loop),
      metrics_(metrics),
      options_(options),
      host_(host),
      target_(target),
      random_(seed) {
  loop_.set_timer(interval_timer_, options_.interval / 256 * random_.below(256));
}

void HealthCheck::stop() {
  interval_timer_.cancel();
  timeout_timer_.cancel();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
}

// 90 % to 110 % of the interval.
void HealthCheck::set_timer() {
  loop_.set_timer(interval_timer_, options_.interval / 1000 * (900 + random_.below(201)));
}

void HealthCheck::begin() {
  http::RequestHead head;
  head.method = http::Method::kGet;
  head.method_text = "GET";
  head.target = options_.path;
  head.authority = host_;
  head.fields.add("Host", host_, http::FieldId::kHost);
  head.fields.add("User-Agent", "httptp-check");
  stream_ = &target_.open_check_stream(*this);
  stream_->send_request_head(head);
  stream_->end_request({});
  loop_.set_timer(timeout_timer_, std::min(options_.timeout, options_.interval));
}

void HealthCheck::on_response_head(http::ResponseHead& head) {
  if (head.is_informational()) return;
  std::exchange(stream_, nullptr)->cancel();
  finish(head.status < 400);
}

void HealthCheck::on_upstream_reset(const Error&) {
  stream_ = nullptr;
  finish(false);
}

void HealthCheck::on_timeout() {
  std::exchange(stream_, nullptr)->cancel();
  finish(false);
}

void HealthCheck::finish(bool good) {
  timeout_timer_.cancel();
  metrics_.checks.add();
  if (!good) metrics_.checks_failed.add();
  set_timer();
  target_.on_check(good);
}

}  // namespace httpteleport::upstream
