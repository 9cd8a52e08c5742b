// How exchanges travel to one endpoint: over a pool of HTTP/1.1 connections, or over teleport
// links.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "event/loop.h"
#include "http/stream.h"
#include "metrics/worker_metrics.h"
#include "net/address.h"
#include "net/socket.h"
#include "tls/client_context.h"

namespace httpteleport::upstream {

// Makes connections in place of connect(2).
class Dialer {
 public:
  // A connected stream socket, non-blocking. Errors: kConnectFailed.
  virtual Result<net::Socket> dial() = 0;

 protected:
  ~Dialer() = default;
};

// What the connections of one worker to one endpoint share. References outlive the transport.
struct TransportContext {
  event::Loop& loop;
  metrics::WorkerMetrics& metrics;
  const std::vector<net::Address>& addresses;  // of the endpoint, never empty; tried in turn
  tls::ClientContext* tls = nullptr;           // null: in the clear
  std::string host{};        // of the endpoint, as TLS asks for and verifies it; given with `tls`
  Dialer* dialer = nullptr;  // teleport only; null: connect to the addresses
  metrics::LinkMetrics* link_metrics = nullptr;  // null: the worker's

  bool has_address(const net::Address& address) const {
    return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
  }
  metrics::LinkMetrics& of_links() const {
    return link_metrics != nullptr ? *link_metrics : metrics.link;
  }
};

// What an exchange wants of the stream it is given. The addresses are good until open_stream()
// returns.
struct StreamOptions {
  // Not on a connection that was idle, because the last attempt found such a one closed, and others
  // may be as stale.
  bool fresh = false;
  // The two ends of the client's connection, for a PROXY header; invalid where there is none.
  const net::Address& client = kNoAddress;
  const net::Address& client_connected_to = kNoAddress;

  static inline const net::Address kNoAddress{};
};

class Transport {
 public:
  virtual ~Transport() = default;

  // A lane for one exchange. Never fails at once: an endpoint that cannot be reached is reported by
  // on_upstream_reset(), later. `handler` outlives the stream.
  virtual http::UpstreamStream& open_stream(http::ResponseHandler& handler,
                                            const StreamOptions& options) = 0;

  // The endpoint's addresses are others now. Connections to those that are gone finish what they
  // carry; new streams go to the new ones.
  virtual void on_addresses_changed() = 0;

  // No new streams will come: close what is idle now, the rest when it becomes so.
  virtual void drain() = 0;

  // No connection carries an exchange, or bytes that one has left behind.
  virtual bool is_idle() const = 0;

  // A request is to be whole before it is given to a stream, and must not offer to switch
  // protocols.
  virtual bool carries_whole_messages() const { return false; }
};

}  // namespace httpteleport::upstream
