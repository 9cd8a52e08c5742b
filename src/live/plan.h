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
#include "service/listening.h"
#include "upstream/cluster.h"

namespace httpteleport::live {

enum class ListenKind : uint8_t { kTcp, kUdp, kHttp, kHttps, kTeleport, kTeleports };

using KernelSockets = std::vector<std::shared_ptr<const net::Socket>>;

// A bound address of a service. The control thread closes it when no service has it any more:
// sessions that outlast it may keep its plan for long. Workers do not look at the sockets here: the
// step that brings them a plan has them.
struct ListenSocket {
  ListenKind kind = ListenKind::kTcp;
  std::string network;   // as configured, like
  std::string text;      // the address
  net::Address address;  // where it is bound
  // One that the workers share; of UDP one for each worker, so that the kernel keeps a client at
  // one of them.
  KernelSockets sockets;
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
  // At listeners of links.
  service::LinkTraffic link_traffic = service::LinkTraffic::kHttp;
};

// From one set of services to the next.
struct Step {
  struct Put {
    std::shared_ptr<const ServicePlan> plan;
    std::shared_ptr<const ErrorPages> pages;  // null: none
    // Of each of the plan's `listening`. A worker that comes to the step late may find these
    // closed.
    std::vector<KernelSockets> sockets;
  };
  std::vector<Put> put;
  std::vector<std::string> removed;
};

}  // namespace httpteleport::live
