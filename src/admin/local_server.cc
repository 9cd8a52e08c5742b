#include "admin/local_server.h"

#include "proxy/http1_session.h"

namespace httpteleport::admin {

LocalServer::LocalServer(event::Loop& loop, net::Socket listen_socket, Site& site,
                         const Options& options)
    : lingering_(loop, {}),
      handlers_(site, options.held_bytes_max),
      sessions_{loop, metrics_, lingering_, date_, &handlers_, options.http1, {}},
      listener_(loop, std::move(listen_socket), *this, metrics_) {}

LocalServer::~LocalServer() {
  while (!sessions_.sessions.empty())
    sessions_.sessions.front().abort();
}

void LocalServer::drain() {
  listener_.close();
  sessions_.draining = true;
  sessions_.sessions.for_each([](proxy::Session& session) { session.drain(); });
}

void LocalServer::on_accept(net::Socket socket, const net::Address& peer) {
  const net::Address local = net::local_address(socket.fd());
  proxy::Http1Session::start(sessions_, std::move(socket), peer, local);
  const int64_t lingering = static_cast<int64_t>(lingering_.count());
  if (metrics_.downstream_sockets.open.value() - lingering > kConnectionsMax)
    sessions_.sessions.front().abort();
}

}  // namespace httpteleport::admin
