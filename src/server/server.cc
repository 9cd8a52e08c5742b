#include "server/server.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "base/text.h"
#include "server/descriptor_share.h"

namespace httpteleport::server {

namespace {

// Random ticket keys serve for this long, and then this long again for decrypting only.
constexpr Duration kTicketKeyLife = std::chrono::hours(12);
constexpr int kExitStuck = 1;
constexpr int kExitSecondSignal = 130;
// What -shutdownTimeout may be more than, for sums of times.
constexpr Duration kForEver = std::chrono::hours(24 * 365);

}  // namespace

Server::Server(std::shared_ptr<const config::Snapshot> snapshot, std::vector<std::string> command,
               config::ConfigSource& source)
    : snapshot_(std::move(snapshot)), command_(std::move(command)), source_(source) {}

Server::~Server() {
  for (const auto& worker : workers_)
    worker->join();
}

std::string Server::start(std::string_view listener_name, Inheritance& inheritance) {
  std::vector<InheritedSocket> managed;
  if (std::string problem = take_inherited_sockets(managed); !problem.empty()) return problem;
  ListenSockets listening;
  housekeeping_.watch({SIGTERM, SIGINT, SIGHUP, SIGUSR2});
  if (std::string problem = open_access_log(); !problem.empty()) return problem;
  if (std::string problem = start_autocert(); !problem.empty()) return problem;
  // Last: connections that come to a new socket before another step fails would be reset.
  std::string problem = open_listen_sockets(snapshot_->listener, snapshot_->workers, inheritance,
                                            std::move(managed), listener_name, listening);
  if (!problem.empty()) return problem;
  address_ = listening.address;
  socket_file_ = std::move(listening.file);
  file_is_predecessors_ = listening.file_is_predecessors;
  for (const net::Socket& socket : listening.sockets)
    handed_over_.push_back({listening.managed ? "managed" : "in", socket.fd()});
  for (size_t i = 0; i < snapshot_->workers; ++i) {
    // A process before this one may have had more workers, and connections wait in each socket.
    std::vector<net::Socket> sockets;
    for (size_t j = i; listening.one_a_worker && j < listening.sockets.size();
         j += snapshot_->workers) {
      sockets.push_back(std::move(listening.sockets[j]));
    }
    workers_.push_back(std::make_unique<Worker>(snapshot_, std::move(sockets), access_log_.get()));
  }
  if (listening.one_a_worker) return "";
  acceptor_ = std::make_unique<Acceptor>(loop_, std::move(listening.sockets), workers_, metrics_,
                                         descriptors_of_clients(*snapshot_));
  return acceptor_->start() ? "" : "cannot watch the listening socket";
}

std::string Server::start_autocert() {
  if (!snapshot_->autocert) return "";
  const Result<void> started = snapshot_->autocert->start();
  if (started) return "";
  return "automatic certificates: " + in_words(started.error()) +
         " (-autocertCacheDir, -autocertCAFile)";
}

std::string Server::open_access_log() {
  if (snapshot_->access_log.file.empty()) return "";
  access_log_ =
      std::make_unique<proxy::AccessLogWriter>(snapshot_->access_log, access_log_metrics_);
  const Result<void> opened = access_log_->start();
  if (opened) return "";
  return "-accessLog: cannot open " + snapshot_->access_log.file + ": " +
         std::strerror(opened.error().sys_errno);
}

void Server::start_lookups() {
  endpoint_names_.clear();
  for (size_t cluster = 0; cluster < snapshot_->clusters.size(); ++cluster) {
    const upstream::ClusterOptions& options = snapshot_->clusters[cluster];
    const bool any = std::any_of(options.endpoints.begin(), options.endpoints.end(),
                                 [](const auto& endpoint) { return endpoint.lookup.has_value(); });
    if (!any || options.lookup_interval == Duration::zero()) continue;
    endpoint_names_.push_back(std::make_unique<EndpointNames>(
        loop_, cluster, options, net::resolve_connect,
        [this](const EndpointNames::Change& change) { on_other_addresses(change); }));
  }
}

// The snapshot follows, for a reload to begin with what the workers use.
void Server::on_other_addresses(const EndpointNames::Change& change) {
  log_line(LogLevel::kInfo, "a name has other addresses now", {{"name", change.host}});
  auto next = std::make_shared<config::Snapshot>(*snapshot_);
  next->clusters[change.cluster_index].endpoints[change.endpoint_index].addresses =
      change.addresses;
  snapshot_ = std::move(next);
  for (const auto& worker : workers_)
    worker->set_addresses(change.cluster_index, change.endpoint_index, change.addresses);
}

void Server::on_signal(int signal) {
  switch (signal) {
    case SIGHUP:
      return reload();
    case SIGUSR2:
      return start_successor();
    default:
      return on_terminate();
  }
}

void Server::on_terminate() {
  if (terminated_) {
    log_line(LogLevel::kInfo, "second signal: ending at once");
    end_at_once(kExitSecondSignal);
  }
  terminated_ = true;
  log_line(LogLevel::kInfo, "signal received: taking no new connections, finishing what runs");
  // Replaced: that is what it does already.
  if (draining_) return;
  // Who ends this process does not want another one in its place.
  if (successor_) successor_->terminate();
  begin_drain();
}

// ---- A new configuration.

void Server::reload() {
  reopen_logs();
  if (draining_) return;
  manager_.notify_reloading();
  const config::ConfigSource::Loaded loaded = source_.load(*snapshot_);
  manager_.notify_ready("taking connections on " + address_.to_string());
  if (!loaded.snapshot) {
    return log_line(LogLevel::kError, "the configuration was not reloaded: the old one stays");
  }
  snapshot_ = loaded.snapshot;
  for (const auto& worker : workers_)
    worker->apply(snapshot_, loaded.files_only);
  if (!loaded.files_only) start_lookups();
  log_line(LogLevel::kInfo, loaded.files_only ? "files reloaded" : "configuration reloaded");
}

void Server::rotate_ticket_keys() {
  snapshot_->tls->ticket_keys->rotate();
  loop_.set_timer(ticket_timer_, kTicketKeyLife);
}

// ---- A new program.

void Server::start_successor() {
  if (draining_ || (successor_ && successor_->is_starting())) {
    return log_line(LogLevel::kWarn, "SIGUSR2 is ignored: this process is being replaced or ends");
  }
  std::vector<NamedDescriptor> sockets = handed_over_;
  for (const SharedListener& listener : shared_)
    sockets.push_back(listener.socket);
  successor_ = std::make_unique<Successor>(
      loop_, [this] { on_successor_ready(); }, [this] { on_successor_failed(); });
  if (const Result<void> started = successor_->start(command_, manager_.environment(), sockets);
      !started) {
    return log_line(LogLevel::kError, in_words(started.error()));
  }
  log_line(LogLevel::kInfo, "started a new process: pid " + std::to_string(successor_->pid()));
}

void Server::on_successor_failed() {
  if (!draining_) log_line(LogLevel::kError, "the new process has failed; this one serves on");
}

void Server::on_successor_ready() {
  // It has been told to end as well.
  if (draining_) return;
  log_line(LogLevel::kInfo, "the new process serves; this one finishes what runs");
  // Signs of life are the new one's business now.
  housekeeping_.end_signs_of_life();
  for (const SharedListener& listener : shared_)
    listener.close();
  socket_file_.keep();
  draining_ = true;
  stop_accepting();
}

// ---- The end.

void Server::begin_drain() {
  draining_ = true;
  manager_.notify_stopping("finishing what runs");
  if (snapshot_->drain_delay > Duration::zero())
    return loop_.set_timer(drain_delay_timer_, snapshot_->drain_delay);
  stop_accepting();
}

void Server::stop_accepting() {
  // First, so that nobody finds a socket that is about to close.
  socket_file_.remove();
  // Challenges of orders begun later would be answered by nobody.
  if (snapshot_->autocert) snapshot_->autocert->stop();
  if (acceptor_) acceptor_->close();
  loop_.set_timer(stuck_timer_, std::min(snapshot_->shutdown_timeout, kForEver) + stuck_timeout_);
  for (const auto& worker : workers_) {
    worker->drain(snapshot_->shutdown_timeout,
                  [this] { loop_.post([this] { on_worker_drained(); }); });
  }
}

void Server::on_stuck() {
  log_line(LogLevel::kError, "workers hang: ending without them");
  end_at_once(kExitStuck);
}

// Waits for no thread: one that hangs would keep the process alive. What outlives a process is
// removed; the last lines of the access log may be lost.
void Server::end_at_once(int exit_code) {
  socket_file_.remove();
  pid_file_.remove();
  _exit(exit_code);
}

void Server::reopen_logs() {
  program_log().reopen();
  if (access_log_) access_log_->reopen();
  log_line(LogLevel::kInfo, "log files opened again");
}

void Server::on_worker_drained() {
  if (--workers_running_ > 0) return;
  log_line(LogLevel::kInfo, "stopped");
  loop_.stop();
}

// Nothing fails from here on, and the process before this one may end as soon as it is told: what
// tells others which process serves comes before that.
void Server::take_over(Inheritance& inheritance) {
  write_pid_file();
  if (inheritance.has_predecessor()) manager_.notify_main_process();
  if (file_is_predecessors_) socket_file_ = net::SocketFile(address_);
  for (const auto& worker : workers_)
    worker->start();
  workers_running_ = workers_.size();
  inheritance.announce_ready();
}

int Server::run(Inheritance& inheritance) {
  take_over(inheritance);
  if (snapshot_->tls) loop_.set_timer(ticket_timer_, kTicketKeyLife);
  start_lookups();
  manager_.notify_ready("taking connections on " + address_.to_string());
  housekeeping_.start();
  loop_.run();
  for (const auto& worker : workers_)
    worker->join();
  return 0;
}

void Server::write_pid_file() {
  if (snapshot_->pid_file.empty()) return;
  const Result<void> written = pid_file_.write(snapshot_->pid_file);
  if (written) return;
  log_line(LogLevel::kError, "cannot write -pidFile",
           {{"file", snapshot_->pid_file}, {"cause", std::strerror(written.error().sys_errno)}});
}

std::vector<const metrics::WorkerMetrics*> Server::all_metrics() const {
  std::vector<const metrics::WorkerMetrics*> all = {&metrics_, &access_log_metrics_};
  for (const auto& worker : workers_)
    all.push_back(&worker->metrics());
  return all;
}

}  // namespace httpteleport::server
