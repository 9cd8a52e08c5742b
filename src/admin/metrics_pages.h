// The pages of -expvarAddr: /expvar and /prometheus, and for whoever watches over the process
// /healthz and /readyz.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "admin/pages.h"
#include "metrics/worker_metrics.h"

namespace httpteleport::admin {

// The counters shown live at least as long as this.
class MetricsPages final : public PageSource {
 public:
  // `is_ready`: requests are taken, and will be.
  MetricsPages(std::vector<const metrics::WorkerMetrics*> shown, std::function<bool()> is_ready)
      : shown_(std::move(shown)), is_ready_(std::move(is_ready)) {}

  Page page_for(const Request& request) override;

 private:
  Page prometheus();
  // 503 while the process drains, and when no endpoint is in service.
  Page readiness() const;

  std::vector<const metrics::WorkerMetrics*> shown_;
  std::function<bool()> is_ready_;
  metrics::Counter prometheus_calls_;
};

}  // namespace httpteleport::admin
