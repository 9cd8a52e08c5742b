// What the downstream sessions of one worker share.
#pragma once

#include "base/intrusive_list.h"
#include "compress/stream.h"
#include "event/loop.h"
#include "http/date.h"
#include "http/h1/head_parser.h"
#include "http/message.h"
#include "metrics/worker_metrics.h"
#include "net/lingering.h"
#include "net/pipe_pool.h"
#include "net/session.h"
#include "proxy/exchange_reporter.h"
#include "proxy/request_handler_factory.h"
#include "teleport/link_options.h"
#include "tls/server_context.h"
#include "upstream/teleport_links.h"

namespace httpteleport::proxy {

struct Http1SessionOptions {
  Duration handshake_timeout = std::chrono::seconds(10);  // of TLS
  http::h1::HeadLimits head_limits;                       // -inMaxHeaderSize
  Duration head_timeout =
      std::chrono::seconds(10);  // from a request's first byte to its head's end
  Duration body_idle_timeout = std::chrono::seconds(30);    // between two reads of a request body
  Duration keep_alive_timeout = std::chrono::seconds(120);  // between two requests
  Duration write_idle_timeout =
      std::chrono::seconds(60);  // a client that takes nothing of its response
};

struct TeleportSessionOptions : teleport::LinkOptions {
  Duration batch_delay{};                 // -inDelay
  size_t batch_bytes = 64 * 1024;         // a batch that has grown to this waits no longer
  size_t request_head_bytes_max = 4096;   // over it that request gets 431
  size_t response_head_bytes_max = 4096;  // the peer's limit: over it the response becomes 502
  size_t response_bytes_max = 64 * 1024 * 1024;  // of a response that v0 must have whole
  uint64_t held_request_bytes_max =
      4 * 1024 * 1024;           // of a body that waits for a slow endpoint, v0
  size_t streams_max = 100'000;  // requests on one link that are not answered yet
  Duration handshake_timeout =
      std::chrono::seconds(3);  // of the link, and then again of TLS; v2's hello included
  bool tls_required = false;    // with TLS at hand: links that do not ask for it are refused
  Duration idle_timeout = std::chrono::seconds(120);
  Duration dead_peer_timeout = std::chrono::seconds(60);
};

using net::Session;

// One a worker; outlives its sessions. What it refers to is the same worker's.
struct SessionContext {
  event::Loop& loop;
  metrics::WorkerMetrics& metrics;
  net::LingeringConnections& lingering;
  http::DateCache& date;
  RequestHandlerFactory* handlers;  // of new exchanges; changes with the configuration, as do:
  Http1SessionOptions http1;
  TeleportSessionOptions teleport;
  IntrusiveList<Session> sessions{};
  uint64_t links_started = 0;
  bool draining = false;
  tls::ServerContext* tls = nullptr;             // null: connections are in the clear
  metrics::LinkMetrics* link_metrics = nullptr;  // null: the worker's
  // Told of requests that never become an exchange; nullptr: nobody wants to know.
  ExchangeReporter* reporter = nullptr;
  // For large bodies that need not be looked at; nullptr: all bytes are copied.
  net::PipePool* pipes = nullptr;
  // Scratch of the sessions' parsers: what an idle session need not have of its own. Good within a
  // call; the handler of an exchange takes its contents.
  http::RequestHead request_head{};

  metrics::LinkMetrics& of_links() const {
    return link_metrics != nullptr ? *link_metrics : metrics.link;
  }
  // A link ends, or never comes to be, for `error`: counted, and told to whoever wants to know.
  void note_link_failure(std::string_view peer_ip, uint16_t peer_port, const Error& error) {
    metrics.failures[static_cast<size_t>(error.code)].add();
    if (reporter != nullptr) reporter->report_connection(peer_ip, peer_port, error);
  }
  // Takes over a session that has closed its connection, or given it away.
  void remove(Session& session) {
    session.unlink();
    loop.delete_later(std::unique_ptr<Session>(&session));
  }
};

}  // namespace httpteleport::proxy
