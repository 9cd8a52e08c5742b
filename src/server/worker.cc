#include "server/worker.h"

#include "proxy/http1_session.h"
#include "proxy/teleport_session.h"

namespace httpteleport::server {

namespace {

constexpr Duration kDrainCheckInterval = std::chrono::milliseconds(10);

}  // namespace

Worker::Worker(std::shared_ptr<const config::Snapshot> snapshot, net::Socket listen_socket)
    : snapshot_(std::move(snapshot)),
      lingering_(loop_, {}),
      routes_(snapshot_->routes),
      exchanges_{loop_, metrics_, snapshot_->exchanges, routes_, {}},
      handlers_(exchanges_),
      sessions_{loop_,
                metrics_,
                lingering_,
                date_,
                handlers_,
                snapshot_->http1_sessions,
                snapshot_->teleport_sessions},
      listener_(loop_, std::move(listen_socket), *this, metrics_) {
  loop_.pool().set_budget(snapshot_->buffer_bytes_max / snapshot_->workers);
  for (const upstream::ClusterOptions& options : snapshot_->clusters) {
    exchanges_.clusters.push_back(std::make_unique<upstream::Cluster>(loop_, metrics_, options));
  }
}

Worker::~Worker() {
  join();
  // No thread runs any more: sessions end before the clusters that their exchanges use.
  while (!sessions_.sessions.empty())
    sessions_.sessions.front().abort();
}

void Worker::start() {
  thread_ = std::thread([this] {
    const bool listening = !listener_.is_open() || listener_.start().has_value();
    HT_ASSERT(listening);
    loop_.run();
  });
}

void Worker::join() {
  if (!thread_.joinable()) return;
  loop_.post([this] { loop_.stop(); });
  thread_.join();
}

void Worker::on_accept(net::Socket socket, const net::Address& peer) {
  start_session(std::move(socket), peer);
}

void Worker::start_session(net::Socket socket, const net::Address& peer) {
  switch (snapshot_->listener.protocol) {
    case config::ListenerProtocol::kHttp1:
      return proxy::Http1Session::start(sessions_, std::move(socket), peer);
    case config::ListenerProtocol::kTeleport:
      return proxy::TeleportSession::start(sessions_, std::move(socket), peer);
  }
}

void Worker::adopt(net::Socket socket, const net::Address& peer) {
  links_in_transit_.fetch_add(1, std::memory_order_relaxed);
  // A letter must be copyable, so the descriptor travels bare.
  const int fd = socket.release();
  loop_.post([this, fd, peer] {
    links_in_transit_.fetch_sub(1, std::memory_order_relaxed);
    start_session(net::Socket(fd), peer);
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
  listener_.close();
  sessions_.draining = true;
  sessions_.sessions.for_each([](proxy::Session& session) { session.drain(); });
  loop_.set_timer(drain_timer_, Duration::zero());
}

void Worker::check_drained() {
  if (loop_.now() >= drain_deadline_) {
    while (!sessions_.sessions.empty())
      sessions_.sessions.front().abort();
  }
  const bool drained = sessions_.sessions.empty() && lingering_.count() == 0;
  if (!drained && loop_.now() < drain_deadline_)
    return loop_.set_timer(drain_timer_, kDrainCheckInterval);
  for (const auto& cluster : exchanges_.clusters)
    cluster->drain();
  on_drained_();
}

}  // namespace httpteleport::server
