// Accepts connections on the control thread and hands each to the worker with the least load:
// links, which matter one by one, and what comes over a socket that the workers must share (a unix
// socket, or one opened by the service manager), where waking them all would give the connections
// to whichever is first.
#pragma once

#include <memory>
#include <vector>

#include "net/listener.h"
#include "server/placement.h"
#include "server/worker.h"

namespace httpteleport::server {

// Lives on the control loop, which outlives it, as do the workers.
class Acceptor final : private net::AcceptHandler {
 public:
  // `metrics` counts the accepted connections. `descriptors_max`: of net::Listener.
  Acceptor(event::Loop& loop, std::vector<net::Socket> listen_sockets,
           std::span<const std::unique_ptr<Worker>> workers, metrics::WorkerMetrics& metrics,
           size_t descriptors_max);

  Result<void> start();
  void close();

 private:
  void on_accept(net::Socket socket, const net::Address& peer) override;
  void measure();

  event::Loop& loop_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::span<const std::unique_ptr<Worker>> workers_;
  std::vector<WorkerLoad> loads_;
  std::vector<uint64_t> messages_before_;
  event::MemberTimer<Acceptor, &Acceptor::measure> measure_timer_{*this};
};

}  // namespace httpteleport::server
