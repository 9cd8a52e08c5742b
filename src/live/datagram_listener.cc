#include "live/datagram_listener.h"

#include <fcntl.h>

namespace httpteleport::live {

namespace {

// The relay closes what it has; the kernel's socket is the plan's.
net::Socket another(const net::Socket& socket) {
  return net::Socket(fcntl(socket.fd(), F_DUPFD_CLOEXEC, 0));
}

}  // namespace

DatagramListener::DatagramListener(WorkerContext& worker,
                                   std::shared_ptr<const ListenSocket> socket,
                                   const ServicePlan& plan, upstream::Cluster& cluster,
                                   metrics::ServiceMetrics& metrics, relay::Backends& backends,
                                   relay::SessionGate& gate)
    : socket_(std::move(socket)),
      relay_({worker.loop, worker.metrics, worker.datagrams, cluster, metrics, backends, &gate},
             another(*socket_->sockets[worker.index]), plan.udp) {
  const bool receiving = relay_.start().has_value();
  HT_ASSERT(receiving);
}

}  // namespace httpteleport::live
