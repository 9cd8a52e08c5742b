// The HTTP server for operators, on the control thread.
#pragma once

#include "admin/metrics_pages.h"
#include "net/lingering.h"
#include "net/listener.h"
#include "proxy/session_context.h"

namespace httpteleport::admin {

// Its own traffic is not counted among the proxy's. The loop outlives it.
class AdminServer final : private net::AcceptHandler {
 public:
  AdminServer(event::Loop& loop, net::Socket listen_socket,
              std::vector<const metrics::WorkerMetrics*> shown);
  ~AdminServer();

  Result<void> start() { return listener_.start(); }
  net::Address address() const { return listener_.address(); }

 private:
  void on_accept(net::Socket socket, const net::Address& peer) override;

  metrics::WorkerMetrics metrics_;
  net::LingeringConnections lingering_;
  http::DateCache date_;
  MetricsPages pages_;
  proxy::Http1SessionOptions http1_;
  proxy::TeleportSessionOptions teleport_;
  proxy::SessionContext sessions_;
  net::Listener listener_;
};

}  // namespace httpteleport::admin
