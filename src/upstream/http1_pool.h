// The HTTP/1.1 connections of one worker to one endpoint.
#pragma once

#include <memory>

#include "base/intrusive_list.h"
#include "http/h1/body_decoder.h"
#include "http/h1/head_parser.h"
#include "net/connection.h"
#include "upstream/transport.h"

namespace httpteleport::upstream {

class Http1Connection;

struct Http1Options {
  http::h1::HeadLimits head_limits;  // of response heads
  Duration connect_timeout = std::chrono::seconds(3);
  // Shorter than the idle times of usual servers (nginx 75 s), so that we close first.
  Duration idle_timeout = std::chrono::seconds(55);
  size_t idle_connections_max = 1024;
};

// Owned by an endpoint. Reuses the connection that became idle last, so that the surplus times out.
class Http1Pool final : public Transport {
 public:
  Http1Pool(const TransportContext& context, const Http1Options& options);
  ~Http1Pool() override;

  http::UpstreamStream& open_stream(http::ResponseHandler& handler, bool fresh) override;
  void drain() override;

 private:
  friend class Http1Connection;

  Http1Connection& connect();
  // From the connection: it can take another exchange.
  void on_idle(Http1Connection& connection);
  // From the connection: it is closed and wants to be deleted.
  void on_dead(Http1Connection& connection);
  void on_connect_failed();

  TransportContext context_;
  Http1Options options_;
  IntrusiveList<Http1Connection> idle_;  // front: idle since the shortest time
  IntrusiveList<Http1Connection> active_;
  size_t idle_count_ = 0;
  size_t next_address_ = 0;
  bool draining_ = false;
};

}  // namespace httpteleport::upstream
