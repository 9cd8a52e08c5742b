// Accepts teleport links on the control thread and hands each to the worker with the least load.
#pragma once

#include <memory>
#include <vector>

#include "net/listener.h"
#include "server/link_placement.h"
#include "server/worker.h"

namespace httpteleport::server {

// Lives on the control loop, which outlives it, as do the workers.
class LinkAcceptor final : private net::AcceptHandler {
 public:
  // `metrics` counts the accepted links.
  LinkAcceptor(event::Loop& loop, net::Socket listen_socket,
               std::span<const std::unique_ptr<Worker>> workers, metrics::WorkerMetrics& metrics);

  Result<void> start();
  void close() { listener_.close(); }

 private:
  void on_accept(net::Socket socket, const net::Address& peer) override;
  void measure();

  event::Loop& loop_;
  net::Listener listener_;
  std::span<const std::unique_ptr<Worker>> workers_;
  std::vector<WorkerLoad> loads_;
  std::vector<uint64_t> messages_before_;
  event::MemberTimer<LinkAcceptor, &LinkAcceptor::measure> measure_timer_{*this};
};

}  // namespace httpteleport::server
