// The proxy as a whole: workers, listeners, signals. Runs on the control thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/snapshot.h"
#include "event/loop.h"
#include "server/link_acceptor.h"
#include "server/worker.h"

namespace httpteleport::server {

class Server final : private event::IoHandler {
 public:
  explicit Server(std::shared_ptr<const config::Snapshot> snapshot);
  ~Server();

  // Binds the listener and starts the workers. On errors returns one line that says what failed and
  // what to do; nothing is left running then.
  std::string start();
  // Serves until SIGTERM or SIGINT, then drains; a second signal ends at once. Returns the exit
  // code.
  int run();

  // Where the listener is bound; after start().
  net::Address address() const { return address_; }
  // The loop that run() turns, for what else the control thread serves.
  event::Loop& loop() { return loop_; }
  // The counters of all workers and of the control thread. Any thread, until the server is
  // destroyed.
  std::vector<const metrics::WorkerMetrics*> all_metrics() const;

 private:
  std::string bind();
  void watch_signals();
  void on_ready(event::Readiness readiness) override;
  void begin_drain();
  void on_worker_drained();

  std::shared_ptr<const config::Snapshot> snapshot_;
  metrics::WorkerMetrics metrics_;  // of accepting links
  event::Loop loop_;
  net::Address address_;
  std::vector<net::Socket> listen_sockets_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<LinkAcceptor> link_acceptor_;
  int signal_fd_ = -1;
  size_t workers_running_ = 0;
  int exit_code_ = 0;
  bool draining_ = false;
};

}  // namespace httpteleport::server
