// What the downstream sessions of one worker share.
#pragma once

#include "base/intrusive_list.h"
#include "compress/stream.h"
#include "event/loop.h"
#include "http/date.h"
#include "http/h1/head_parser.h"
#include "metrics/worker_metrics.h"
#include "net/lingering.h"
#include "proxy/request_handler_factory.h"

namespace httpteleport::proxy {

struct Http1SessionOptions {
  http::h1::HeadLimits head_limits;  // -inMaxHeaderSize
  Duration head_timeout =
      std::chrono::seconds(10);  // from a request's first byte to its head's end
  Duration body_idle_timeout = std::chrono::seconds(30);    // between two reads of a request body
  Duration keep_alive_timeout = std::chrono::seconds(120);  // between two requests
  Duration write_idle_timeout =
      std::chrono::seconds(60);  // a client that takes nothing of its response
};

struct TeleportSessionOptions {
  compress::Settings compression;         // of what we send: -inCompress
  Duration batch_delay{};                 // -inDelay
  size_t request_head_bytes_max = 4096;   // over it that request gets 431
  size_t response_head_bytes_max = 4096;  // the peer's limit: over it the response becomes 502
  size_t response_bytes_max = 64 * 1024 * 1024;       // of a response, which must be held whole
  uint64_t held_request_bytes_max = 4 * 1024 * 1024;  // of a body that waits for a slow endpoint
  size_t streams_max = 100'000;  // requests at a time on one link, answered or not
  Duration handshake_timeout = std::chrono::seconds(3);
  Duration idle_timeout = std::chrono::seconds(120);
  Duration dead_peer_timeout = std::chrono::seconds(60);
};

// One downstream connection's protocol state. Owned by its worker's list from its creation until it
// calls SessionContext::remove().
class Session : public IntrusiveNode, public Deletable {
 public:
  // Take nothing new: close when idle, or after the exchanges under way.
  virtual void drain() = 0;
  // Close now, whatever is under way.
  virtual void abort() = 0;
};

// One a worker; outlives its sessions. Members are references to things of the same worker.
struct SessionContext {
  event::Loop& loop;
  metrics::WorkerMetrics& metrics;
  net::LingeringConnections& lingering;
  http::DateCache& date;
  RequestHandlerFactory& handlers;
  const Http1SessionOptions& http1;
  const TeleportSessionOptions& teleport;
  IntrusiveList<Session> sessions{};
  bool draining = false;

  // Takes over a session that has closed its connection.
  void remove(Session& session) {
    session.unlink();
    loop.delete_later(std::unique_ptr<Session>(&session));
  }
};

}  // namespace httpteleport::proxy
