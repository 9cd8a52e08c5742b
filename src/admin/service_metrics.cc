#include "admin/service_metrics.h"

#include "metrics/prometheus_text.h"

namespace httpteleport::admin {

namespace {

using metrics::PrometheusText;
using service::BackendStats;
using service::ServiceStats;

template <class Stats>
struct Series {
  const char* family;
  const char* type;
  const char* label;  // further labels, or ""
  int64_t (*read)(const Stats&);
};

// Rows of one family stand together.
constexpr Series<BackendStats> kOfBackends[] = {
    {"shuttle_backend_up", "gauge", "", [](const BackendStats& s) { return int64_t{s.up}; }},
    {"shuttle_backend_weight", "gauge", "", [](const BackendStats& s) { return s.weight; }},
    {"shuttle_backend_connections_total", "counter", "",
     [](const BackendStats& s) { return s.connections; }},
    {"shuttle_backend_connections_active", "gauge", "",
     [](const BackendStats& s) { return s.active; }},
    {"shuttle_backend_requests_total", "counter", "",
     [](const BackendStats& s) { return s.http_requests; }},
    {"shuttle_backend_requests_active", "gauge", "",
     [](const BackendStats& s) { return s.http_active; }},
    {"shuttle_backend_bytes_total", "counter", "direction=\"sent\"",
     [](const BackendStats& s) { return s.sent; }},
    {"shuttle_backend_bytes_total", "counter", "direction=\"received\"",
     [](const BackendStats& s) { return s.received; }},
    {"shuttle_backend_errors_total", "counter", "", [](const BackendStats& s) { return s.errors; }},
    {"shuttle_backend_checks_total", "counter", "result=\"success\"",
     [](const BackendStats& s) { return s.check_success; }},
    {"shuttle_backend_checks_total", "counter", "result=\"failure\"",
     [](const BackendStats& s) { return s.check_fail; }},
};

constexpr Series<ServiceStats> kOfServices[] = {
    {"shuttle_service_connections_total", "counter", "",
     [](const ServiceStats& s) { return s.connections; }},
    {"shuttle_service_connections_active", "gauge", "",
     [](const ServiceStats& s) { return s.active; }},
    {"shuttle_service_requests_total", "counter", "",
     [](const ServiceStats& s) { return s.http_connections; }},
    {"shuttle_service_requests_active", "gauge", "",
     [](const ServiceStats& s) { return s.http_active; }},
    {"shuttle_service_bytes_total", "counter", "direction=\"sent\"",
     [](const ServiceStats& s) { return s.sent; }},
    {"shuttle_service_bytes_total", "counter", "direction=\"received\"",
     [](const ServiceStats& s) { return s.received; }},
    {"shuttle_service_errors_total", "counter", "", [](const ServiceStats& s) { return s.errors; }},
    {"shuttle_service_request_errors_total", "counter", "",
     [](const ServiceStats& s) { return s.http_errors; }},
    {"shuttle_service_limited_total", "counter", "",
     [](const ServiceStats& s) { return s.limited; }},
    {"shuttle_service_datagrams_dropped_total", "counter", "",
     [](const ServiceStats& s) { return s.dropped; }},
    {"shuttle_service_link_bytes_total", "counter", "direction=\"sent\",kind=\"raw\"",
     [](const ServiceStats& s) { return s.link_raw_sent; }},
    {"shuttle_service_link_bytes_total", "counter", "direction=\"sent\",kind=\"wire\"",
     [](const ServiceStats& s) { return s.link_wire_sent; }},
    {"shuttle_service_link_bytes_total", "counter", "direction=\"received\",kind=\"raw\"",
     [](const ServiceStats& s) { return s.link_raw_received; }},
    {"shuttle_service_link_bytes_total", "counter", "direction=\"received\",kind=\"wire\"",
     [](const ServiceStats& s) { return s.link_wire_received; }},
};

// A service or a backend under its labels.
template <class Stats>
struct Shown {
  std::string labels;
  const Stats* stats;
};

template <class Stats, size_t kCount>
void append(PrometheusText& text, const Series<Stats> (&all)[kCount],
            const std::vector<Shown<Stats>>& shown) {
  static constexpr size_t kLineBytes = 80;  // or so
  text.reserve(kCount * shown.size() * kLineBytes);
  std::string_view open_family;
  for (const Series<Stats>& series : all) {
    if (open_family != series.family) text.family(series.family, series.type);
    open_family = series.family;
    for (const auto& [labels, stats] : shown)
      text.sample(labels, series.label, series.read(*stats));
  }
}

void append_gauge(PrometheusText& text, std::string_view name, int64_t value) {
  text.family(name, "gauge");
  text.sample(value);
}

}  // namespace

std::string service_metrics(const ProgramMetrics& program,
                            const std::vector<std::pair<std::string, ServiceStats>>& services) {
  std::vector<Shown<ServiceStats>> shown_services;
  std::vector<Shown<BackendStats>> shown_backends;
  for (const auto& [name, stats] : services) {
    const std::string service = PrometheusText::label("service", name);
    shown_services.push_back({service, &stats});
    for (const BackendStats& backend : stats.backends)
      shown_backends.push_back(
          {service + "," + PrometheusText::label("backend", backend.name), &backend});
  }
  PrometheusText text;
  text.family("shuttle_build_info", "gauge");
  text.sample(PrometheusText::label("version", program.version), 1);
  append_gauge(text, "shuttle_services", static_cast<int64_t>(services.size()));
  append_gauge(text, "shuttle_config_version", static_cast<int64_t>(program.config_version));
  append_gauge(text, "shuttle_config_last_reload_success", program.last_reload_ok);
  append_gauge(text, "shuttle_config_state_written", program.state_written);
  append_gauge(text, "shuttle_event_streams", static_cast<int64_t>(program.event_streams));
  append(text, kOfServices, shown_services);
  append(text, kOfBackends, shown_backends);
  return text.take();
}

}  // namespace httpteleport::admin
