#include "server/worker.h"

#include <algorithm>

#include "proxy/http1_session.h"
#include "proxy/link_acceptor.h"
#include "server/descriptor_share.h"
#include "server/memory_share.h"

namespace httpteleport::server {

namespace {

constexpr Duration kDrainCheckInterval = std::chrono::milliseconds(10);
constexpr Duration kRetiredCheckInterval = std::chrono::seconds(1);

bool sends_proxy_headers(const config::Snapshot& snapshot) {
  return std::any_of(snapshot.clusters.begin(), snapshot.clusters.end(),
                     [](const upstream::ClusterOptions& cluster) {
                       return cluster.http1.proxy_header.has_value();
                     });
}

}  // namespace

Worker::Worker(std::shared_ptr<const config::Snapshot> snapshot,
               std::vector<net::Socket> listen_sockets, proxy::AccessLogWriter* access_log)
    : snapshot_(std::move(snapshot)),
      lingering_(loop_, {}),
      queue_(loop_, metrics_, snapshot_->exchanges.queue),
      reporter_(make_reporter(access_log)),
      generation_(
          std::make_unique<Generation>(loop_, metrics_, snapshot_, queue_, reporter_.get())),
      tls_(snapshot_->tls ? std::make_unique<tls::ServerContext>(*snapshot_->tls) : nullptr),
      sessions_{loop_,
                metrics_,
                lingering_,
                date_,
                &generation_->handlers(),
                snapshot_->http1_sessions,
                snapshot_->teleport_sessions},
      admission_(loop_, snapshot_->listener, sends_proxy_headers(*snapshot_), metrics_, *this) {
  net::AcceptHandler& accepted = *this;
  for (net::Socket& socket : listen_sockets) {
    listeners_.push_back(std::make_unique<net::Listener>(
        loop_, std::move(socket), accepted, metrics_, descriptors_of_clients(*snapshot_)));
  }
  sessions_.tls = tls_.get();
  sessions_.reporter = reporter_.get();
  sessions_.pipes = &pipes_;
  loop_.pool().set_budget(memory_of_messages(*snapshot_));
}

std::unique_ptr<proxy::ExchangeReporter> Worker::make_reporter(proxy::AccessLogWriter* access_log) {
  if (access_log == nullptr && !snapshot_->log_all_errors) return nullptr;
  std::unique_ptr<proxy::AccessLog> lines;
  if (access_log != nullptr)
    lines = std::make_unique<proxy::AccessLog>(loop_, metrics_, *access_log);
  return std::make_unique<proxy::ExchangeReporter>(std::move(lines), snapshot_->log_all_errors);
}

Worker::~Worker() {
  join();
  // No thread runs any more: sessions end before the clusters that their exchanges use.
  while (!sessions_.sessions.empty())
    sessions_.sessions.front().abort();
  loop_.delete_doomed();
}

void Worker::start() {
  thread_ = std::thread([this] {
    for (const auto& listener : listeners_) {
      const bool listening = listener->start().has_value();
      HT_ASSERT(listening);
    }
    loop_.run();
  });
}

void Worker::join() {
  if (!thread_.joinable()) return;
  loop_.post([this] { loop_.stop(); });
  thread_.join();
}

void Worker::on_accept(net::Socket socket, const net::Address& peer) {
  admission_.take(std::move(socket), peer);
}

void Worker::on_admitted(net::Socket socket, const net::Address& client,
                         const net::Address& local) {
  switch (snapshot_->listener.protocol) {
    case config::ListenerProtocol::kHttp1:
      return proxy::Http1Session::start(sessions_, std::move(socket), client, local);
    case config::ListenerProtocol::kTeleport:
      return proxy::LinkAcceptor::start(sessions_, std::move(socket), client);
  }
}

void Worker::adopt(net::Socket socket, const net::Address& peer) {
  connections_in_transit_.fetch_add(1, std::memory_order_relaxed);
  // A letter must be copyable, so the descriptor travels bare.
  const int fd = socket.release();
  loop_.post([this, fd, peer] {
    connections_in_transit_.fetch_sub(1, std::memory_order_relaxed);
    admission_.take(net::Socket(fd), peer);
  });
}

void Worker::set_addresses(size_t cluster_index, size_t endpoint_index,
                           std::vector<net::Address> addresses) {
  loop_.post([this, cluster_index, endpoint_index, addresses = std::move(addresses)] {
    generation_->set_addresses(cluster_index, endpoint_index, addresses);
  });
}

void Worker::drain(Duration timeout, std::function<void()> on_drained) {
  loop_.post([this, timeout, on_drained = std::move(on_drained)]() mutable {
    begin_drain(timeout, std::move(on_drained));
  });
}

void Worker::begin_drain(Duration timeout, std::function<void()> on_drained) {
  on_drained_ = std::move(on_drained);
  drain_deadline_ = loop_.now() + timeout;
  for (const auto& listener : listeners_)
    listener->close();
  admission_.close();
  sessions_.draining = true;
  sessions_.sessions.for_each([](proxy::Session& session) { session.drain(); });
  loop_.set_timer(drain_timer_, Duration::zero());
}

void Worker::check_drained() {
  if (loop_.now() >= drain_deadline_) {
    while (!sessions_.sessions.empty())
      sessions_.sessions.front().abort();
  }
  const bool drained = is_drained();
  if (!drained && loop_.now() < drain_deadline_)
    return loop_.set_timer(drain_timer_, kDrainCheckInterval);
  if (reporter_) reporter_->flush();
  on_drained_();
}

bool Worker::is_drained() {
  if (!sessions_.sessions.empty() || lingering_.count() > 0) return false;
  generation_->retire();
  delete_finished();
  return generation_->is_finished() && retired_.empty();
}

void Worker::apply(std::shared_ptr<const config::Snapshot> snapshot, bool files_only) {
  loop_.post([this, snapshot = std::move(snapshot), files_only]() mutable {
    take_into_use(std::move(snapshot), files_only);
  });
}

void Worker::take_into_use(std::shared_ptr<const config::Snapshot> snapshot, bool files_only) {
  snapshot_ = std::move(snapshot);
  if (tls_) tls_->update(*snapshot_->tls);
  if (files_only) return generation_->update_tls(*snapshot_);
  loop_.pool().set_budget(memory_of_messages(*snapshot_));
  admission_.update(snapshot_->listener, sends_proxy_headers(*snapshot_));
  sessions_.http1 = snapshot_->http1_sessions;
  sessions_.teleport = snapshot_->teleport_sessions;
  if (reporter_) {
    reporter_->set_log_all_errors(snapshot_->log_all_errors);
  } else {
    reporter_ = make_reporter(nullptr);
    sessions_.reporter = reporter_.get();
  }
  auto next = std::make_unique<Generation>(loop_, metrics_, snapshot_, queue_, reporter_.get());
  sessions_.handlers = &next->handlers();
  generation_->retire();
  retired_.push_back(std::exchange(generation_, std::move(next)));
  queue_.set_options(snapshot_->exchanges.queue);
  queue_.wake();
  loop_.set_timer(retired_timer_, kRetiredCheckInterval);
}

void Worker::delete_finished() {
  std::erase_if(retired_, [](const auto& generation) { return generation->is_finished(); });
  if (!retired_.empty()) loop_.set_timer(retired_timer_, kRetiredCheckInterval);
}

}  // namespace httpteleport::server
