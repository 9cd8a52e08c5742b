// One thread of the proxy: its loop, its sessions, its connections to the endpoints.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "config/snapshot.h"
#include "net/lingering.h"
#include "net/listener.h"
#include "proxy/exchange.h"
#include "proxy/session_context.h"

namespace httpteleport::server {

// Shares nothing that changes with other workers. Created and destroyed by the control thread;
// between start() and join() everything inside belongs to the worker's thread, and other threads
// only call the methods said to be for any thread.
class Worker final : private net::AcceptHandler {
 public:
  // `listen_socket` may be closed: then connections come by adopt() only.
  Worker(std::shared_ptr<const config::Snapshot> snapshot, net::Socket listen_socket);
  ~Worker();

  void start();
  // Any thread: takes over an accepted connection.
  void adopt(net::Socket socket, const net::Address& peer);
  // Any thread: takes nothing new, lets what runs finish, and calls `on_drained` on the worker's
  // thread once nothing runs any more. What is left after `timeout` is closed.
  void drain(Duration timeout, std::function<void()> on_drained);
  // Any thread but the worker's: ends the thread and waits for it.
  void join();

  // Any thread.
  const metrics::WorkerMetrics& metrics() const { return metrics_; }
  // Links handed over by adopt() that the worker has not counted yet. Any thread.
  int links_in_transit() const { return links_in_transit_.load(std::memory_order_relaxed); }

 private:
  void on_accept(net::Socket socket, const net::Address& peer) override;
  void start_session(net::Socket socket, const net::Address& peer);
  void begin_drain(Duration timeout, std::function<void()> on_drained);
  void check_drained();

  std::shared_ptr<const config::Snapshot> snapshot_;
  metrics::WorkerMetrics metrics_;
  event::Loop loop_;
  net::LingeringConnections lingering_;
  http::DateCache date_;
  route::Table routes_;
  proxy::ExchangeContext exchanges_;
  proxy::ExchangeFactory handlers_;
  proxy::SessionContext sessions_;
  net::Listener listener_;
  std::atomic<int> links_in_transit_{0};
  TimePoint drain_deadline_{};
  std::function<void()> on_drained_;
  event::MemberTimer<Worker, &Worker::check_drained> drain_timer_{*this};
  std::thread thread_;
};

}  // namespace httpteleport::server
