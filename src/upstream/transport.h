// How exchanges travel to one endpoint: over a pool of HTTP/1.1 connections, or over teleport
// links.
#pragma once

#include <string>
#include <vector>

#include "event/loop.h"
#include "http/stream.h"
#include "metrics/worker_metrics.h"
#include "net/address.h"

namespace httpteleport::upstream {

// What the connections of one worker to one endpoint share. References outlive the transport.
struct TransportContext {
  event::Loop& loop;
  metrics::WorkerMetrics& metrics;
  const std::vector<net::Address>& addresses;  // of the endpoint; tried in turn
};

class Transport {
 public:
  virtual ~Transport() = default;

  // A lane for one exchange. Never fails at once: an endpoint that cannot be reached is reported by
  // on_upstream_reset(), later. `handler` outlives the stream.
  // `fresh`: not on a connection that was idle, because the last attempt found such a one closed,
  // and others may be as stale.
  virtual http::UpstreamStream& open_stream(http::ResponseHandler& handler, bool fresh) = 0;

  // No new streams will come: close what is idle now, the rest when it becomes so.
  virtual void drain() = 0;
};

}  // namespace httpteleport::upstream
