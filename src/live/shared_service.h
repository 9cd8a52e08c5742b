// What the workers, and the successive configurations, of one service have in common.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "live/service_limits.h"
#include "metrics/service_metrics.h"
#include "proxy/route.h"
#include "upstream/shared_limits.h"

namespace httpteleport::live {

// Answers in the place of others, by status. Immutable.
using ErrorPages = std::map<int, proxy::LocalAnswer>;

struct SharedService {
  explicit SharedService(size_t workers) {
    for (size_t i = 0; i < workers; ++i)
      counters.push_back(std::make_unique<metrics::ServiceMetrics>());
  }

  // Of each worker, written by it; read by any thread.
  std::vector<std::unique_ptr<metrics::ServiceMetrics>> counters;
  ServiceLimits limits;
};

}  // namespace httpteleport::live
