#include "admin/local_server.h"

#include "proxy/http1_session.h"

namespace httpteleport::admin {

LocalServer::LocalServer(event::Loop& loop, net::Socket listen_socket, PageSource& source)
    : lingering_(loop, {}),
      handlers_(source),
      sessions_{loop, metrics_, lingering_, date_, &handlers_, {}, {}},
      listener_(loop, std::move(listen_socket), *this, metrics_) {}

LocalServer::~LocalServer() {
  while (!sessions_.sessions.empty())
    sessions_.sessions.front().abort();
}

void LocalServer::on_accept(net::Socket socket, const net::Address& peer) {
  proxy::Http1Session::start(sessions_, std::move(socket), peer, {});
  const int64_t lingering = static_cast<int64_t>(lingering_.count());
  if (metrics_.downstream_sockets.open.value() - lingering > kConnectionsMax)
    sessions_.sessions.front().abort();
}

}  // namespace httpteleport::admin
