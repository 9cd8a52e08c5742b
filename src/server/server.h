// The proxy as a whole: workers, listeners, signals. Runs on the control thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config_source.h"
#include "config/snapshot.h"
#include "event/loop.h"
#include "server/acceptor.h"
#include "server/endpoint_names.h"
#include "server/handover.h"
#include "server/housekeeping.h"
#include "server/listen_sockets.h"
#include "server/pid_file.h"
#include "server/service_manager.h"
#include "server/worker.h"

namespace httpteleport::server {

// Signals: SIGTERM and SIGINT drain and end, a second one ends at once; SIGHUP reads configuration
// and files anew and opens the logs again; SIGUSR2 hands the sockets to a new process of the same
// command.
class Server final : private SignalHandler {
 public:
  // `command`: the program's path and its arguments, for the successor. `source` outlives this.
  Server(std::shared_ptr<const config::Snapshot> snapshot, std::vector<std::string> command,
         config::ConfigSource& source);
  ~Server() override;

  // Does all that can fail: binds the listener, or takes over the sockets of the process before
  // this one or of the service manager, and makes the workers. No connection is taken yet, so that
  // none is lost should another part of the program fail. On errors returns one line that says what
  // failed and what to do. `listener_name` is what the address is called there, for example
  // -in=":80".
  std::string start(std::string_view listener_name, Inheritance& inheritance);
  // Takes connections, tells the service manager and the process before this one that everything
  // is listening, and serves until a signal ends it. Returns the exit code.
  int run(Inheritance& inheritance);

  // A listening socket of another part of the program, to be handed over with ours; `close` is
  // called when a successor serves it.
  struct SharedListener {
    NamedDescriptor socket;
    std::function<void()> close;
  };
  void share(SharedListener listener) { shared_.push_back(std::move(listener)); }

  // Beyond Snapshot::shutdown_timeout, before workers that have not ended by then are left behind.
  void set_stuck_timeout_for_test(Duration timeout) { stuck_timeout_ = timeout; }

  // Takes requests and means to go on doing so. Any thread.
  bool is_ready() const { return !draining_; }
  // Where the listener is bound; after start().
  net::Address address() const { return address_; }
  // The loop that run() turns, for what else the control thread serves.
  event::Loop& loop() { return loop_; }
  // The counters of all workers, of the control thread and of the access log. Any thread, until the
  // server is destroyed.
  std::vector<const metrics::WorkerMetrics*> all_metrics() const;

 private:
  void on_signal(int signal) override;
  void on_terminate();
  void reload();
  void start_successor();
  void on_successor_ready();
  void on_successor_failed();
  void start_lookups();
  void on_other_addresses(const EndpointNames::Change& change);
  void take_over(Inheritance& inheritance);
  void begin_drain();
  void stop_accepting();
  std::string open_access_log();
  std::string start_autocert();
  void write_pid_file();
  void reopen_logs();
  void on_worker_drained();
  void on_stuck();
  [[noreturn]] void end_at_once(int exit_code);
  void rotate_ticket_keys();

  std::shared_ptr<const config::Snapshot> snapshot_;
  std::vector<std::string> command_;
  config::ConfigSource& source_;
  ServiceManager manager_;
  metrics::WorkerMetrics metrics_;  // of accepting on this thread
  event::Loop loop_;
  Housekeeping housekeeping_{loop_, manager_, *this};
  net::Address address_;
  net::SocketFile socket_file_;
  PidFile pid_file_;
  std::vector<NamedDescriptor> handed_over_;  // the listeners of -in, open as long as they accept
  std::vector<SharedListener> shared_;
  metrics::WorkerMetrics access_log_metrics_;           // of the thread that writes it
  std::unique_ptr<proxy::AccessLogWriter> access_log_;  // nullptr: none is written
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<Successor> successor_;
  std::vector<std::unique_ptr<EndpointNames>> endpoint_names_;  // of clusters that have names
  size_t workers_running_ = 0;
  Duration stuck_timeout_ = std::chrono::seconds(5);
  bool file_is_predecessors_ = false;   // socket_file_, until run()
  std::atomic<bool> draining_ = false;  // takes nothing new, or is about to
  bool terminated_ = false;             // a signal has said so
  event::MemberTimer<Server, &Server::stop_accepting> drain_delay_timer_{*this};
  event::MemberTimer<Server, &Server::rotate_ticket_keys> ticket_timer_{*this};
  event::MemberTimer<Server, &Server::on_stuck> stuck_timer_{*this};
};

}  // namespace httpteleport::server
