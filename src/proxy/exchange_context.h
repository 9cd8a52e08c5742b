// What the exchanges of one worker share.
#pragma once

#include "event/loop.h"
#include "metrics/worker_metrics.h"
#include "proxy/exchange_options.h"
#include "proxy/exchange_reporter.h"
#include "proxy/request_id.h"
#include "proxy/route.h"
#include "proxy/waiting_queue.h"

namespace httpteleport::proxy {

// Outlives them.
struct ExchangeContext {
  event::Loop& loop;
  metrics::WorkerMetrics& metrics;
  const ExchangeOptions& options;  // until a request has a route, which has its own
  Router& router;
  WaitingQueue& queue;  // of the worker, like the slots that it waits for
  size_t exchanges_alive = 0;
  RequestIds request_ids{};
  // Told of every exchange that is over; nullptr: nobody wants to know.
  ExchangeReporter* reporter = nullptr;
};

}  // namespace httpteleport::proxy
