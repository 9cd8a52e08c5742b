#include "admin/admin_server.h"

#include "proxy/http1_session.h"

namespace httpteleport::admin {

AdminServer::AdminServer(event::Loop& loop, net::Socket listen_socket,
                         std::vector<const metrics::WorkerMetrics*> shown)
    : lingering_(loop, {}),
      pages_(std::move(shown)),
      sessions_{loop, metrics_, lingering_, date_, pages_, http1_, teleport_},
      listener_(loop, std::move(listen_socket), *this, metrics_) {}

AdminServer::~AdminServer() {
  while (!sessions_.sessions.empty())
    sessions_.sessions.front().abort();
}

void AdminServer::on_accept(net::Socket socket, const net::Address& peer) {
  proxy::Http1Session::start(sessions_, std::move(socket), peer);
}

}  // namespace httpteleport::admin
