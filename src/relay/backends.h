// What a relay must know of the backend that it has chosen, beside what the cluster knows.
#pragma once

#include "metrics/service_metrics.h"
#include "upstream/cluster.h"

namespace httpteleport::relay {

// The worker's thread. Outlives the relays that use it. Asked once a connection or session.
class Backends {
 public:
  // Good for as long as a lease of `endpoint` is held.
  virtual metrics::BackendMetrics& counters_of(const upstream::Endpoint& endpoint) = 0;
  // UDP only: datagrams go to it over a connection, each behind its length. Unix sockets are taken
  // for streams without asking.
  virtual bool is_stream(const upstream::Endpoint&) { return false; }

 protected:
  ~Backends() = default;
};

}  // namespace httpteleport::relay
