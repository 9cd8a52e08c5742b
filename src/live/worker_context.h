// What the services of one worker share.
#pragma once

#include <string>

#include "event/loop.h"
#include "http/date.h"
#include "metrics/worker_metrics.h"
#include "net/lingering.h"
#include "net/pipe_pool.h"
#include "proxy/exchange_reporter.h"
#include "proxy/waiting_queue.h"
#include "relay/udp_batch.h"
#include "tls/server_context.h"

namespace httpteleport::live {

// Is told, on the worker's thread, what services find out.
class FailureSink {
 public:
  virtual void on_backend_out(const std::string& service, const std::string& backend,
                              const std::string& cause) = 0;

 protected:
  ~FailureSink() = default;
};

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
  net::PipePool& pipes;
  size_t descriptors_max;  // of net::Listener
  FailureSink* failures;   // nullptr: nobody wants to know
};

}  // namespace httpteleport::live
