// The pages of -expvarAddr: /expvar and /prometheus. Answers every request itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/worker_metrics.h"
#include "proxy/request_handler_factory.h"

namespace httpteleport::admin {

// The counters shown live at least as long as this.
class MetricsPages final : public proxy::RequestHandlerFactory {
 public:
  explicit MetricsPages(std::vector<const metrics::WorkerMetrics*> shown)
      : shown_(std::move(shown)) {}

  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const proxy::ClientInfo& client) override;

  struct Page {
    int status = 200;
    std::string body;
    std::string_view content_type = "text/plain; charset=utf-8";
  };
  // The page for a request; `target` is in origin-form.
  Page page_for(http::Method method, std::string_view target);

 private:
  std::vector<const metrics::WorkerMetrics*> shown_;
  metrics::Counter prometheus_calls_;
};

}  // namespace httpteleport::admin
