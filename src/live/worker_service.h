// One service as one worker runs it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "live/http_policy.h"
#include "live/plan.h"
#include "live/service_listener.h"
#include "live/virtual_hosts.h"
#include "live/worker_context.h"
#include "proxy/route.h"
#include "upstream/cluster.h"

namespace httpteleport::live {

// Owned by the worker, which outlives it, as does the table of virtual hosts.
class WorkerService final : public HostedService,
                            private relay::Backends,
                            private relay::SessionGate,
                            private upstream::ClusterObserver {
 public:
  WorkerService(WorkerContext& worker, VirtualHosts& hosts, const Step::Put& put);
  ~WorkerService();
  WorkerService(const WorkerService&) = delete;
  WorkerService& operator=(const WorkerService&) = delete;

  // Listens no more at addresses that `next` does not have.
  void give_up_listeners(const ServicePlan& next);
  // Other values: what is the same goes on untouched.
  void update(const Step::Put& put);
  void set_pages(std::shared_ptr<const ErrorPages> pages) { policy_.set_pages(std::move(pages)); }
  void set_in_service(size_t backend, bool in_service);
  void set_addresses(size_t backend, std::vector<net::Address> addresses);

  // Takes no connections any more; what runs finishes, and requests of others still find it.
  void drain_listeners();
  // The same, and nothing new finds it.
  void retire();
  // After retire(): what is left ends now.
  void abort();
  // After retire(): nothing refers to it any more.
  bool is_finished() const;

  const ServicePlan& plan() const { return *plan_; }
  proxy::Route& route() override { return route_; }
  bool is_available() const override { return cluster_.has_healthy(); }

 private:
  metrics::BackendMetrics& counters_of(const upstream::Endpoint& endpoint) override {
    return *endpoint.counters();
  }
  bool is_stream(const upstream::Endpoint& endpoint) override;

  std::optional<uint32_t> admit(const net::Address& client) override;
  void leave(uint32_t ticket) override { plan_->shared->limits.leave(ticket); }

  void on_endpoint_out(const upstream::Endpoint& endpoint, const Error& cause) override;

  void take_values(const ServicePlan* before, const Step::Put& put);
  void update_hosts(const ServicePlan* before);
  void update_listeners(const std::vector<KernelSockets>& sockets);
  // Takes nothing new; it is kept as long as it has something that runs.
  void give_up(std::unique_ptr<ServiceListener> listener);
  // Makes what links need and do not have yet.
  void take_relay_values();
  void leave(const upstream::Endpoint& endpoint);
  void leave_those_that_are_down();
  std::unique_ptr<ServiceListener> make_listener(std::shared_ptr<const ListenSocket> socket,
                                                 const KernelSockets& sockets);
  void delete_drained();

  WorkerContext& worker_;
  VirtualHosts& hosts_;
  std::shared_ptr<const ServicePlan> plan_;
  metrics::ServiceMetrics& metrics_;
  upstream::Cluster cluster_;
  proxy::WaitingQueue queue_;
  HttpPolicy policy_;
  proxy::Route route_;
  Relays relays_;
  std::vector<std::unique_ptr<ServiceListener>> listeners_;
  struct Draining {
    std::unique_ptr<ServiceListener> listener;
    TimePoint until;
  };
  std::vector<Draining> draining_;  // of addresses that are gone
  event::MemberTimer<WorkerService, &WorkerService::delete_drained> drained_timer_{*this};
};

}  // namespace httpteleport::live
