#include "server/server.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/log.h"

namespace httpteleport::server {

namespace {

std::string describe_bind_error(const net::Address& address, const Error& error) {
  std::string text =
      "cannot listen on " + address.to_string() + ": " + std::strerror(error.sys_errno);
  if (error.sys_errno == EADDRINUSE)
    text += "; another process has the address, choose another one";
  if (error.sys_errno == EACCES) {
    text +=
        "; ports below 1024 need a privilege: sudo setcap cap_net_bind_service=+ep on the program, "
        "or choose a higher port";
  }
  if (error.sys_errno == EADDRNOTAVAIL) text += "; this machine has no such address";
  return text;
}

}  // namespace

Server::Server(std::shared_ptr<const config::Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}

Server::~Server() {
  for (const auto& worker : workers_)
    worker->join();
  if (signal_fd_ >= 0) {
    loop_.unwatch(signal_fd_);
    close(signal_fd_);
  }
}

// Every worker has a socket of its own on the address (SO_REUSEPORT), or, for links, the control
// thread has one. Unless the address is to be shared with other processes, a plain socket is bound
// first: that fails if anybody has the address, which a reusable one might not.
std::string Server::bind() {
  const config::ListenerOptions& listener = snapshot_->listener;
  const bool one_socket = listener.protocol == config::ListenerProtocol::kTeleport;
  net::Address address = listener.address;
  if (!listener.shared_with_others && address.port() != 0) {
    const Result<net::Socket> probe = net::listen_on(address, {.reuse_port = false});
    if (!probe) return describe_bind_error(address, probe.error());
  }
  for (size_t i = 0; i < (one_socket ? 1 : snapshot_->workers); ++i) {
    Result<net::Socket> socket =
        net::listen_on(address, {.reuse_port = !one_socket || listener.shared_with_others});
    if (!socket) return describe_bind_error(address, socket.error());
    // With port 0 the first socket's port is everybody's.
    address = net::local_address(socket->fd());
    listen_sockets_.push_back(*std::move(socket));
  }
  address_ = address;
  return "";
}

std::string Server::start() {
  if (std::string problem = bind(); !problem.empty()) return problem;
  watch_signals();
  const bool links = snapshot_->listener.protocol == config::ListenerProtocol::kTeleport;
  for (size_t i = 0; i < snapshot_->workers; ++i) {
    net::Socket socket = links ? net::Socket() : std::move(listen_sockets_[i]);
    workers_.push_back(std::make_unique<Worker>(snapshot_, std::move(socket)));
  }
  for (const auto& worker : workers_)
    worker->start();
  workers_running_ = workers_.size();
  if (!links) return "";
  link_acceptor_ =
      std::make_unique<LinkAcceptor>(loop_, std::move(listen_sockets_.front()), workers_, metrics_);
  return link_acceptor_->start() ? "" : "cannot watch the listening socket";
}

// Blocked before the workers start, so that every thread inherits the mask and signals come here
// only.
void Server::watch_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT})
    sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal_fd_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  const bool watched = signal_fd_ >= 0 && loop_.watch_level(signal_fd_, *this).has_value();
  HT_ASSERT(watched);
}

void Server::on_ready(event::Readiness) {
  signalfd_siginfo info{};
  while (read(signal_fd_, &info, sizeof info) == sizeof info) {
    if (draining_) {
      log_line(LogLevel::kInfo, "second signal: ending at once");
      exit_code_ = 130;
      loop_.stop();
      return;
    }
    begin_drain();
  }
}

void Server::begin_drain() {
  draining_ = true;
  log_line(LogLevel::kInfo, "signal received: taking no new connections, finishing what runs");
  if (link_acceptor_) link_acceptor_->close();
  for (const auto& worker : workers_) {
    worker->drain(snapshot_->shutdown_timeout,
                  [this] { loop_.post([this] { on_worker_drained(); }); });
  }
}

void Server::on_worker_drained() {
  if (--workers_running_ > 0) return;
  log_line(LogLevel::kInfo, "stopped");
  loop_.stop();
}

int Server::run() {
  loop_.run();
  for (const auto& worker : workers_)
    worker->join();
  return exit_code_;
}

std::vector<const metrics::WorkerMetrics*> Server::all_metrics() const {
  std::vector<const metrics::WorkerMetrics*> all = {&metrics_};
  for (const auto& worker : workers_)
    all.push_back(&worker->metrics());
  return all;
}

}  // namespace httpteleport::server
