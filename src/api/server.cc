#include "httpteleport/server.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <future>
#include <mutex>
#include <system_error>
#include <utility>

#include "api/log_handler.h"
#include "api/server_worker.h"
#include "api/settings.h"
#include "net/listener.h"
#include "net/unix_socket.h"

namespace httpteleport {
inline namespace abi0 {

// The first worker accepts for all.
class Server::Impl final : private net::AcceptHandler {
 public:
  Impl(Handler handler, AsyncHandler async_handler, const ServerOptions& options,
       tls::ServerOptions tls)
      : shared_{.handler = std::move(handler),
                .async_handler = std::move(async_handler),
                .options = options,
                .tls = std::move(tls)} {
    for (size_t i = 0; i < options.workers; ++i)
      workers_.emplace_back(shared_);
  }
  ~Impl() { stop(Duration::zero()); }

  Status listen(std::string_view address);
  std::vector<std::string> addresses() const;
  Status serve_connection(int fd);
  void stop(Duration drain);
  void wait();
  ServerStats stats() const;

 private:
  enum class State : uint8_t { kRunning, kStopping, kStopped };

  void on_accept(net::Socket socket, const net::Address& peer) override;
  Status start_listener(net::Socket socket);
  bool is_running() const;
  bool begin_stop();
  // `work` has been done on the first worker's thread when this returns.
  void run_on_acceptor(const std::function<void()>& work);
  api::ServerWorker& choose_worker();

  std::mutex listen_mutex_;  // held while listeners come and go, and before mutex_
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  State state_ = State::kRunning;
  std::vector<std::string> addresses_;
  std::vector<net::SocketFile> files_;
  api::ServerShared shared_;
  std::deque<api::ServerWorker> workers_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;  // the first worker's thread
  metrics::WorkerMetrics accept_metrics_;
  std::atomic<size_t> next_worker_{0};
  std::atomic<uint64_t> given_{0};  // by serve_connection()
};

namespace {

Result<net::Address> address_to_listen_on(std::string_view address) {
  if (const auto path = api::unix_path_of(address)) return net::Address::unix_path(*path);
  const Result<net::HostPort> target = net::parse_host_port(address);
  if (!target) return target.error();
  return net::resolve_listen(*target);
}

}  // namespace

void Server::Impl::run_on_acceptor(const std::function<void()>& work) {
  api::ServerWorker& acceptor = workers_.front();
  if (acceptor.is_current()) return work();
  // The letter's too: it may still be inside set_value() when the waiting is over.
  const auto done = std::make_shared<std::promise<void>>();
  acceptor.loop().post([&work, done] {
    work();
    done->set_value();
  });
  done->get_future().wait();
}

Status Server::Impl::listen(std::string_view address) {
  const Result<net::Address> target = address_to_listen_on(address);
  if (!target)
    return {StatusCode::kInvalidArgument, target.error().detail, false, target.error().sys_errno};
  const std::lock_guard listening(listen_mutex_);
  if (!is_running()) return {StatusCode::kClosed, "the server is stopped"};
  Result<net::Socket> socket = net::listen_on(*target, {.reuse_port = false});
  if (!socket)
    return {StatusCode::kSystem, "cannot listen on the address", false, socket.error().sys_errno};
  const net::Address bound = net::local_address(socket->fd());
  if (const Status status = start_listener(*std::move(socket)); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  addresses_.push_back(bound.to_string());
  files_.emplace_back(bound);
  return {};
}

Status Server::Impl::start_listener(net::Socket socket) {
  Result<void> started;
  run_on_acceptor([&] {
    listeners_.push_back(std::make_unique<net::Listener>(workers_.front().loop(), std::move(socket),
                                                         static_cast<net::AcceptHandler&>(*this),
                                                         accept_metrics_));
    started = listeners_.back()->start();
    if (!started) listeners_.pop_back();
  });
  if (started) return {};
  return {StatusCode::kSystem, "cannot watch the listening socket", false,
          started.error().sys_errno};
}

bool Server::Impl::is_running() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kRunning;
}

std::vector<std::string> Server::Impl::addresses() const {
  const std::lock_guard lock(mutex_);
  return addresses_;
}

// The one with the fewest connections; in turn where several have as few.
api::ServerWorker& Server::Impl::choose_worker() {
  const size_t first = next_worker_.fetch_add(1, std::memory_order_relaxed);
  api::ServerWorker* best = nullptr;
  for (size_t i = 0; i < workers_.size(); ++i) {
    api::ServerWorker& worker = workers_[(first + i) % workers_.size()];
    if (best == nullptr || worker.connections() < best->connections()) best = &worker;
  }
  return *best;
}

void Server::Impl::on_accept(net::Socket socket, const net::Address& peer) {
  choose_worker().serve(std::move(socket), peer);
}

Status Server::Impl::serve_connection(int fd) {
  net::Socket socket(fd);
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return {StatusCode::kSystem, "not a usable descriptor", false, errno};
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  net::Address peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) == 0)
    peer = net::Address(reinterpret_cast<const sockaddr*>(&storage), length);
  net::set_no_delay(fd);
  const std::lock_guard lock(mutex_);
  if (state_ != State::kRunning) return {StatusCode::kClosed, "the server is stopped"};
  given_.fetch_add(1, std::memory_order_relaxed);
  choose_worker().serve(std::move(socket), peer);
  return {};
}

