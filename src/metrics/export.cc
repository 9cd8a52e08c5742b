#include "metrics/export.h"

#include <array>
#include <cstdio>

namespace httpteleport::metrics {

namespace {

using Workers = std::span<const WorkerMetrics* const>;

struct NamedNumber {
  const char* expvar;      // the name in /expvar and, as Go's httptp has it, in /prometheus
  const char* prometheus;  // our name with labels, or nullptr when only the old name is shown
  const char* type;        // "counter" or "gauge"
  int64_t (*read)(const WorkerMetrics&);
};

template <class T>
int64_t as_number(const T& metric) {
  return static_cast<int64_t>(metric.value());
}

#define HT_READ(field) [](const WorkerMetrics& m) { return as_number(m.field); }

// Rows of one Prometheus family stand together, as its format asks.
constexpr NamedNumber kNumbers[] = {
    {"inRequestStart", nullptr, "counter", HT_READ(downstream.started)},
    {"inRequestSuccess", nullptr, "counter", HT_READ(downstream.succeeded)},
    {"inRequestNon200", nullptr, "counter", HT_READ(downstream.non_200)},
    {"inRequestTimeoutError", nullptr, "counter", HT_READ(downstream.timeout_errors)},
    {"inRequestOtherError", nullptr, "counter", HT_READ(downstream.other_errors)},
    {"inAcceptSuccess", nullptr, "counter", HT_READ(accepted)},
    {"inAcceptError", nullptr, "counter", HT_READ(accept_errors)},
    {"inConns", "httptp_connections{side=\"downstream\"}", "gauge",
     HT_READ(downstream_sockets.open)},
    {"outConns", "httptp_connections{side=\"upstream\"}", "gauge", HT_READ(upstream_sockets.open)},
    {"inBytesWritten", nullptr, "counter", HT_READ(downstream_sockets.bytes_written)},
    {"inBytesRead", nullptr, "counter", HT_READ(downstream_sockets.bytes_read)},
    {"inWriteError", nullptr, "counter", HT_READ(downstream_sockets.write_errors)},
    {"inReadError", nullptr, "counter", HT_READ(downstream_sockets.read_errors)},
    {"inWriteCalls", nullptr, "counter", HT_READ(downstream_sockets.write_calls)},
    {"inReadCalls", nullptr, "counter", HT_READ(downstream_sockets.read_calls)},
    {"outRequestStart", nullptr, "counter", HT_READ(upstream.started)},
    {"outRequestSuccess", nullptr, "counter", HT_READ(upstream.succeeded)},
    {"outRequestNon200", nullptr, "counter", HT_READ(upstream.non_200)},
    {"outRequestTimeoutError", nullptr, "counter", HT_READ(upstream.timeout_errors)},
    {"outRequestOtherError", nullptr, "counter", HT_READ(upstream.other_errors)},
    {"outDialSuccess", nullptr, "counter", HT_READ(connects)},
    {"outDialError", nullptr, "counter", HT_READ(connect_errors)},
    {"outBytesWritten", nullptr, "counter", HT_READ(upstream_sockets.bytes_written)},
    {"outBytesRead", nullptr, "counter", HT_READ(upstream_sockets.bytes_read)},
    {"outWriteError", nullptr, "counter", HT_READ(upstream_sockets.write_errors)},
    {"outReadError", nullptr, "counter", HT_READ(upstream_sockets.read_errors)},
    {"outWriteCalls", nullptr, "counter", HT_READ(upstream_sockets.write_calls)},
    {"outReadCalls", nullptr, "counter", HT_READ(upstream_sockets.read_calls)},
    {"linkBytesRawSent", "httptp_link_bytes_total{direction=\"sent\",kind=\"raw\"}", "counter",
     HT_READ(link.raw_sent)},
    {"linkBytesWireSent", "httptp_link_bytes_total{direction=\"sent\",kind=\"wire\"}", "counter",
     HT_READ(link.wire_sent)},
    {"linkBytesRawReceived", "httptp_link_bytes_total{direction=\"received\",kind=\"raw\"}",
     "counter", HT_READ(link.raw_received)},
    {"linkBytesWireReceived", "httptp_link_bytes_total{direction=\"received\",kind=\"wire\"}",
     "counter", HT_READ(link.wire_received)},
    {"linkBatchesSent", "httptp_link_batches_total", "counter", HT_READ(link.batches_sent)},
    {"linkMessagesSent", "httptp_link_messages_total{direction=\"sent\"}", "counter",
     HT_READ(link.messages_sent)},
    {"linkMessagesReceived", "httptp_link_messages_total{direction=\"received\"}", "counter",
     HT_READ(link.messages_received)},
    {"linkLateAnswers", "httptp_link_late_answers_total", "counter", HT_READ(link.late_answers)},
    {"linkConns", "httptp_link_connections", "gauge", HT_READ(link.open)},
    {"responses1xx", "httptp_responses_total{code_class=\"1xx\"}", "counter",
     HT_READ(responses[1])},
    {"responses2xx", "httptp_responses_total{code_class=\"2xx\"}", "counter",
     HT_READ(responses[2])},
    {"responses3xx", "httptp_responses_total{code_class=\"3xx\"}", "counter",
     HT_READ(responses[3])},
    {"responses4xx", "httptp_responses_total{code_class=\"4xx\"}", "counter",
     HT_READ(responses[4])},
    {"responses5xx", "httptp_responses_total{code_class=\"5xx\"}", "counter",
     HT_READ(responses[5])},
    {"refusedAddress", "httptp_connections_refused_total{reason=\"address\"}", "counter",
     HT_READ(refused.address)},
    {"refusedProxySender", "httptp_connections_refused_total{reason=\"proxy_sender\"}", "counter",
     HT_READ(refused.proxy_sender)},
    {"refusedProxyHeader", "httptp_connections_refused_total{reason=\"proxy_header\"}", "counter",
     HT_READ(refused.proxy_header)},
    {"refusedProxyTimeout", "httptp_connections_refused_total{reason=\"proxy_timeout\"}", "counter",
     HT_READ(refused.proxy_timeout)},
    {"refusedProxyCrowded", "httptp_connections_refused_total{reason=\"proxy_crowded\"}", "counter",
     HT_READ(refused.proxy_crowded)},
    {"retries", "httptp_retries_total", "counter", HT_READ(retries)},
    {"accessLogLinesWritten", "httptp_access_log_lines_total{result=\"written\"}", "counter",
     HT_READ(access_log_lines_written)},
    {"accessLogLinesDropped", "httptp_access_log_lines_total{result=\"dropped\"}", "counter",
     HT_READ(access_log_lines_dropped)},
    {"retriesRefused", "httptp_retries_refused_total", "counter", HT_READ(retries_refused)},
    {"probes", "httptp_probes_total", "counter", HT_READ(probes)},
    {"ejections", "httptp_ejections_total", "counter", HT_READ(ejections)},
    {"checks", "httptp_checks_total", "counter", HT_READ(checks)},
    {"checksFailed", "httptp_checks_failed_total", "counter", HT_READ(checks_failed)},
    {"queueLength", "httptp_queue_length", "gauge", HT_READ(queue_length)},
    {"queueWaits", "httptp_queue_waits_total", "counter", HT_READ(queue_waits)},
    {"queueRefused", "httptp_queue_refused_total", "counter", HT_READ(queue_refused)},
    {"endpoints", "httptp_endpoints", "gauge", HT_READ(endpoints)},
    {"endpointsInService", "httptp_endpoints_in_service", "gauge", HT_READ(endpoints_in_service)},
    {"exchangesOpen", "httptp_exchanges_open", "gauge", HT_READ(exchanges_open)},
    {"upgrades", "httptp_upgrades_total", "counter", HT_READ(upgrades)},
    {"tunnelsOpen", "httptp_tunnels_open", "gauge", HT_READ(tunnels_open)},
};

#undef HT_READ

// Upper bounds of the exported histogram, in microseconds: 100 us to 10 s.
constexpr uint64_t kDurationBoundsUs[] = {
    100,    250,     500,     1'000,   2'500,     5'000,     10'000,    25'000,
    50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

int64_t sum(Workers workers, const NamedNumber& number) {
  int64_t total = 0;
  for (const WorkerMetrics* worker : workers)
    total += number.read(*worker);
  return total;
}

uint64_t sum_failures(Workers workers, size_t code) {
  uint64_t total = 0;
  for (const WorkerMetrics* worker : workers)
    total += worker->failures[code].value();
  return total;
}

HistogramSnapshot sum_durations(Workers workers) {
  HistogramSnapshot all;
  for (const WorkerMetrics* worker : workers)
    worker->request_duration.add_to(all);
  return all;
}

std::string family_of(std::string_view name_with_labels) {
  return std::string(name_with_labels.substr(0, name_with_labels.find('{')));
}

void append_type(std::string& text, const std::string& family, const char* type) {
  text += "# TYPE " + family + " " + type + "\n";
}

void append_durations(std::string& text, const HistogramSnapshot& durations) {
  append_type(text, "httptp_request_duration_seconds", "histogram");
  std::array<char, 128> line;
  for (const uint64_t bound : kDurationBoundsUs) {
    std::snprintf(line.data(), line.size(),
                  "httptp_request_duration_seconds_bucket{le=\"%g\"} %llu\n",
                  static_cast<double>(bound) / 1e6,
                  static_cast<unsigned long long>(durations.count_up_to(bound)));
    text += line.data();
  }
  std::snprintf(line.data(), line.size(),
                "httptp_request_duration_seconds_bucket{le=\"+Inf\"} %llu\n",
                static_cast<unsigned long long>(durations.count));
  text += line.data();
  std::snprintf(line.data(), line.size(), "httptp_request_duration_seconds_sum %.6f\n",
                static_cast<double>(durations.sum_us) / 1e6);
  text += line.data();
  text += "httptp_request_duration_seconds_count " + std::to_string(durations.count) + "\n";
}

}  // namespace

std::string to_expvar_json(Workers workers, std::string_view name_filter) {
  std::string text = "{";
  const auto add = [&](std::string_view name, const std::string& value) {
    if (name.find(name_filter) == std::string_view::npos) return;
    text += text.size() == 1 ? "\n" : ",\n";
    text += "\"" + std::string(name) + "\": " + value;
  };
  for (const NamedNumber& number : kNumbers)
    add(number.expvar, std::to_string(sum(workers, number)));
  for (size_t code = 0; code < WorkerMetrics::kCodes; ++code) {
    add(std::string("failures.") + code_name(static_cast<Code>(code)),
        std::to_string(sum_failures(workers, code)));
  }
  const HistogramSnapshot durations = sum_durations(workers);
  add("requestDurationMicrosecondsP50", std::to_string(durations.quantile_us(0.50)));
  add("requestDurationMicrosecondsP99", std::to_string(durations.quantile_us(0.99)));
  return text + "\n}\n";
}

std::string to_prometheus(Workers workers) {
  std::string text;
  for (const NamedNumber& number : kNumbers) {
    append_type(text, number.expvar, number.type);
    text += std::string(number.expvar) + " " + std::to_string(sum(workers, number)) + "\n";
  }
  std::string open_family;
  for (const NamedNumber& number : kNumbers) {
    if (number.prometheus == nullptr) continue;
    const std::string family = family_of(number.prometheus);
    if (family != open_family) append_type(text, family, number.type);
    open_family = family;
    text += std::string(number.prometheus) + " " + std::to_string(sum(workers, number)) + "\n";
  }
  append_type(text, "httptp_failures_total", "counter");
  for (size_t code = 0; code < WorkerMetrics::kCodes; ++code) {
    text += std::string("httptp_failures_total{reason=\"") + code_name(static_cast<Code>(code)) +
            "\"} " + std::to_string(sum_failures(workers, code)) + "\n";
  }
  append_durations(text, sum_durations(workers));
  return text;
}

}  // namespace httpteleport::metrics
