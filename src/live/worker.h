// One thread of the live proxy: its loop, its services, its connections.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "config/snapshot.h"
#include "live/countdown.h"
#include "live/virtual_hosts.h"
#include "live/worker_context.h"
#include "live/worker_service.h"
#include "net/listener.h"
#include "proxy/access_log.h"

namespace httpteleport::live {

struct WorkerOptions {
  size_t index = 0;
  proxy::Http1SessionOptions http1;  // of the shared listeners
  proxy::ExchangeOptions exchanges;  // of requests that no service is for
  std::optional<tls::ServerOptions> tls;
  size_t buffer_bytes_max = SIZE_MAX;  // of this worker
  size_t descriptors_max = SIZE_MAX;
  proxy::AccessLogWriter* access_log = nullptr;
  FailureSink* failures = nullptr;  // outlives the worker
};

// Shares nothing that changes with other workers. Created and destroyed by the control thread;
// between start() and join() everything inside belongs to the worker's thread, and other threads
// only call the methods said to be for any thread.
class Worker final {
 public:
  // The sockets of the shared listeners, -http and -https; null: there is none.
  Worker(const WorkerOptions& options, std::shared_ptr<const net::Socket> http,
         std::shared_ptr<const net::Socket> https);
  ~Worker();

  // Starts the thread. No connection of the shared listeners is taken yet.
  void start();
  // Any thread: takes them.
  void begin_accepting();
  // Any thread but the worker's: ends the thread and waits for it.
  void join();

  // Any thread. `applied` is counted down when it is done.
  void apply(std::shared_ptr<const Step> step, std::shared_ptr<Countdown> applied);
  void set_in_service(std::string service, size_t backend, bool in_service);
  void set_addresses(std::string service, size_t backend, std::vector<net::Address> addresses);
  void set_pages(std::string service, std::shared_ptr<const ErrorPages> pages);
  // Any thread: accepts nothing any more; requests of connections that are there go on finding
  // their services.
  void stop_listening(std::shared_ptr<Countdown> applied);
  // Any thread, after stop_listening(): lets what runs finish, and calls `on_drained` on the
  // worker's thread once nothing runs any more. What is left after `timeout` is closed.
  void drain(Duration timeout, std::function<void()> on_drained);

  // Any thread.
  const metrics::WorkerMetrics& metrics() const { return metrics_; }

 private:
  // A shared listener: what it accepts is routed by host.
  class Front final : private net::AcceptHandler {
   public:
    Front(WorkerContext& worker, std::shared_ptr<const net::Socket> socket,
          const WorkerOptions& options, proxy::Router& router, tls::ServerContext* tls);
    ~Front();
    void start();
    void drain();
    void abort();
    bool is_idle() const { return sessions_.sessions.empty(); }

   private:
    void on_accept(net::Socket socket, const net::Address& peer) override;

    proxy::ExchangeContext exchanges_;
    proxy::ExchangeFactory handlers_;
    proxy::SessionContext sessions_;
    net::Listener listener_;
  };

  void take(const Step& step);
  void remove(const std::vector<std::string>& names);
  WorkerService* find(const std::string& service);
  void retire(std::unique_ptr<WorkerService> service);
  void delete_finished();
  void begin_drain(Duration timeout, std::function<void()> on_drained);
  void check_drained();
  void abort_all();

  const WorkerOptions options_;
  metrics::WorkerMetrics metrics_;
  event::Loop loop_;
  net::LingeringConnections lingering_;
  http::DateCache date_;
  proxy::WaitingQueue queue_;
  relay::UdpBatches datagrams_;
  net::PipePool pipes_;
  std::unique_ptr<proxy::ExchangeReporter> reporter_;  // nullptr: nothing is to be told
  std::unique_ptr<tls::ServerContext> tls_;
  WorkerContext context_;
  VirtualHosts hosts_;
  std::unordered_map<std::string, std::unique_ptr<WorkerService>> services_;
  std::vector<std::unique_ptr<WorkerService>> retired_;  // with something that runs
  std::vector<std::unique_ptr<Front>> fronts_;
  TimePoint drain_deadline_{};
  std::function<void()> on_drained_;
  event::MemberTimer<Worker, &Worker::check_drained> drain_timer_{*this};
  event::MemberTimer<Worker, &Worker::delete_finished> retired_timer_{*this};
  std::thread thread_;
};

}  // namespace httpteleport::live
