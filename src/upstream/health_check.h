// Active checks of one endpoint: GET a path now and then, over the way its requests take, and tell
// its health how that went.
#pragma once

#include <string>

#include "base/random.h"
#include "event/loop.h"
#include "http/stream.h"
#include "metrics/worker_metrics.h"

namespace httpteleport::upstream {

struct HealthCheckOptions {
  std::string path;  // in origin-form; empty: no checks
  Duration interval = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(3);  // for the head; no more than the interval counts
};

// Whom a check asks, and whom it tells.
class CheckTarget {
 public:
  virtual http::UpstreamStream& open_check_stream(http::ResponseHandler& handler) = 0;
  virtual void on_check(bool good) = 0;

 protected:
  ~CheckTarget() = default;
};

// Owned by its endpoint. Intervals vary by a tenth either way, so that workers and proxies do not
// ask at the same moment for ever; the first check comes within the first interval. At most one
// check is under way. An answer of 2xx or 3xx is good; its body is not waited for.
class HealthCheck final : private http::ResponseHandler {
 public:
  // `host`: for the Host field. All outlive the check.
  HealthCheck(event::Loop& loop, metrics::WorkerMetrics& metrics, const HealthCheckOptions& options,
              const std::string& host, CheckTarget& target, uint64_t seed);
  ~HealthCheck() { stop(); }
  HealthCheck(const HealthCheck&) = delete;
  HealthCheck& operator=(const HealthCheck&) = delete;

  // Ends what is under way; no further check begins.
  void stop();

 private:
  void on_response_head(http::ResponseHead& head) override;
  void on_response_body(std::string_view) override {}
  void on_response_end(const http::Fields&) override {}
  void on_upstream_reset(const Error& error) override;
  void on_request_blocked() override {}
  void on_request_unblocked() override {}

  void begin();
  void on_timeout();
  void finish(bool good);
  void set_timer();

  event::Loop& loop_;
  metrics::WorkerMetrics& metrics_;
  const HealthCheckOptions& options_;
  const std::string& host_;
  CheckTarget& target_;
  Random random_;
  http::UpstreamStream* stream_ = nullptr;
  event::MemberTimer<HealthCheck, &HealthCheck::begin> interval_timer_{*this};
  event::MemberTimer<HealthCheck, &HealthCheck::on_timeout> timeout_timer_{*this};
};

}  // namespace httpteleport::upstream
