#include "server/link_acceptor.h"

namespace httpteleport::server {

namespace {

constexpr std::chrono::seconds kMeasureInterval{1};

}  // namespace

LinkAcceptor::LinkAcceptor(event::Loop& loop, net::Socket listen_socket,
                           std::span<const std::unique_ptr<Worker>> workers,
                           metrics::WorkerMetrics& metrics)
    : loop_(loop),
      listener_(loop, std::move(listen_socket), *this, metrics),
      workers_(workers),
      loads_(workers.size()),
      messages_before_(workers.size()) {}

Result<void> LinkAcceptor::start() {
  measure();
  return listener_.start();
}

void LinkAcceptor::measure() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    const uint64_t messages = workers_[i]->metrics().link.messages_received.value();
    loads_[i].messages_per_second = messages - messages_before_[i];
    messages_before_[i] = messages;
  }
  loop_.set_timer(measure_timer_, kMeasureInterval);
}

void LinkAcceptor::on_accept(net::Socket socket, const net::Address& peer) {
  for (size_t i = 0; i < workers_.size(); ++i) {
    loads_[i].links = static_cast<uint64_t>(workers_[i]->metrics().downstream_sockets.open.value() +
                                            workers_[i]->links_in_transit());
  }
  workers_[place_link(loads_)]->adopt(std::move(socket), peer);
}

}  // namespace httpteleport::server
