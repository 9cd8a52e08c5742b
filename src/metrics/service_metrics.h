// What one worker counts of a service and of each of its backends, for the statistics of the admin
// API. Whoever shows them sums over the workers.
#pragma once

#include "metrics/counter.h"
#include "metrics/worker_metrics.h"

namespace httpteleport::metrics {

// What a service and a backend have in common. Written by one worker, read by any thread.
struct TrafficMetrics {
  Counter sent;         // bytes to clients
  Counter received;     // bytes from clients
  Counter errors;       // see ServiceMetrics and BackendMetrics
  Counter connections;  // of TCP, sessions of UDP
  Gauge active;         // of these, now
  Gauge http_active;    // requests under way
  Counter http_requests;
};

// `errors`: clients that no backend could be found for, and those whose connection or session a
// backend has broken off.
struct ServiceMetrics : TrafficMetrics {
  Counter http_errors;  // requests that no backend answered
  Counter limited;      // connections, sessions and requests refused by a limit
  Counter
      dropped;  // UDP: datagrams that were not passed on, as a buffer was full or they broke a rule
  LinkMetrics link;  // of its links, to backends and at its own addresses
};

// `errors`: connects that failed, and connections that the backend has broken off.
struct BackendMetrics : TrafficMetrics {
  Gauge out;  // 1: it fails, and this worker leaves it alone for a while
};

}  // namespace httpteleport::metrics
