// Where a request goes, and by which rules: what stands between an exchange and the many ways in
// which a program may know that.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/message.h"
#include "metrics/service_metrics.h"
#include "proxy/exchange_options.h"
#include "proxy/request_handler_factory.h"
#include "proxy/retry_budget.h"
#include "proxy/waiting_queue.h"
#include "upstream/cluster.h"

namespace httpteleport::proxy {

// A whole answer that is ready to be sent.
struct LocalAnswer {
  int status = 0;
  std::shared_ptr<const std::string> body;  // not null; many answers may share one
  std::vector<std::pair<std::string, std::string>> fields{};  // beside Content-Length
};

// What a route does beside passing requests on. Called on the worker.
class RoutePolicy {
 public:
  // An answer in place of passing the request on; nothing: it may pass, and on_request_over()
  // follows with the `ticket` that this has given. Once for each request.
  virtual std::optional<LocalAnswer> refuse(const http::RequestHead& head, const ClientInfo& client,
                                            uint32_t& ticket) = 0;
  // What stands in the place of answers with that status, whoever has made them; nullptr: nothing.
  // Good until the next call.
  virtual const LocalAnswer* page_for(int status) = 0;
  virtual void on_request_over(uint32_t ticket) = 0;

 protected:
  ~RoutePolicy() = default;
};

// Owned by a worker, and outlives the exchanges that have it. The values may change while it is
// used: exchanges under way finish with those that they have begun with.
struct Route {
  upstream::Cluster& cluster;
  std::shared_ptr<const ExchangeOptions> options;
  WaitingQueue& queue;  // of those who wait for an endpoint
  RetryBudget retry_budget;
  metrics::ServiceMetrics* counters = nullptr;  // nullptr: nobody wants to know
  RoutePolicy* policy = nullptr;                // nullptr: requests are passed on, that is all
  size_t exchanges = 0;                         // alive
};

class Router {
 public:
  // nullptr: nobody serves that. `head` is good for the call.
  virtual Route* route(const http::RequestHead& head) = 0;

 protected:
  ~Router() = default;
};

}  // namespace httpteleport::proxy
