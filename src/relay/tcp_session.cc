#include "relay/tcp_session.h"

#include <algorithm>

#include "upstream/balancer/hash.h"

namespace httpteleport::relay {

namespace {

// What Connection says when a connection has done all it was for.
bool is_proper_end(const Error& error) {
  return error.code == Code::kConnectionLost && error.sys_errno == 0;
}

}  // namespace

// ---- Side.

Result<void> TcpSession::Side::start(net::Socket socket, bool connecting) {
  TcpContext& context = session_.service_.context_;
  metrics::WorkerMetrics& metrics = context.worker_metrics;
  connection = std::make_unique<net::Connection>(
      context.loop, std::move(socket),
      is_client() ? metrics.downstream_sockets : metrics.upstream_sockets,
      is_client() ? Source::kDownstream : Source::kUpstream);
  moved_at = context.loop.now();
  return connection->start(*this, connecting);
}

size_t TcpSession::Side::on_data(std::string_view bytes) {
  note_moved(bytes.size());
  other().connection->write(bytes);
  if (session_.service_.context_.pipes != nullptr) note_bulk(bytes.size());
  return bytes.size();
}

void TcpSession::Side::note_moved(size_t bytes) {
  const TimePoint now = session_.loop().now();
  moved_at = now;
  // Until it is blocked it is taken to take what it is sent.
  if (!other().connection->is_write_blocked()) other().moved_at = now;
  session_.count(is_client(), bytes);
}

void TcpSession::Side::note_bulk(size_t bytes) {
  bulk_bytes_ = bytes < kBulkReadBytes ? 0 : bulk_bytes_ + static_cast<uint32_t>(bytes);
  if (bulk_bytes_ < kBulkBytes) return;
  bulk_bytes_ = kBulkBytes;
  small_reads_ = 0;
  connection->read_to_pipe(true);
}

void TcpSession::Side::on_readable() {
  if (other().connection->unsent_bytes() > 0) {
    // What is copied already goes first.
    other().connection->await_pipe(true);
    return connection->pause(net::PauseReason::kOtherSideFull);
  }
  if (!pipe_.is_open()) pipe_ = session_.service_.context_.pipes->take();
  if (!pipe_.is_open()) return connection->read_to_pipe(false);
  pipe_bytes_ = connection->splice_to(pipe_.in.fd(), kSpliceBytesMax);
  if (pipe_bytes_ == 0) return drop_pipe();
  note_moved(pipe_bytes_);
  small_reads_ = pipe_bytes_ < kBulkReadBytes ? static_cast<uint8_t>(small_reads_ + 1) : uint8_t{0};
  if (small_reads_ == kSmallReadsMax) {
    bulk_bytes_ = 0;
    connection->read_to_pipe(false);
  }
  empty_pipe();
  // Copied from now on, and nobody comes by here again.
  if (pipe_bytes_ == 0 && small_reads_ == kSmallReadsMax) drop_pipe();
}

void TcpSession::Side::empty_pipe() {
  Side& target = other();
  const size_t moved = target.connection->splice_from(pipe_.out.fd(), pipe_bytes_);
  pipe_bytes_ -= moved;
  if (moved > 0) target.moved_at = session_.loop().now();
  target.connection->await_pipe(pipe_bytes_ > 0);
  if (pipe_bytes_ > 0) return connection->pause(net::PauseReason::kOtherSideFull);
  if (!connection->is_paused()) return;
  drop_pipe();
  connection->resume(net::PauseReason::kOtherSideFull);
}

void TcpSession::Side::drop_pipe() {
  if (!pipe_.is_open()) return;
  session_.service_.context_.pipes->give_back(std::move(pipe_), pipe_bytes_ == 0);
  pipe_bytes_ = 0;
}

void TcpSession::Side::on_end() {
  ended_ = true;
  moved_at = session_.loop().now();
  other().connection->shutdown_write();
}

void TcpSession::Side::on_peer_closing() {
  if (connection->peer_reset()) session_.on_broken(*this);
}

void TcpSession::Side::on_closed(const Error& error) {
  if (session_.connecting_ && !is_client()) return session_.on_connect_failed(error);
  if (ended_ && other().ended_ && is_proper_end(error)) return session_.on_properly_ended();
  session_.on_broken(*this);
}

void TcpSession::Side::on_write_blocked() {
  taken_at_check_ = connection->bytes_acknowledged();
  other().connection->pause(net::PauseReason::kOtherSideFull);
}

void TcpSession::Side::on_write_unblocked() {
  moved_at = session_.loop().now();
  other().connection->resume(net::PauseReason::kOtherSideFull);
}

bool TcpSession::Side::is_idle(TimePoint now, Duration timeout) {
  if (is_over() || timeout == Duration::zero() || now - moved_at < timeout) return false;
  const uint64_t taken = connection->bytes_acknowledged();
  const bool owes =
      connection->unsent_bytes() > 0 || other().pipe_bytes_ > 0 || taken < connection->bytes_sent();
  // The peer may send and we do not look; or it takes what it is sent, slowly.
  const bool excused = owes ? taken != taken_at_check_ : connection->is_paused();
  taken_at_check_ = taken;
  if (excused) moved_at = now;
  return !excused;
}

// ---- TcpSession.

void TcpSession::start(TcpService& service, net::Socket socket, const net::Address& client,
                       const net::Address& local, uint32_t ticket) {
  auto* session = new TcpSession(service, ticket);
  service.sessions_.push_back(*session);
  const int fd = socket.fd();
  session->prepare(
      client, service.options_->proxy_header && !local.is_valid() ? net::local_address(fd) : local);
  const Result<void> started = session->client_.start(std::move(socket), false);
  session->client_.connection->pause(net::PauseReason::kBusy);
  if (!started) return session->end();
  session->connect();
}

TcpSession::TcpSession(TcpService& service, uint32_t ticket)
    : service_(service), options_(service.options_), ticket_(ticket), connecting_(new Connecting) {
  service_.context_.metrics.connections.add();
  service_.context_.metrics.active.add(1);
}

void TcpSession::prepare(const net::Address& client, const net::Address& local) {
  if (options_->proxy_header) {
    connecting_->first_bytes = net::encode_proxy_header(
        {.version = *options_->proxy_header, .source = client, .destination = local});
  }
  if (!service_.context_.cluster.hash_field().empty()) {
    connecting_->key = upstream::hash_of(client.ip());
  }
  connecting_->first_address = service_.next_address_;
}

void TcpSession::connect() {
  for (;;) {
    upstream::PickResult picked =
        service_.context_.cluster.pick({.unreachable = connecting_->unreachable,
                                        .streams = true,
                                        .replaceable = connecting_->unreachable.empty(),
                                        .key = connecting_->key});
    if (picked.lease.endpoint() == nullptr) {
      service_.context_.metrics.errors.add();
      return abort();
    }
    lease_ = std::move(picked.lease);
    const Result<void> started = try_connect();
    if (started) return loop().set_timer(timer_, options_->connect_timeout);
    // Our own want of descriptors speaks against nobody.
    if (started.error().source == Source::kInternal) {
      service_.context_.metrics.errors.add();
      return abort();
    }
    note_failure(started.error());
  }
}

void TcpSession::note_failure(const Error& error) {
  upstream::Endpoint* endpoint = lease_.endpoint();
  service_.context_.worker_metrics.connect_errors.add();
  lease_.report_failure({Code::kConnectFailed, Source::kUpstream, error.sys_errno, error.detail});
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
  const size_t index = connecting_->first_address + static_cast<size_t>(failures);
  service_.context_.worker_metrics.connects.add();
  Result<net::Socket> socket = net::start_connect(addresses[index % addresses.size()]);
  if (!socket) return socket.error();
  return server_.start(*std::move(socket), true);
}

void TcpSession::on_connected() {
  timer_.cancel();
  lease_.report_answer(200);
  backend_ = &service_.context_.backends.counters_of(*lease_.endpoint());
  backend_->connections.add();
  backend_->active.add(1);
  if (!connecting_->first_bytes.empty()) server_.connection->write(connecting_->first_bytes);
  connecting_.reset();
  const TimePoint now = loop().now();
  client_.moved_at = server_.moved_at = now;
  watch_peers_at_ =
      options_->keep_alive > Duration::zero() ? now + options_->keep_alive : TimePoint::max();
  set_timer();
  client_.connection->resume(net::PauseReason::kBusy);
}

void TcpSession::on_connect_failed(const Error& error) {
  timer_.cancel();
  note_failure(error);
  loop().delete_later(std::move(server_.connection));
  connect();
}

void TcpSession::count(bool from_client, size_t bytes) {
  metrics::ServiceMetrics& service = service_.context_.metrics;
  (from_client ? service.received : service.sent).add(bytes);
  (from_client ? backend_->received : backend_->sent).add(bytes);
}

// ---- The end.

void TcpSession::on_broken(Side& side) {
  if (&side == &server_ && backend_ != nullptr) {
    backend_->errors.add();
    service_.context_.metrics.errors.add();
  }
  abort();
}

void TcpSession::on_properly_ended() {
  if (client_.is_over() && server_.is_over()) end();
}

void TcpSession::abort() {
  client_.abort();
  server_.abort();
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
      next = std::min(next, side.moved_at + timeout);
  };
  consider(client_, options_->client_timeout);
  consider(server_, options_->server_timeout);
  if (next != TimePoint::max()) loop().set_timer_at(timer_, next);
}

// Bytes do not touch the timer: it looks, when it fires, how long ago they moved.
void TcpSession::on_timer() {
  if (connecting_) {
    server_.connection->close();
    return on_connect_failed({Code::kTimeout, Source::kUpstream, 0, "connecting takes too long"});
  }
  const TimePoint now = loop().now();
  if (client_.is_idle(now, options_->client_timeout) ||
      server_.is_idle(now, options_->server_timeout)) {
    // A connection whose bytes are all sent ends with FIN, another one with RST.
    client_.connection->close();
    server_.connection->close();
    return end();
  }
  if (now >= watch_peers_at_) watch_peers();
  set_timer();
}

void TcpSession::watch_peers() {
  watch_peers_at_ = TimePoint::max();
  for (Side* side : {&client_, &server_}) {
    if (!side->is_over()) side->connection->set_keep_alive(options_->keep_alive);
  }
}

}  // namespace httpteleport::relay
