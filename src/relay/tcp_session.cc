#include "relay/tcp_session.h"

#include <algorithm>

#include "relay/link_side.h"
#include "relay/socket_side.h"
#include "upstream/balancer/hash.h"

namespace httpteleport::relay {

// ---- Side.

Side& Side::other() const {
  return session_.other_than(*this);
}

TimePoint Side::now() const {
  return session_.loop().now();
}

void Side::note_moved(size_t bytes) {
  moved_at_ = now();
  // Until it is blocked it is taken to take what it is sent.
  if (!other().is_full()) other().moved_at_ = moved_at_;
  session_.count(*this, bytes);
}

// ---- TcpSession.

void TcpSession::start(TcpService& service, net::Socket socket, const RawClient& client,
                       uint32_t ticket) {
  auto* session = new TcpSession(service, client, ticket);
  auto side = std::make_unique<SocketSide>(*session, std::move(socket), true);
  SocketSide& started = *side;
  session->client_ = std::move(side);
  if (!started.start()) return session->end();
  session->connect();
}

void TcpSession::start(TcpService& service, LinkClient& link, const RawClient& client,
                       uint32_t ticket) {
  auto* session = new TcpSession(service, client, ticket);
  session->client_ = std::make_unique<LinkClientSide>(*session, link);
  session->connect();
}

TcpSession::TcpSession(TcpService& service, const RawClient& client, uint32_t ticket)
    : service_(service), options_(service.options_), ticket_(ticket), connecting_(new Connecting) {
  service_.sessions_.push_back(*this);
  service_.context_.metrics.connections.add();
  service_.context_.metrics.active.add(1);
  connecting_->client = client;
  if (options_->proxy_header) {
    connecting_->first_bytes = net::encode_proxy_header({.version = *options_->proxy_header,
                                                         .source = client.address,
                                                         .destination = client.connected_to});
  }
  if (!service_.context_.cluster.hash_field().empty())
    connecting_->key = upstream::hash_of(client.address.ip());
  connecting_->first_address = service_.next_address_;
}

void TcpSession::connect() {
  for (;;) {
    upstream::PickResult picked =
        service_.context_.cluster.pick({.unreachable = connecting_->unreachable,
                                        .replaceable = connecting_->unreachable.empty(),
                                        .key = connecting_->key});
    if (picked.lease.endpoint() == nullptr) {
      service_.context_.metrics.errors.add();
      return abort(connecting_->failure);
    }
    lease_ = std::move(picked.lease);
    const Result<void> started = try_connect();
    if (started) return loop().set_timer(timer_, options_->connect_timeout);
    // Our own want of descriptors speaks against nobody.
    if (started.error().source == Source::kInternal) {
      service_.context_.metrics.errors.add();
      return abort(started.error());
    }
    note_failure(started.error());
  }
}

void TcpSession::note_failure(const Error& error) {
  const bool is_link = lease_.endpoint()->kind().protocol == upstream::Protocol::kTeleport;
  if (!is_link) service_.context_.worker_metrics.connect_errors.add();
  lease_.report_failure({Code::kConnectFailed, Source::kUpstream, error.sys_errno, error.detail});
  pass_over();
}

void TcpSession::pass_over() {
  upstream::Endpoint* endpoint = lease_.endpoint();
  connecting_->unreachable.push_back(endpoint);
  // The others begin with the next of its addresses.
  if (endpoint->addresses().size() > 1) ++service_.next_address_;
}

Result<void> TcpSession::try_connect() {
  upstream::Endpoint* endpoint = lease_.endpoint();
  const std::vector<net::Address>& addresses = endpoint->addresses();
  const auto failures =
      std::count(connecting_->unreachable.begin(), connecting_->unreachable.end(), endpoint);
  // An endpoint whose name leads nowhere yet.
  if (addresses.empty()) return Error{Code::kConnectFailed, Source::kUpstream, 0, "no address"};
  if (endpoint->kind().protocol == upstream::Protocol::kTeleport) {
    auto side = std::make_unique<LinkServerSide>(*this);
    side->start(*endpoint, connecting_->client);
    server_ = std::move(side);
    return {};
  }
  const size_t index = connecting_->first_address + static_cast<size_t>(failures);
  service_.context_.worker_metrics.connects.add();
  Result<net::Socket> socket = net::start_connect(addresses[index % addresses.size()]);
  if (!socket) return socket.error();
  auto side = std::make_unique<SocketSide>(*this, *std::move(socket), false);
  const Result<void> started = side->start();
  loop().delete_later(std::move(server_));
  server_ = std::move(side);
  return started;
}

void TcpSession::on_connected() {
  timer_.cancel();
  lease_.report_answer(200);
  backend_ = &service_.context_.backends.counters_of(*lease_.endpoint());
  backend_->connections.add();
  backend_->active.add(1);
  // A link has begun with a header of its own.
  if (!connecting_->first_bytes.empty() && server_->as_socket() != nullptr)
    server_->send(connecting_->first_bytes);
  connecting_.reset();
  const TimePoint now = loop().now();
  client_->set_moved_at(now);
  server_->set_moved_at(now);
  watch_peers_at_ =
      options_->keep_alive > Duration::zero() ? now + options_->keep_alive : TimePoint::max();
  set_timer();
  client_->begin();
}

void TcpSession::on_connect_failed(const Error& error) {
  timer_.cancel();
  connecting_->failure = error;
  loop().delete_later(std::move(server_));
  // A link that has ended under the question, which the client does not know of.
  const bool link_ended = error.code == Code::kNotSent || error.code == Code::kConnectionLost;
  if (link_ended && !std::exchange(connecting_->repeated, true)) return connect();
  note_failure(error);
  connect();
}

void TcpSession::on_connect_refused(int status) {
  timer_.cancel();
  connecting_->failure = {Code::kConnectFailed, Source::kUpstream, 0,
                          "the far end of the link has no connection for it"};
  loop().delete_later(std::move(server_));
  lease_.report_answer(status);
  pass_over();
  connect();
}

void TcpSession::count(const Side& from, size_t bytes) {
  const bool from_client = &from == client_.get();
  metrics::ServiceMetrics& service = service_.context_.metrics;
  (from_client ? service.received : service.sent).add(bytes);
  (from_client ? backend_->received : backend_->sent).add(bytes);
}

// ---- The end.

void TcpSession::on_broken(const Side& side) {
  if (&side == server_.get() && backend_ != nullptr) {
    backend_->errors.add();
    service_.context_.metrics.errors.add();
  }
  abort({Code::kConnectionLost, Source::kUpstream, 0, "the connection was broken off"});
}

void TcpSession::on_side_over() {
  if (client_->is_over() && server_->is_over()) end();
}

void TcpSession::abort(const Error& why) {
  client_->abort(why);
  if (server_) server_->abort(why);
  end();
}

void TcpSession::end() {
  if (!is_linked()) return;
  unlink();
  timer_.cancel();
  service_.context_.metrics.active.add(-1);
  if (backend_ != nullptr) backend_->active.add(-1);
  lease_.release();
  if (service_.context_.gate != nullptr) service_.context_.gate->leave(ticket_);
  loop().delete_later(std::unique_ptr<TcpSession>(this));
}

// ---- Time.

void TcpSession::set_timer() {
  TimePoint next = watch_peers_at_;
  const auto consider = [&next](const Side& side, Duration timeout) {
    if (timeout > Duration::zero() && !side.is_over())
      next = std::min(next, side.moved_at() + timeout);
  };
  consider(*client_, options_->client_timeout);
  consider(*server_, options_->server_timeout);
  if (next != TimePoint::max()) loop().set_timer_at(timer_, next);
}

// Bytes do not touch the timer: it looks, when it fires, how long ago they moved.
void TcpSession::on_timer() {
  if (connecting_) {
    const Error error{Code::kTimeout, Source::kUpstream, 0, "connecting takes too long"};
    server_->abort(error);
    return on_connect_failed(error);
  }
  const TimePoint now = loop().now();
  if (client_->is_idle(now, options_->client_timeout) ||
      server_->is_idle(now, options_->server_timeout)) {
    // A connection whose bytes are all sent ends with FIN, another one with RST.
    client_->close();
    server_->close();
    return end();
  }
  if (now >= watch_peers_at_) watch_peers();
  set_timer();
}

void TcpSession::watch_peers() {
  watch_peers_at_ = TimePoint::max();
  client_->watch_peer(options_->keep_alive);
  server_->watch_peer(options_->keep_alive);
}

}  // namespace httpteleport::relay