void Server::Impl::stop(Duration drain) {
  {
    const std::lock_guard listening(listen_mutex_);
    if (!begin_stop()) return wait();
    run_on_acceptor([this] { listeners_.clear(); });
  }
  const TimePoint now = std::chrono::steady_clock::now();
  const TimePoint deadline = drain > TimePoint::max() - now ? TimePoint::max() : now + drain;
  for (api::ServerWorker& worker : workers_)
    worker.stop(deadline);
  for (api::ServerWorker& worker : workers_)
    worker.join();
  const std::lock_guard lock(mutex_);
  state_ = State::kStopped;
  stopped_.notify_all();
}

// False when it has begun already.
bool Server::Impl::begin_stop() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kRunning) return false;
  state_ = State::kStopping;
  files_.clear();
  return true;
}

void Server::Impl::wait() {
  std::unique_lock lock(mutex_);
  stopped_.wait(lock, [this] { return state_ == State::kStopped; });
}

ServerStats Server::Impl::stats() const {
  ServerStats stats;
  stats.links_accepted = accept_metrics_.accepted.value() + given_.load(std::memory_order_relaxed);
  stats.requests_open = shared_.requests_open.load(std::memory_order_relaxed);
  for (const api::ServerWorker& worker : workers_) {
    api::add_to(stats.links, worker.metrics().link);
    stats.requests += worker.requests();
    stats.concurrency_refused += worker.refused();
    stats.handler_failures += worker.handler_failures();
  }
  return stats;
}

// ---- Server.

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::Server(Server&& other) noexcept = default;
Server& Server::operator=(Server&& other) noexcept = default;
Server::~Server() = default;

StatusOr<Server> Server::create_with(Handler handler, AsyncHandler async_handler,
                                     const ServerOptions& options) {
  api::take_over_log();
  if (!handler && !async_handler)
    return Status(StatusCode::kInvalidArgument, "the handler is empty");
  if (const Status status = api::check(options); !status.ok()) return status;
  StatusOr<tls::ServerOptions> tls = api::make_tls_options(options);
  if (!tls) return tls.status();
  try {
    return Server(std::make_unique<Impl>(std::move(handler), std::move(async_handler), options,
                                         *std::move(tls)));
  } catch (const std::system_error& error) {  // of std::thread and event::Loop
    return Status(StatusCode::kSystem, "no thread or descriptor is left for a worker", false,
                  error.code().value());
  }
}

StatusOr<Server> Server::create(Handler handler, const ServerOptions& options) {
  return create_with(std::move(handler), {}, options);
}

StatusOr<Server> Server::create_async(AsyncHandler handler, const ServerOptions& options) {
  return create_with({}, std::move(handler), options);
}

Status Server::listen(std::string_view address) {
  return impl_->listen(address);
}
std::vector<std::string> Server::addresses() const {
  return impl_->addresses();
}
Status Server::serve_connection(int fd) {
  return impl_->serve_connection(fd);
}
void Server::stop(Duration drain) {
  impl_->stop(drain);
}
void Server::wait() {
  impl_->wait();
}
ServerStats Server::stats() const {
  return impl_->stats();
}

}  // namespace abi0
}  // namespace httpteleport
