// What the services of one worker share.
#pragma once

#include "event/loop.h"
#include "http/date.h"
#include "metrics/worker_metrics.h"
#include "net/lingering.h"
#include "proxy/exchange_reporter.h"
#include "proxy/waiting_queue.h"
#include "relay/udp_batch.h"
#include "tls/server_context.h"

namespace httpteleport::live {

// Outlives them.
struct WorkerContext {
  size_t index;  // of the worker
  event::Loop& loop;
  metrics::WorkerMetrics& metrics;
  net::LingeringConnections& lingering;
  http::DateCache& date;
  proxy::WaitingQueue& queue;         // of requests that wait for a slot of the worker
  tls::ServerContext* tls;            // nullptr: there are no certificates
  proxy::ExchangeReporter* reporter;  // nullptr: nobody wants to know
  relay::UdpBatches& datagrams;
  size_t descriptors_max;  // of net::Listener
  size_t requests_max;     // at a time, on this worker
};

}  // namespace httpteleport::live
