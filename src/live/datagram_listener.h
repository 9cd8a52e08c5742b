// An address of a service at which datagrams come.
#pragma once

#include <memory>
#include <unordered_map>

#include "live/service_listener.h"
#include "relay/udp_service.h"

namespace httpteleport::live {

// Owned by the service's part of a worker.
class DatagramListener final : public ServiceListener {
 public:
  // Receives at once. `gate` and `backends` outlive it.
  DatagramListener(WorkerContext& worker, std::shared_ptr<const ListenSocket> socket,
                   std::shared_ptr<const net::Socket> bound, const ServicePlan& plan,
                   upstream::Cluster& cluster, metrics::ServiceMetrics& metrics,
                   relay::Backends& backends, relay::SessionGate& gate);

  const ListenSocket* socket() const override { return socket_.get(); }
  void set_plan(const ServicePlan& plan) override { relay_.set_options(plan.udp); }
  // At once: datagrams promise nothing, and the kernel would go on giving this socket those of
  // clients that a new one at the same address is there for.
  void drain() override {
    relay_.drain();
    relay_.abort();
  }
  void abort() override { relay_.abort(); }
  bool is_idle() const override { return relay_.is_idle(); }
  void leave(const upstream::Endpoint& endpoint) override { relay_.leave(endpoint); }
  void leave_former() override { relay_.leave_former(); }

 private:
  std::shared_ptr<const ListenSocket> socket_;
  relay::UdpService relay_;
};

}  // namespace httpteleport::live
