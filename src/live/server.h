// The live proxy as a whole: workers, shared listeners, certificates, signals.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/shuttle_flags.h"
#include "event/folder_watch.h"
#include "event/loop.h"
#include "live/runtime.h"
#include "live/worker.h"
#include "server/housekeeping.h"
#include "server/pid_file.h"
#include "server/service_manager.h"
#include "tls/certificate_folder.h"

namespace httpteleport::live {

// The line for a folder without a certificate that could be shown.
std::string no_certificate_line(const config::ShuttleOptions& options);

// Control thread. Signals: SIGTERM and SIGINT drain and end, a second one ends at once; SIGHUP
// reads files anew and opens the logs again.
class Server final : private server::SignalHandler, private FailureSink {
 public:
  // `events` outlives it.
  Server(const config::ShuttleOptions& options, service::EventSink& events);
  ~Server() override;

  // Binds -http and -https, reads the certificates, starts the workers. No connection is taken yet.
  // `admin`: the addresses of the admin API. On errors returns one line that says what failed and
  // what to do.
  std::string start(const std::vector<net::Address>& admin);
  // After start().
  Runtime& runtime() { return *runtime_; }
  event::Loop& loop() { return loop_; }
  net::Address http_address() const { return http_address_; }
  net::Address https_address() const { return https_address_; }

  // Called on SIGHUP, after the server has read its own files.
  void on_reload(std::function<void()> callback) { on_reload_ = std::move(callback); }
  // Called when a signal ends the program, before connections are refused; and when everything has
  // ended.
  void on_drain(std::function<void()> callback) { on_drain_ = std::move(callback); }
  void on_stop_accepting(std::function<void()> callback) { on_stop_ = std::move(callback); }

  bool is_draining() const { return draining_; }
  // Takes connections and serves until a signal ends it. Returns the exit code.
  int run();

  // The counters of all workers. Until the server is destroyed.
  std::vector<const metrics::WorkerMetrics*> all_metrics() const;

 private:
  struct Sockets {
    // One for each worker, or one for all of them, or none.
    std::vector<std::shared_ptr<const net::Socket>> sockets;
    std::shared_ptr<const net::Socket> of(size_t worker) const {
      return sockets.empty() ? nullptr : sockets[worker % sockets.size()];
    }
    net::SocketFile file;
  };

  std::string open_front(const char* flag, const std::string& text, net::Address& address,
                         Sockets& opened);
  std::string read_certificates();
  void reload_certificates();
  void on_backend_out(const std::string& service, const std::string& backend,
                      const std::string& cause) override;
  void on_signal(int signal) override;
  void on_terminate();
  void reload();
  void begin_drain();
  void stop_accepting();
  void on_worker_drained();
  void on_stuck();
  void rotate_ticket_keys();

  const config::ShuttleOptions& options_;
  service::EventSink& events_;
  const size_t worker_count_;
  server::ServiceManager manager_;
  event::Loop loop_;
  server::Housekeeping housekeeping_{loop_, manager_, *this};
  net::Address http_address_;
  net::Address https_address_;
  net::SocketFile http_file_;
  net::SocketFile https_file_;
  server::PidFile pid_file_;
  std::shared_ptr<tls::CertificateFolder> certificates_;
  std::shared_ptr<tls::TicketKeys> ticket_keys_;
  std::unique_ptr<event::FolderWatch> certificate_watch_;
  metrics::WorkerMetrics access_log_metrics_;           // of the thread that writes it
  std::unique_ptr<proxy::AccessLogWriter> access_log_;  // nullptr: none is written
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Runtime> runtime_;
  std::function<void()> on_reload_;
  std::function<void()> on_drain_;
  std::function<void()> on_stop_;
  size_t workers_running_ = 0;
  bool draining_ = false;
  bool terminated_ = false;  // a signal has said so
  event::MemberTimer<Server, &Server::stop_accepting> drain_delay_timer_{*this};
  event::MemberTimer<Server, &Server::rotate_ticket_keys> ticket_timer_{*this};
  event::MemberTimer<Server, &Server::on_stuck> stuck_timer_{*this};
};

}  // namespace httpteleport::live
