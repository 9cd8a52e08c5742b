// The text that shows the counters: Go's expvar JSON and Prometheus' exposition format 0.0.4.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "metrics/worker_metrics.h"

namespace httpteleport::metrics {

// Sums over `workers`; may be called from any thread while they run. Each number is exact, but
// numbers of different names are not read at one instant.
//
// The Go httptp's names come first, then ours. `name_filter` keeps the names that contain it
// (empty: all).
std::string to_expvar_json(std::span<const WorkerMetrics* const> workers,
                           std::string_view name_filter);
std::string to_prometheus(std::span<const WorkerMetrics* const> workers);

}  // namespace httpteleport::metrics
