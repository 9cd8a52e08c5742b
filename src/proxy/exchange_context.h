// What the exchanges of one worker are told, and what they share.
#pragma once

#include <memory>
#include <vector>

#include "event/loop.h"
#include "metrics/worker_metrics.h"
#include "proxy/exchange_reporter.h"
#include "proxy/forwarding_headers.h"
#include "proxy/request_id.h"
#include "proxy/retry_budget.h"
#include "proxy/waiting_queue.h"
#include "route/table.h"
#include "upstream/cluster.h"

namespace httpteleport::proxy {

struct ExchangeOptions {
  size_t exchanges_max = 100'000;  // open at one time on one worker; more wait
  // More are answered with 429, and so is who waits too long.
  WaitingQueue::Options queue;
  uint64_t request_body_bytes_max = 4 * 1024 * 1024;  // over it: 413
  // Where a body must be held whole (teleport), a larger one is refused whatever the limit above
  // says.
  uint64_t held_body_bytes_max = uint64_t{1} << 30;
  // Body bytes kept so that a failed attempt can be repeated.
  size_t replay_bytes_max = 512 * 1024;
  // Further attempts of a request that an endpoint may have seen.
  size_t retries_max = 2;
  // Attempts in all: those that an endpoint has certainly not seen are repeated until it is clear
  // that no address can be reached.
  size_t attempts_max = 16;
  RetryBudget::Options retry_budget;
  // An attempt that is not answered for so long gets another one beside it; 0: half of
  // response_timeout.
  Duration try_timeout{};
  Duration response_timeout =
      std::chrono::seconds(3);  // -outTimeout: request sent to response begun
  Duration response_idle_timeout =
      std::chrono::seconds(60);  // between two pieces of a response, or of taking a request
  Duration total_timeout{};      // from the request's head to the answer's end; 0: no limit
  Duration tunnel_idle_timeout = std::chrono::hours(1);  // nothing moves either way
  bool get_only = false;  // -inGetOnly: GET and HEAD pass, any other method gets 405
  ForwardingOptions forwarding;
};

// What the exchanges of one worker share; outlives them.
struct ExchangeContext {
  event::Loop& loop;
  metrics::WorkerMetrics& metrics;
  const ExchangeOptions& options;
  const route::Table& routes;
  WaitingQueue& queue;  // of the worker, like the slots that it waits for
  std::vector<std::unique_ptr<upstream::Cluster>> clusters{};  // by route::ClusterIndex
  size_t exchanges_alive = 0;
  RequestIds request_ids{};
  // Told of every exchange that is over; nullptr: nobody wants to know.
  ExchangeReporter* reporter = nullptr;
  RetryBudget retry_budget{options.retry_budget};
};

}  // namespace httpteleport::proxy
