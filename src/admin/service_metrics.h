// The text of GET /_metrics: services and backends, in Prometheus' format.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/runtime.h"

namespace httpteleport::admin {

// Values of the whole program.
struct ProgramMetrics {
  std::string version;
  uint64_t config_version = 0;
  bool last_reload_ok = true;
  bool state_written = true;
  size_t event_streams = 0;
};

// All series are there from the beginning, with 0. O(backends).
std::string service_metrics(
    const ProgramMetrics& program,
    const std::vector<std::pair<std::string, service::ServiceStats>>& services);

}  // namespace httpteleport::admin
