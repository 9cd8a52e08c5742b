// The TCP side of a service on one worker: every connection that is accepted, or comes over a link,
// is carried to an endpoint of the cluster and back, byte for byte.
#pragma once

#include <memory>
#include <optional>

#include "event/loop.h"
#include "net/pipe_pool.h"
#include "net/proxy_protocol.h"
#include "net/session.h"
#include "relay/backends.h"
#include "relay/session_gate.h"

namespace httpteleport::relay {

struct TcpOptions {
  Duration connect_timeout = std::chrono::seconds(3);  // of each attempt
  // A session ends when no byte has moved, either way, on that side for so long; 0: never. A side
  // that is not read because the other takes nothing is not at fault.
  Duration client_timeout{};
  Duration server_timeout{};
  // A session that has lasted so long asks the kernel to look now and then whether its peers still
  // exist, within about this time after their last byte; 0: never.
  Duration keep_alive = std::chrono::seconds(60);
  // What endpoints get before the client's bytes.
  std::optional<net::ProxyVersion> proxy_header{};
};

// What the sessions of one service and worker share. All references outlive the service.
struct TcpContext {
  event::Loop& loop;
  metrics::WorkerMetrics& worker_metrics;
  upstream::Cluster& cluster;
  metrics::ServiceMetrics& metrics;
  Backends& backends;
  net::PipePool* pipes = nullptr;  // the worker's; nullptr: all bytes are copied
  SessionGate* gate = nullptr;     // nullptr: everybody may
};

class LinkClient;
struct RawClient;

// Owned by a worker. Sockets of clients and endpoints may be of any stream: TCP and unix mix, and
// on either side there may be a stream of a teleport link in the place of a socket.
class TcpService {
 public:
  TcpService(const TcpContext& context, const TcpOptions& options);
  // Aborts what is left.
  ~TcpService();
  TcpService(const TcpService&) = delete;
  TcpService& operator=(const TcpService&) = delete;

  // Takes over an accepted, non-blocking socket. `local` is what the client has connected to; if it
  // is invalid and somebody needs it, the socket is asked. Closes it if the gate does not let it
  // in, with RST if no endpoint takes it.
  void start(net::Socket socket, const net::Address& client, const net::Address& local = {});
  // The same for a stream that a peer of a link has begun; refuses it where the socket would be
  // closed.
  void start(LinkClient& link, const RawClient& client);

  // For connections accepted from now on.
  void set_options(const TcpOptions& options);
  // Bytes are not requests: nobody knows when a session is between two. All go on until they end or
  // abort() comes.
  void drain();
  // Resets every connection now.
  void abort();
  bool is_idle() const { return sessions_.empty(); }

 private:
  friend class TcpSession;

  std::optional<uint32_t> admit(const net::Address& client);

  TcpContext context_;
  std::shared_ptr<const TcpOptions> options_;  // of new sessions
  IntrusiveList<net::Session> sessions_;
  size_t next_address_ = 0;  // where to begin with endpoints that have several
};

}  // namespace httpteleport::relay
