#include "live/server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/log.h"
#include "base/text.h"
#include "live/endpoint_address.h"
#include "server/listen_sockets.h"
#include "server/memory_share.h"

namespace httpteleport::live {

namespace {

// Random ticket keys serve for this long, and then this long again for decrypting only.
constexpr Duration kTicketKeyLife = std::chrono::hours(12);
// Beyond -shutdown-timeout, before workers that have not ended by then are left behind.
constexpr Duration kStuckTimeout = std::chrono::seconds(5);
constexpr int kExitStuck = 1;
constexpr int kExitSecondSignal = 130;
constexpr Duration kForEver = std::chrono::hours(24 * 365);
// The older program's.
constexpr Duration kIdleTimeout = std::chrono::minutes(5);
constexpr size_t kHeadBytesMax = 64 * 1024;

size_t count_workers(int64_t wanted) {
  return wanted > 0 ? static_cast<size_t>(wanted)
                    : std::max(1u, std::thread::hardware_concurrency());
}

// The rest is for connections to backends, which are made as requests need them.
size_t descriptors_of_clients() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  return limit.rlim_cur - limit.rlim_cur / 4;
}

proxy::ExchangeOptions exchange_options(const config::ShuttleOptions& options, size_t workers) {
  proxy::ExchangeOptions exchanges;
  exchanges.exchanges_max = (static_cast<size_t>(options.concurrency) + workers - 1) / workers;
  exchanges.request_body_bytes_max = static_cast<uint64_t>(options.body_bytes_max);
  exchanges.no_route_line = "Not found\n";
  exchanges.names_flags = false;
  exchanges.forwarding = {.client_ip_field = {},
                          .x_forwarded = true,
                          .keeps_x_forwarded = true,
                          .via_name = {},
                          .request_id_field = "X-Request-Id"};
  return exchanges;
}

}  // namespace

std::string no_certificate_line(const config::ShuttleOptions& options) {
  return "-https needs a certificate: put NAME.pem and NAME.key into -certs=\"" + options.certs +
         "\"";
}

Server::Server(const config::ShuttleOptions& options, service::EventSink& events)
    : options_(options), events_(events), worker_count_(count_workers(options.workers)) {}

Server::~Server() {
  for (const auto& worker : workers_)
    worker->join();
}

// ---- The beginning.

std::string Server::start(const std::vector<net::Address>& admin) {
  housekeeping_.watch({SIGTERM, SIGINT, SIGHUP});
  if (!options_.access_log.empty()) {
    proxy::AccessLogOptions log{.file = options_.access_log};
    if (options_.access_log_format == "json") log.format = proxy::AccessLogFormat::kJson;
    access_log_ = std::make_unique<proxy::AccessLogWriter>(log, access_log_metrics_);
    if (const Result<void> opened = access_log_->start(); !opened) {
      return "-access-log: cannot open " + options_.access_log + ": " +
             std::strerror(opened.error().sys_errno);
    }
  }
  if (std::string problem = read_certificates(); !problem.empty()) return problem;
  Sockets http;
  Sockets https;
  if (std::string problem = open_front("-http", options_.http, http_address_, http);
      !problem.empty()) {
    return problem;
  }
  if (std::string problem = open_front("-https", options_.https, https_address_, https);
      !problem.empty()) {
    return problem;
  }
  http_file_ = std::move(http.file);
  https_file_ = std::move(https.file);
  WorkerOptions worker{.http1 = {},
                       .exchanges = exchange_options(options_, worker_count_),
                       .tls = {},
                       .descriptors_max = descriptors_of_clients(),
                       .access_log = access_log_.get(),
                       .failures = this};
  worker.http1.keep_alive_timeout = kIdleTimeout;
  worker.http1.head_limits.head_bytes_max = kHeadBytesMax;
  const uint64_t memory = std::min<uint64_t>(static_cast<uint64_t>(options_.buffer_bytes_max),
                                             server::memory_of_process() / 2);
  worker.buffer_bytes_max = memory / worker_count_;
  if (certificates_) {
    worker.tls = tls::ServerOptions{
        .certificates = certificates_, .ticket_keys = ticket_keys_, .client_cas = nullptr};
  }
  for (worker.index = 0; worker.index < worker_count_; ++worker.index)
    workers_.push_back(
        std::make_unique<Worker>(worker, http.of(worker.index), https.of(worker.index)));
  for (const auto& started : workers_)
    started->start();
  runtime_ = std::make_unique<Runtime>(
      loop_, workers_,
      PlanContext{
          .workers = worker_count_,
          .https_redirect = options_.redirects_to_https(),
          .has_certificates = [this] { return certificates_->find("").certificate != nullptr; },
          .exchanges = worker.exchanges,
          .http1 = worker.http1},
      admin, events_);
  return "";
}

