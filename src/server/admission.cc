#include "server/admission.h"

#include "base/log.h"

namespace httpteleport::server {

namespace {

constexpr net::LingeringConnections::Options kRefusedOptions{
    .connections_max = 256,
    .send_timeout = std::chrono::seconds(1),
    .drain_timeout = std::chrono::seconds(1),
    .discard_bytes_max = 256 * 1024};

// `text` is one of a few, so the log holds it back when it comes too often.
void log_refusal(const net::Address& peer, std::string_view text) {
  log_line(LogLevel::kWarn, text, {{"peer", peer.to_string()}});
}

net::ProxyIntake::Options intake_options(const config::ListenerOptions& listener) {
  return {.versions = listener.proxy_versions, .timeout = listener.handshake_timeout};
}

}  // namespace

Admission::Admission(event::Loop& loop, const config::ListenerOptions& listener,
                     bool needs_local_address, metrics::WorkerMetrics& metrics,
                     AdmissionHandler& handler)
    : loop_(loop),
      listener_(listener),
      needs_local_address_(needs_local_address),
      metrics_(metrics),
      handler_(handler),
      intake_(loop, intake_options(listener), *this),
      refused_(loop, kRefusedOptions) {}

void Admission::update(const config::ListenerOptions& listener, bool needs_local_address) {
  listener_ = listener;
  needs_local_address_ = needs_local_address;
  intake_.set_options(intake_options(listener));
}

void Admission::take(net::Socket socket, const net::Address& peer) {
  if (!listener_.proxy_versions.any()) {
    const int fd = socket.fd();
    return check_client(std::move(socket), peer,
                        needs_local_address_ ? net::local_address(fd) : net::Address());
  }
  if (!peer.is_unix() && !listener_.proxy_senders.contains(peer)) {
    return refuse(std::move(socket), metrics_.refused.proxy_sender, peer,
                  "connection refused: the peer may not send PROXY headers (-inProxyProtocolFrom)");
  }
  intake_.take(std::move(socket), peer);
}

void Admission::on_proxy_header(net::Socket socket, const net::Address& peer,
                                const net::ProxyHeader& header) {
  // A sender that names nobody speaks for itself: a health check.
  if (header.source.is_valid())
    return check_client(std::move(socket), header.source, header.destination);
  const int fd = socket.fd();
  check_client(std::move(socket), peer,
               needs_local_address_ ? net::local_address(fd) : net::Address());
}

void Admission::on_proxy_refused(const net::Address& peer, net::ProxyRefusal refusal) {
  switch (refusal) {
    case net::ProxyRefusal::kMalformed:
      metrics_.refused.proxy_header.add();
      return log_refusal(
          peer,
          "connection refused: it does not begin with a good PROXY header (-inProxyProtocol)");
    case net::ProxyRefusal::kTimeout:
      metrics_.refused.proxy_timeout.add();
      return log_refusal(
          peer, "connection refused: its PROXY header did not come in time (-inHandshakeTimeout)");
    case net::ProxyRefusal::kCrowded:
      metrics_.refused.proxy_crowded.add();
      return log_refusal(peer, "connection refused: too many wait for their PROXY headers");
  }
}

void Admission::check_client(net::Socket socket, const net::Address& client,
                             const net::Address& local) {
  if (!listener_.allow.is_empty() && !client.is_unix() && !listener_.allow.contains(client)) {
    return refuse(std::move(socket), metrics_.refused.address, client,
                  "connection refused: the client may not connect (-inAllowIP)");
  }
  handler_.on_admitted(std::move(socket), client, local);
}

// Bytes that have come and are not read would make the close a reset.
void Admission::refuse(net::Socket socket, metrics::Counter& counter, const net::Address& peer,
                       std::string_view why) {
  counter.add();
  log_refusal(peer, why);
  auto connection = std::make_unique<net::Connection>(
      loop_, std::move(socket), metrics_.downstream_sockets, Source::kDownstream);
  if (connection->start(ignoring_)) refused_.take(std::move(connection), true);
}

}  // namespace httpteleport::server
