// An HTTP server for answers that the program makes itself, on the control thread: the pages of
// operators, the admin API, the challenges of certification authorities.
#pragma once

#include "admin/pages.h"
#include "net/lingering.h"
#include "net/listener.h"
#include "proxy/session_context.h"

namespace httpteleport::admin {

// Its traffic is not counted among the proxy's. The loop and the site outlive it. The listening
// socket may be TCP or unix.
class LocalServer final : private net::AcceptHandler {
 public:
  // Over it the oldest is closed: a certification authority comes, asks and goes, and must not be
  // kept out by clients that stay.
  static constexpr int64_t kConnectionsMax = 512;

  struct Options {
    proxy::Http1SessionOptions http1{};
    // Of bodies that are being read, together; over it the one that grows gets 503.
    size_t held_bytes_max = 256 * 1024 * 1024;
  };

  LocalServer(event::Loop& loop, net::Socket listen_socket, Site& site, const Options& options);
  LocalServer(event::Loop& loop, net::Socket listen_socket, Site& site)
      : LocalServer(loop, std::move(listen_socket), site, Options{}) {}
  ~LocalServer();

  Result<void> start() { return listener_.start(); }
  // What is accepted is served on.
  void stop_accepting() { listener_.close(); }
  // The same, and each connection ends with the answer under way.
  void drain();
  // Nobody is connected any more.
  bool is_idle() const { return metrics_.downstream_sockets.open.value() == 0; }
  net::Address address() const { return listener_.address(); }

 private:
  void on_accept(net::Socket socket, const net::Address& peer) override;

  metrics::WorkerMetrics metrics_;
  net::LingeringConnections lingering_;
  http::DateCache date_;
  SiteHandlers handlers_;
  proxy::SessionContext sessions_;
  net::Listener listener_;
};

}  // namespace httpteleport::admin
