// The HTTP/1.1 connections of one worker to one endpoint.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "http/h1/body_decoder.h"
#include "http/h1/head_parser.h"
#include "net/connection.h"
#include "net/proxy_protocol.h"
#include "upstream/transport.h"

namespace httpteleport::upstream {

class Http1Connection;

struct Http1Options {
  http::h1::HeadLimits head_limits;  // of response heads
  Duration connect_timeout = std::chrono::seconds(3);
  // Shorter than the idle times of usual servers (nginx 75 s), so that we close first.
  Duration idle_timeout = std::chrono::seconds(55);
  size_t idle_connections_max = 1024;
  // For an endpoint that takes none of the last bytes of a tunnel.
  Duration tunnel_flush_timeout = std::chrono::seconds(30);
  // Each connection begins with a PROXY header that carries the client's address, and is then used
  // for that client only.
  std::optional<net::ProxyVersion> proxy_header;
};

// Owned by an endpoint. Reuses the connection that became idle last, so that the surplus times out.
// A client that a connection is bound to has one request at a time, so one idle connection is kept
// for it.
class Http1Pool final : public Transport {
 public:
  // `options` outlive it, and may change: what begins from then on has the new ones.
  Http1Pool(const TransportContext& context, const Http1Options& options);
  ~Http1Pool() override;

  http::UpstreamStream& open_stream(http::ResponseHandler& handler,
                                    const StreamOptions& options) override;
  void on_addresses_changed() override;
  void drain() override;
  bool is_idle() const override { return active_.empty(); }

 private:
  friend class Http1Connection;

  Http1Connection& connect(const std::string& proxy_header);
  // The idle connection to use, or nullptr. `client_key` is empty for those that any client may
  // use.
  Http1Connection* find_idle(const std::string& client_key);
  // Takes the connection out of the idle ones.
  void remove_idle(Http1Connection& connection);
  // From the connection: it can take another exchange.
  void on_idle(Http1Connection& connection);
  // From the connection: it is closed and wants to be deleted.
  void on_dead(Http1Connection& connection);
  void on_connect_failed();

  TransportContext context_;
  const Http1Options& options_;
  IntrusiveList<Http1Connection> idle_;        // front: idle since the shortest time
  IntrusiveList<Http1Connection> bound_idle_;  // the same, of connections bound to a client
  std::unordered_map<std::string, Http1Connection*> bound_by_client_;  // these, by their header
  IntrusiveList<Http1Connection> active_;
  size_t idle_count_ = 0;
  size_t next_address_ = 0;
  bool draining_ = false;
};

}  // namespace httpteleport::upstream
