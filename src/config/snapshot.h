// The whole configuration of a running proxy, checked and immutable. Workers share one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "acme/manager.h"
#include "base/log.h"
#include "net/address.h"
#include "net/address_set.h"
#include "net/proxy_protocol.h"
#include "proxy/exchange.h"
#include "proxy/session_context.h"
#include "route/table.h"
#include "tls/server_context.h"
#include "upstream/cluster.h"

namespace httpteleport::config {

enum class ListenerProtocol : uint8_t { kHttp1, kTeleport };

struct ListenerOptions {
  ListenerProtocol protocol = ListenerProtocol::kHttp1;
  net::Address address;
  // Other processes may listen on the address too. Not for unix sockets.
  bool shared_with_others = false;
  mode_t unix_mode = 0666;  // of the file of a unix socket
  // Clients that are taken; empty: all. With the PROXY protocol it is the address in the header
  // that counts. Clients on unix sockets always pass.
  net::AddressSet allow{};
  // If any: each connection begins with a PROXY header, and only these senders may connect, beside
  // those on unix sockets. It must be whole within `handshake_timeout`.
  net::ProxyVersions proxy_versions{};
  net::AddressSet proxy_senders{};
  Duration handshake_timeout = std::chrono::seconds(10);
};

struct Snapshot {
  size_t workers = 1;
  ListenerOptions listener;
  std::optional<tls::ServerOptions> tls;  // of the listener; none: connections are in the clear
  // Obtains the certificates that `tls` shows, once it is started; null: they are read from files.
  std::shared_ptr<acme::Manager> autocert;
  std::optional<net::Address> autocert_http_address;  // of http-01 challenges
  std::optional<net::Address> admin_address;
  std::vector<upstream::ClusterOptions> clusters;
  std::vector<route::Rule> routes;
  proxy::Http1SessionOptions http1_sessions;
  proxy::TeleportSessionOptions teleport_sessions;
  proxy::ExchangeOptions exchanges;
  LogOptions log;
  proxy::AccessLogOptions access_log;
  bool log_all_errors = false;  // -logAllErrors
  // Of the buffers of all workers; each has its share.
  size_t buffer_bytes_max = size_t{4} << 30;
  std::string pid_file;    // empty: none
  Duration drain_delay{};  // from the order to stop until connections are refused
  Duration shutdown_timeout = std::chrono::seconds(10);
};

}  // namespace httpteleport::config
