// What a service does with HTTP requests beside passing them on: maintenance, the way to https,
// limits, pages in place of errors.
#pragma once

#include <memory>

#include "event/loop.h"
#include "live/plan.h"
#include "proxy/route.h"

namespace httpteleport::live {

// Owned by the service's part of a worker.
class HttpPolicy final : public proxy::RoutePolicy {
 public:
  HttpPolicy(event::Loop& loop, metrics::ServiceMetrics& metrics)
      : loop_(loop), metrics_(metrics) {}

  void set_plan(std::shared_ptr<const ServicePlan> plan) { plan_ = std::move(plan); }
  // nullptr: none.
  void set_pages(std::shared_ptr<const ErrorPages> pages) { pages_ = std::move(pages); }

  std::optional<proxy::LocalAnswer> refuse(const http::RequestHead& head,
                                           const proxy::ClientInfo& client,
                                           uint32_t& ticket) override;
  const proxy::LocalAnswer* page_for(int status) override;
  void on_request_over(uint32_t ticket) override;

 private:
  proxy::LocalAnswer error(int status, std::string_view line);
  proxy::LocalAnswer limited(const ServiceLimits::Admission& admission);

  event::Loop& loop_;
  metrics::ServiceMetrics& metrics_;
  std::shared_ptr<const ServicePlan> plan_;
  std::shared_ptr<const ErrorPages> pages_;
};

}  // namespace httpteleport::live
