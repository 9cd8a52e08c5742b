// The whole configuration of a running proxy, checked and immutable. Workers share one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/address.h"
#include "proxy/exchange.h"
#include "proxy/session_context.h"
#include "route/table.h"
#include "upstream/cluster.h"

namespace httpteleport::config {

enum class ListenerProtocol : uint8_t { kHttp1, kTeleport };

struct ListenerOptions {
  ListenerProtocol protocol = ListenerProtocol::kHttp1;
  net::Address address;
  // Other processes may listen on the address too.
  bool shared_with_others = false;
};

struct Snapshot {
  size_t workers = 1;
  ListenerOptions listener;
  std::optional<net::Address> admin_address;
  std::vector<upstream::ClusterOptions> clusters;
  std::vector<route::Rule> routes;
  proxy::Http1SessionOptions http1_sessions;
  proxy::TeleportSessionOptions teleport_sessions;
  proxy::ExchangeOptions exchanges;
  // Of the buffers of all workers; each has its share.
  size_t buffer_bytes_max = size_t{4} << 30;
  Duration shutdown_timeout = std::chrono::seconds(10);
};

}  // namespace httpteleport::config
