#include "metrics/export.h"

#include <array>
#include <cstdio>

#include "metrics/prometheus_text.h"

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
    {"linkStreams", "httptp_link_streams_total", "counter", HT_READ(link.streams)},
    {"linkResetsSent", "httptp_link_resets_total{direction=\"sent\"}", "counter",
     HT_READ(link.resets_sent)},
    {"linkResetsReceived", "httptp_link_resets_total{direction=\"received\"}", "counter",
     HT_READ(link.resets_received)},
    {"linkWindowStalls", "httptp_link_window_stalls_total", "counter", HT_READ(link.window_stalls)},
    {"linkLines", "httptp_link_lines_total", "counter", HT_READ(link.lines)},
    {"linkLinesKnown", "httptp_link_lines_known_total", "counter", HT_READ(link.known_lines)},
    {"linkBodies", "httptp_link_bodies_total", "counter", HT_READ(link.bodies)},
    {"linkBodiesKnown", "httptp_link_bodies_known_total", "counter", HT_READ(link.known_bodies)},
    {"linkEncodeNanoseconds", "httptp_link_codec_nanoseconds_total{direction=\"sent\"}", "counter",
     HT_READ(link.encode_ns)},
    {"linkDecodeNanoseconds", "httptp_link_codec_nanoseconds_total{direction=\"received\"}",
     "counter", HT_READ(link.decode_ns)},
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

void append_durations(PrometheusText& text, const HistogramSnapshot& durations) {
  static constexpr std::string_view kName = "httptp_request_duration_seconds";
  text.family(kName, "histogram");
  const std::string name(kName);
  std::array<char, 32> number;
  for (const uint64_t bound : kDurationBoundsUs) {
    std::snprintf(number.data(), number.size(), "%g", static_cast<double>(bound) / 1e6);
    text.line(name + "_bucket{" + PrometheusText::label("le", number.data()) + "}",
              std::to_string(durations.count_up_to(bound)));
  }
  text.line(name + "_bucket{le=\"+Inf\"}", std::to_string(durations.count));
  std::snprintf(number.data(), number.size(), "%.6f", static_cast<double>(durations.sum_us) / 1e6);
  text.line(name + "_sum", number.data());
  text.line(name + "_count", std::to_string(durations.count));
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
  PrometheusText text;
  for (const NamedNumber& number : kNumbers) {
    text.family(number.expvar, number.type);
    text.sample(sum(workers, number));
  }
  std::string open_family;
  for (const NamedNumber& number : kNumbers) {
    if (number.prometheus == nullptr) continue;
    const std::string family = family_of(number.prometheus);
    if (family != open_family) text.family(family, number.type);
    open_family = family;
    text.line(number.prometheus, std::to_string(sum(workers, number)));
  }
  text.family("httptp_failures_total", "counter");
  for (size_t code = 0; code < WorkerMetrics::kCodes; ++code) {
    text.sample(PrometheusText::label("reason", code_name(static_cast<Code>(code))),
                static_cast<int64_t>(sum_failures(workers, code)));
  }
  append_durations(text, sum_durations(workers));
  return text.take();
}

}  // namespace httpteleport::metrics
