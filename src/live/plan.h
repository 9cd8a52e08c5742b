// What a service's configuration means for the workers: everything parsed, opened and resolved that
// can be. Made by the control thread, immutable, shared by the workers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/snapshot.h"
#include "live/shared_service.h"
#include "net/unix_socket.h"
#include "proxy/exchange_options.h"
#include "proxy/session_context.h"
#include "relay/tcp_service.h"
#include "relay/udp_service.h"
#include "service/config.h"
#include "upstream/cluster.h"

namespace httpteleport::live {

enum class ListenKind : uint8_t { kTcp, kUdp, kHttp, kHttps, kTeleport, kTeleports };

// A bound address of a service. The control thread closes it when no service has it any more:
// sessions that outlast it may keep its plan for long. Workers take the sockets that they need when
// they take the plan up, and do not look again.
struct ListenSocket {
  ListenKind kind = ListenKind::kTcp;
  std::string network;   // as configured, like
  std::string text;      // the address
  net::Address address;  // where it is bound
  // One that the workers share; of UDP one for each worker, so that the kernel keeps a client at
  // one of them.
  std::vector<std::shared_ptr<const net::Socket>> sockets;
  net::SocketFile file;  // of a unix socket

  void close() {
    sockets.clear();
    file.remove();
  }
};

struct ServicePlan {
  std::shared_ptr<const service::ServiceConfig> config;
  std::shared_ptr<SharedService> shared;
  std::vector<std::shared_ptr<ListenSocket>> listening;
  config::ListenerOptions admission;  // who may connect, and the PROXY protocol
  upstream::ClusterOptions cluster;
  proxy::ExchangeOptions exchanges;
  proxy::Http1SessionOptions http1;
  proxy::TeleportSessionOptions teleport;
  relay::TcpOptions tcp;
  relay::UdpOptions udp;
  bool https_redirect = false;
};

}  // namespace httpteleport::live
