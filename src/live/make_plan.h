// From a service's configuration to what the workers run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "live/plan.h"
#include "service/runtime.h"

namespace httpteleport::live {

// What the plans of all services have in common.
struct PlanContext {
  size_t workers = 1;
  bool https_redirect = false;             // of all services: -https-redirect
  std::function<bool()> has_certificates;  // for listeners with TLS
  // Values that services do not have.
  proxy::ExchangeOptions exchanges;
  proxy::Http1SessionOptions http1;
};

using OpenSockets = std::vector<std::shared_ptr<ListenSocket>>;

// `known` is the plan in force, null if the service is new: what is the same is taken over from it,
// counters. `open`: bound addresses that are its own, or that others give up
// with the same change; the others that it needs are bound. Reads certificates of CAs. On errors
// returns what is wrong, and what was bound is closed again.
std::optional<service::Problem> make_plan(const PlanContext& context,
                                          std::shared_ptr<const service::ServiceConfig> config,
                                          const ServicePlan* known, const OpenSockets& open,
                                          std::shared_ptr<ServicePlan>& result);

// What make_plan() would find wrong, without binding anything.
std::optional<service::Problem> check_plan(const PlanContext& context,
                                           const service::ServiceConfig& config);

// Reads the certificates of CAs that the service names once more. On errors `plan` has what it had.
std::optional<service::Problem> read_tls_files(ServicePlan& plan);

// What the plan shares with the one before it has its values from now on.
void put_limits_in_force(const ServicePlan& plan);

}  // namespace httpteleport::live
