// One thread of the proxy: its loop, its sessions, its connections to the endpoints.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "config/snapshot.h"
#include "net/lingering.h"
#include "net/listener.h"
#include "net/pipe_pool.h"
#include "proxy/session_context.h"
#include "server/admission.h"
#include "server/generation.h"

namespace httpteleport::server {

// Shares nothing that changes with other workers. Created and destroyed by the control thread;
// between start() and join() everything inside belongs to the worker's thread, and other threads
// only call the methods said to be for any thread.
class Worker final : private net::AcceptHandler, private AdmissionHandler {
 public:
  // `listen_sockets` may be none: then connections come by adopt() only.
  // `access_log` outlives the worker; nullptr: none is written.
  Worker(std::shared_ptr<const config::Snapshot> snapshot, std::vector<net::Socket> listen_sockets,
         proxy::AccessLogWriter* access_log);
  ~Worker();

  void start();
  // Any thread: takes over an accepted connection.
  void adopt(net::Socket socket, const net::Address& peer);
  // Any thread: an endpoint's name leads to other addresses now.
  void set_addresses(size_t cluster_index, size_t endpoint_index,
                     std::vector<net::Address> addresses);
  // Any thread: takes nothing new, lets what runs finish, and calls `on_drained` on the worker's
  // thread once nothing runs any more. What is left after `timeout` is closed.
  void drain(Duration timeout, std::function<void()> on_drained);
  // Any thread: takes a new configuration into use, for new connections and requests. With
  // `files_only` its values are the ones in force, and only what its files hold may differ. What
  // needs a restart (addresses, protocols, workers) is the same.
  void apply(std::shared_ptr<const config::Snapshot> snapshot, bool files_only);
  // Any thread but the worker's: ends the thread and waits for it.
  void join();

  // Any thread.
  const metrics::WorkerMetrics& metrics() const { return metrics_; }
  // Connections handed over by adopt() that the worker has not counted yet. Any thread.
  int connections_in_transit() const {
    return connections_in_transit_.load(std::memory_order_relaxed);
  }

 private:
  void on_accept(net::Socket socket, const net::Address& peer) override;
  void take_into_use(std::shared_ptr<const config::Snapshot> snapshot, bool files_only);
  void delete_finished();
  void on_admitted(net::Socket socket, const net::Address& client,
                   const net::Address& local) override;
  void begin_drain(Duration timeout, std::function<void()> on_drained);
  void check_drained();
  // Clients have what was for them, and endpoints too.
  bool is_drained();
  std::unique_ptr<proxy::ExchangeReporter> make_reporter(proxy::AccessLogWriter* access_log);

  std::shared_ptr<const config::Snapshot> snapshot_;
  metrics::WorkerMetrics metrics_;
  event::Loop loop_;
  net::LingeringConnections lingering_;
  net::PipePool pipes_;
  http::DateCache date_;
  proxy::WaitingQueue queue_;
  std::unique_ptr<proxy::ExchangeReporter> reporter_;  // nullptr: nothing is to be told
  std::unique_ptr<Generation> generation_;
  std::vector<std::unique_ptr<Generation>> retired_;  // with exchanges under way
  std::unique_ptr<tls::ServerContext> tls_;
  proxy::SessionContext sessions_;
  Admission admission_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::atomic<int> connections_in_transit_{0};
  TimePoint drain_deadline_{};
  std::function<void()> on_drained_;
  event::MemberTimer<Worker, &Worker::check_drained> drain_timer_{*this};
  event::MemberTimer<Worker, &Worker::delete_finished> retired_timer_{*this};
  std::thread thread_;
};

}  // namespace httpteleport::server
