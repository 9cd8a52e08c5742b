#include "live/datagram_listener.h"

namespace httpteleport::live {

DatagramListener::DatagramListener(WorkerContext& worker,
                                   std::shared_ptr<const ListenSocket> socket,
                                   std::shared_ptr<const net::Socket> bound,
                                   const ServicePlan& plan, upstream::Cluster& cluster,
                                   metrics::ServiceMetrics& metrics, relay::Backends& backends,
                                   relay::SessionGate& gate)
    : socket_(std::move(socket)),
      relay_({worker.loop, worker.metrics, worker.datagrams, cluster, metrics, backends, &gate,
              worker.descriptors_max},
             std::move(bound), plan.udp) {
  const bool receiving = relay_.start().has_value();
  HT_ASSERT(receiving);
}

}  // namespace httpteleport::live