std::string Server::open_front(const char* flag, const std::string& text, net::Address& address,
                               Sockets& opened) {
  if (text.empty()) return "";
  const std::string name = std::string(flag) + "=\"" + text + "\"";
  const Result<net::Address> wanted = listen_address("tcp", text);
  if (!wanted) return name + ": " + wanted.error().detail;
  address = *wanted;
  // The first one alone, so that an address that another process has is not shared with it.
  const bool shared = !address.is_unix() && worker_count_ > 1;
  if (shared) {
    const Result<net::Socket> alone = net::listen_on(address, {.reuse_port = false});
    if (!alone) return server::describe_listen_error(name, address, alone.error());
    address = net::local_address(alone->fd());
  }
  for (size_t i = 0; i < (address.is_unix() ? 1 : worker_count_); ++i) {
    Result<net::Socket> socket = net::listen_on(address, {.reuse_port = shared});
    if (!socket) return server::describe_listen_error(name, address, socket.error());
    address = net::local_address(socket->fd());
    opened.sockets.push_back(std::make_shared<const net::Socket>(*std::move(socket)));
  }
  if (address.is_unix()) opened.file = net::SocketFile(address);
  return "";
}

// On a worker's thread.
void Server::on_backend_out(const std::string& service, const std::string& backend,
                            const std::string& cause) {
  loop_.post([this, service, backend, cause] { runtime_->note_failure(service, backend, cause); });
}

// ---- Certificates.

std::string Server::read_certificates() {
  certificates_ = std::make_shared<tls::CertificateFolder>(options_.certs);
  ticket_keys_ = std::make_shared<tls::TicketKeys>(std::vector<std::string>{});
  reload_certificates();
  if (!options_.https.empty() && !certificates_->find("").certificate) {
    return "-https needs a certificate: put NAME.pem and NAME.key into -certs=\"" + options_.certs +
           "\"";
  }
  certificate_watch_ = std::make_unique<event::FolderWatch>(
      loop_, options_.certs, event::FolderWatch::Options{}, [this] { reload_certificates(); });
  return "";
}

void Server::reload_certificates() {
  for (const tls::CertificateChange& change : certificates_->reload()) {
    using Kind = tls::CertificateChange::Kind;
    static constexpr const char* kWords[] = {"certificate added", "certificate replaced",
                                             "certificate removed", "certificate not used"};
    const bool bad = change.kind == Kind::kBroken;
    // Where nobody asks for TLS, the folder is of no interest.
    if (bad && change.pair.empty() && options_.https.empty()) continue;
    const char* const what = kWords[static_cast<size_t>(change.kind)];
    log_line(bad ? LogLevel::kWarn : LogLevel::kInfo, what,
             {{"pair", change.pair}, {"detail", change.text}});
    events_.on_event({.type = "certificate",
                      .service = "",
                      .backend = "",
                      .text = std::string(what) + ": " + change.pair + " " + change.text});
  }
}

void Server::rotate_ticket_keys() {
  ticket_keys_->rotate();
  loop_.set_timer(ticket_timer_, kTicketKeyLife);
}

// ---- Signals.

void Server::on_signal(int signal) {
  if (signal == SIGHUP) return reload();
  on_terminate();
}

void Server::reload() {
  program_log().reopen();
  if (access_log_) access_log_->reopen();
  if (draining_) return;
  manager_.notify_reloading();
  reload_certificates();
  runtime_->reload_files();
  if (on_reload_) on_reload_();
  manager_.notify_ready("taking connections");
  log_line(LogLevel::kInfo, "files reloaded");
}

// ---- Running, and the end.

int Server::run() {
  if (!options_.pid_file.empty()) {
    if (const Result<void> written = pid_file_.write(options_.pid_file); !written) {
      log_line(LogLevel::kError, "cannot write -pid-file",
               {{"file", options_.pid_file}, {"cause", std::strerror(written.error().sys_errno)}});
    }
  }
  workers_running_ = workers_.size();
  for (const auto& worker : workers_)
    worker->begin_accepting();
  loop_.set_timer(ticket_timer_, kTicketKeyLife);
  manager_.notify_ready("taking connections");
  housekeeping_.start();
  loop_.run();
  for (const auto& worker : workers_)
    worker->join();
  return 0;
}

void Server::on_terminate() {
  if (terminated_) {
    log_line(LogLevel::kInfo, "second signal: ending at once");
    pid_file_.remove();
    _exit(kExitSecondSignal);
  }
  terminated_ = true;
  log_line(LogLevel::kInfo, "signal received: taking no new connections, finishing what runs");
  begin_drain();
}

void Server::begin_drain() {
  draining_ = true;
  manager_.notify_stopping("finishing what runs");
  if (on_drain_) on_drain_();
  if (options_.drain_delay > Duration::zero())
    return loop_.set_timer(drain_delay_timer_, options_.drain_delay);
  stop_accepting();
}

void Server::stop_accepting() {
  http_file_.remove();
  https_file_.remove();
  if (on_stop_) on_stop_();
  loop_.set_timer(stuck_timer_, std::min(options_.shutdown_timeout, kForEver) + kStuckTimeout);
  runtime_->stop_listening();
  for (const auto& worker : workers_) {
    worker->drain(options_.shutdown_timeout,
                  [this] { loop_.post([this] { on_worker_drained(); }); });
  }
}

void Server::on_worker_drained() {
  if (--workers_running_ > 0) return;
  log_line(LogLevel::kInfo, "stopped");
  loop_.stop();
}

void Server::on_stuck() {
  log_line(LogLevel::kError, "workers hang: ending without them");
  pid_file_.remove();
  _exit(kExitStuck);
}

std::vector<const metrics::WorkerMetrics*> Server::all_metrics() const {
  std::vector<const metrics::WorkerMetrics*> all = {&access_log_metrics_};
  for (const auto& worker : workers_)
    all.push_back(&worker->metrics());
  return all;
}

}  // namespace httpteleport::live
