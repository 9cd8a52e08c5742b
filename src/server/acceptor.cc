#include "server/acceptor.h"

namespace httpteleport::server {

namespace {

constexpr std::chrono::seconds kMeasureInterval{1};

}  // namespace

Acceptor::Acceptor(event::Loop& loop, std::vector<net::Socket> listen_sockets,
                   std::span<const std::unique_ptr<Worker>> workers,
                   metrics::WorkerMetrics& metrics, size_t descriptors_max)
    : loop_(loop), workers_(workers), loads_(workers.size()), messages_before_(workers.size()) {
  net::AcceptHandler& handler = *this;
  for (net::Socket& socket : listen_sockets)
    listeners_.push_back(std::make_unique<net::Listener>(loop, std::move(socket), handler, metrics,
                                                         descriptors_max));
}

Result<void> Acceptor::start() {
  measure();
  for (const auto& listener : listeners_) {
    if (const Result<void> started = listener->start(); !started) return started;
  }
  return {};
}

void Acceptor::close() {
  for (const auto& listener : listeners_)
    listener->close();
}

void Acceptor::measure() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    const uint64_t messages = workers_[i]->metrics().link.messages_received.value();
    loads_[i].messages_per_second = messages - messages_before_[i];
    messages_before_[i] = messages;
  }
  loop_.set_timer(measure_timer_, kMeasureInterval);
}

void Acceptor::on_accept(net::Socket socket, const net::Address& peer) {
  for (size_t i = 0; i < workers_.size(); ++i) {
    loads_[i].connections =
        static_cast<uint64_t>(workers_[i]->metrics().downstream_sockets.open.value() +
                              workers_[i]->connections_in_transit());
  }
  workers_[place_connection(loads_)]->adopt(std::move(socket), peer);
}

}  // namespace httpteleport::server
