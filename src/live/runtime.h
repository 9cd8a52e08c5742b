// Carries services out: plans for the workers, checks of backends, addresses of names, pages.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "fetch/error_pages.h"
#include "health/monitor.h"
#include "live/endpoint_address.h"
#include "live/make_plan.h"
#include "live/worker.h"
#include "net/name_resolver.h"
#include "service/runtime.h"

namespace httpteleport::live {

// Control thread. The loop, the workers and the sink outlive it.
class Runtime final : public service::Runtime,
                      private health::HealthHandler,
                      private net::NameHandler,
                      private fetch::PageHandler {
 public:
  // Letters are answered within this time by workers that are alive.
  static constexpr std::chrono::seconds kApplyTimeout{5};

  // `admin`: addresses from which no page is fetched.
  Runtime(event::Loop& loop, std::vector<std::unique_ptr<Worker>>& workers, PlanContext context,
          const std::vector<net::Address>& admin, service::EventSink& events);
  ~Runtime();

  std::optional<service::Problem> check(const service::Change& change) override;
  std::optional<service::Problem> apply(const service::Change& change) override;
  std::optional<service::ServiceStats> stats(const std::string& service) override;

  // Requests or connections of a worker have found that the backend fails. If it is checked, it is
  // down for all until its checks say otherwise.
  void note_failure(const std::string& service, const std::string& backend,
                    const std::string& cause);
  // Reads files anew that services name.
  void reload_files();
  // The program ends: addresses that services listen on are given up, and no change is taken any
  // more.
  void stop_listening();
  // A service has a backend that takes what is new.
  bool has_available() const;

 private:
  // What is looked up, and its addresses so far.
  struct Name {
    NameId id = 0;  // 0: nothing is
    std::optional<net::HostPort> target;
    int family = 0;  // see Place
    std::vector<net::Address> addresses;
  };
  struct Backend {
    std::string service;
    size_t index = 0;  // in its service's plan
    health::Key key = 0;
    bool healthy = true;  // as the checks have it
    bool is_checked = false;
    Name address;  // if that is a name
    Name check_address;
    int64_t since = 0;   // of its status, seconds since 1970
    std::string status;  // as last told
  };
  struct Service {
    std::shared_ptr<const ServicePlan> plan;
    std::map<std::string, Backend> backends;  // by name
    std::shared_ptr<const ErrorPages> pages;  // null: none
  };
  using Plans = std::vector<std::shared_ptr<ServicePlan>>;

  void on_health(health::Key key, bool up, std::string_view reason) override;
  void on_addresses(NameId id, const std::vector<net::Address>& addresses) override;
  void on_page(const fetch::PageSource& source,
               const std::shared_ptr<const fetch::Page>& page) override;
  void on_page_problem(const fetch::PageSource& source, const std::string& problem) override;

  const Service* find(const std::string& service) const;
  // Which endpoints take what is new, and where those with names are, as is known now.
  void set_states(ServicePlan& plan) const;
  // Uses the sources of `to` in place of those of `from`, either may be null.
  void change_pages(const ServicePlan* from, const ServicePlan* to);
  std::shared_ptr<const ErrorPages> make_pages(const service::ServiceConfig& config) const;
  void look_up(Name& name, const Place& place, Backend& backend);
  void redirect_others(const service::Change& change, Plans& plans) const;
  void commit(const Plans& plans, const std::vector<std::string>& removed);
  static void close_unused(const OpenSockets& open, const Plans& plans);
  void send(std::shared_ptr<const Step> step);
  void wait_for_workers(Countdown& applied);
  void take_backends(Service& service);
  void find_addresses(const Service& service, Backend& backend);
  void set_check(const Service& service, Backend& backend, const service::BackendConfig& wanted,
                 const std::shared_ptr<const health::CheckOptions>& options);
  void remove_backend(Backend& backend);
  void remove_service(const std::string& name);
  static std::string status_of(const service::BackendConfig& config, const Backend& backend);
  void note_status(const Service& service, Backend& backend) const;
  service::BackendStats stats_of(const Service& service, size_t index) const;

  std::vector<std::unique_ptr<Worker>>& workers_;
  PlanContext context_;
  const bool redirects_;  // all services, whatever their configuration says
  service::EventSink& events_;
  health::Monitor monitor_;
  net::NameResolver names_;
  fetch::ErrorPages pages_;
  health::Key next_key_ = 1;
  bool stopped_ = false;
  std::unordered_map<std::string, Service> services_;
  std::unordered_map<health::Key, Backend*> by_key_;
  std::unordered_map<NameId, Backend*> by_name_;
};

}  // namespace httpteleport::live
