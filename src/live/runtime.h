// Carries services out: plans for the workers, checks of backends, addresses of names, pages.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "health/monitor.h"
#include "live/make_plan.h"
#include "live/worker.h"
#include "service/runtime.h"

namespace httpteleport::live {

// Control thread. The loop, the workers and the sink outlive it.
class Runtime final : public service::Runtime, private health::HealthHandler {
 public:
  // Letters are answered within this time by workers that are alive.
  static constexpr std::chrono::seconds kApplyTimeout{5};

  Runtime(event::Loop& loop, std::vector<std::unique_ptr<Worker>>& workers, PlanContext context,
          service::EventSink& events);
  ~Runtime();

  std::optional<service::Problem> check(const service::Change& change) override;
  std::optional<service::Problem> apply(const service::Change& change) override;
  std::optional<service::ServiceStats> stats(const std::string& service) override;

  // A service has a backend that takes what is new.
  bool has_available() const;

 private:
  struct Backend {
    std::string service;
    size_t index = 0;  // in its service's plan
    health::Key key = 0;
    bool healthy = true;  // as the checks have it
    bool is_checked = false;
    int64_t since = 0;   // of its status, seconds since 1970
    std::string status;  // as last told
  };
  struct Service {
    std::shared_ptr<const ServicePlan> plan;
    std::map<std::string, Backend> backends;  // by name
  };
  using Plans = std::vector<std::shared_ptr<ServicePlan>>;

  void on_health(health::Key key, bool up, std::string_view reason) override;

  // Which endpoints take what is new, as is known now.
  void set_states(ServicePlan& plan) const;
  void commit(const Plans& plans, const std::vector<std::string>& removed);
  void send(std::shared_ptr<const Step> step);
  void take_backends(Service& service);
  void set_check(const Service& service, Backend& backend, const service::BackendConfig& wanted,
                 const std::shared_ptr<const health::CheckOptions>& options);
  void remove_backend(const Backend& backend);
  void remove_service(const std::string& name);
  static std::string status_of(const service::BackendConfig& config, const Backend& backend,
                               const upstream::EndpointOptions& endpoint);
  void note_status(const Service& service, Backend& backend) const;
  service::BackendStats stats_of(const Service& service, size_t index) const;

  event::Loop& loop_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  PlanContext context_;
  service::EventSink& events_;
  health::Monitor monitor_;
  health::Key next_key_ = 1;
  std::unordered_map<std::string, Service> services_;
  std::unordered_map<health::Key, Backend*> by_key_;
};

}  // namespace httpteleport::live
