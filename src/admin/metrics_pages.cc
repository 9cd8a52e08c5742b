#include "admin/metrics_pages.h"

#include "metrics/export.h"
#include "metrics/prometheus_text.h"

namespace httpteleport::admin {

Page MetricsPages::page_for(const Request& request) {
  const std::string_view path = request.path();
  const bool known =
      path == "/expvar" || path == "/prometheus" || path == "/healthz" || path == "/readyz";
  if (!known) {
    return {.status = 400,
            .body = "unsupported path; /expvar, /prometheus, /healthz and /readyz are there\n"};
  }
  if (request.method != http::Method::kGet && request.method != http::Method::kHead)
    return {.status = 405, .body = "only GET and HEAD are served here\n"};
  if (path == "/prometheus") return prometheus();
  if (path == "/healthz") return {.body = "alive\n"};
  if (path == "/readyz") return readiness();
  return {.body = metrics::to_expvar_json(shown_, query_value(request.query(), "r")),
          .content_type = "application/json; charset=utf-8"};
}

Page MetricsPages::prometheus() {
  prometheus_calls_.add();
  metrics::PrometheusText calls;
  calls.family("prometheusHandlerCalls", "counter");
  calls.sample(static_cast<int64_t>(prometheus_calls_.value()));
  return {.body = metrics::to_prometheus(shown_) + calls.take(),
          .content_type = metrics::kPrometheusContentType};
}

Page MetricsPages::readiness() const {
  if (!is_ready_()) return {.status = 503, .body = "draining\n"};
  int64_t in_service = 0;
  for (const metrics::WorkerMetrics* worker : shown_)
    in_service += worker->endpoints_in_service.value();
  if (in_service <= 0) return {.status = 503, .body = "no endpoint is in service\n"};
  return {.body = "ready\n"};
}

}  // namespace httpteleport::admin
