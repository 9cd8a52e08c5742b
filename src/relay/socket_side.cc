#include "relay/socket_side.h"

#include "relay/tcp_session.h"

namespace httpteleport::relay {

namespace {

// What Connection says when a connection has done all it was for.
bool is_proper_end(const Error& error) {
  return error.code == Code::kConnectionLost && error.sys_errno == 0;
}

}  // namespace

SocketSide::SocketSide(TcpSession& session, net::Socket socket, bool is_client)
    : Side(session),
      connection_(session.loop(), std::move(socket),
                  is_client ? session.context().worker_metrics.downstream_sockets
                            : session.context().worker_metrics.upstream_sockets,
                  is_client ? Source::kDownstream : Source::kUpstream),
      is_client_(is_client) {
  if (is_client) connection_.pause(net::PauseReason::kBusy);
}

Result<void> SocketSide::start() {
  moved_at_ = now();
  return connection_.start(*this, !is_client_);
}

size_t SocketSide::on_data(std::string_view bytes) {
  note_moved(bytes.size());
  other().send(bytes);
  if (session_.context().pipes != nullptr) note_bulk(bytes.size());
  return bytes.size();
}

void SocketSide::note_bulk(size_t bytes) {
  bulk_bytes_ = bytes < kBulkReadBytes ? 0 : bulk_bytes_ + static_cast<uint32_t>(bytes);
  if (bulk_bytes_ < kBulkBytes) return;
  bulk_bytes_ = kBulkBytes;
  small_reads_ = 0;
  if (other().as_socket() != nullptr) connection_.read_to_pipe(true);
}

void SocketSide::on_readable() {
  if (other_socket().connection_.unsent_bytes() > 0) {
    // What is copied already goes first.
    other_socket().connection_.await_pipe(true);
    return pause();
  }
  if (!pipe_.is_open()) pipe_ = session_.context().pipes->take();
  if (!pipe_.is_open()) return connection_.read_to_pipe(false);
  pipe_bytes_ = connection_.splice_to(pipe_.in.fd(), kSpliceBytesMax);
  if (pipe_bytes_ == 0) return drop_pipe();
  note_moved(pipe_bytes_);
  small_reads_ = pipe_bytes_ < kBulkReadBytes ? static_cast<uint8_t>(small_reads_ + 1) : uint8_t{0};
  if (small_reads_ == kSmallReadsMax) {
    bulk_bytes_ = 0;
    connection_.read_to_pipe(false);
  }
  empty_pipe();
  // Copied from now on, and nobody comes by here again.
  if (pipe_bytes_ == 0 && small_reads_ == kSmallReadsMax) drop_pipe();
}

// Only asked for where both sides are sockets.
void SocketSide::on_writable() {
  other_socket().empty_pipe();
}

void SocketSide::empty_pipe() {
  SocketSide& target = other_socket();
  const size_t moved = target.connection_.splice_from(pipe_.out.fd(), pipe_bytes_);
  pipe_bytes_ -= moved;
  if (moved > 0) target.moved_at_ = now();
  target.connection_.await_pipe(pipe_bytes_ > 0);
  if (pipe_bytes_ > 0) return pause();
  if (!connection_.is_paused()) return;
  drop_pipe();
  resume();
}

void SocketSide::drop_pipe() {
  if (!pipe_.is_open()) return;
  session_.context().pipes->give_back(std::move(pipe_), pipe_bytes_ == 0);
  pipe_bytes_ = 0;
}

void SocketSide::on_end() {
  ended_ = true;
  moved_at_ = now();
  other().send_end();
}

void SocketSide::on_connected() {
  session_.on_connected();
}

void SocketSide::on_peer_closing() {
  if (connection_.peer_reset()) session_.on_broken(*this);
}

void SocketSide::on_closed(const Error& error) {
  if (session_.is_connecting() && !is_client_) return session_.on_connect_failed(error);
  if (ended_ && other().has_ended() && is_proper_end(error)) return session_.on_side_over();
  session_.on_broken(*this);
}

void SocketSide::on_write_blocked() {
  taken_at_check_ = connection_.bytes_acknowledged();
  other().pause();
}

void SocketSide::on_write_unblocked() {
  moved_at_ = now();
  other().resume();
}

bool SocketSide::is_idle(TimePoint now, Duration timeout) {
  if (is_over() || timeout == Duration::zero() || now - moved_at_ < timeout) return false;
  const uint64_t taken = connection_.bytes_acknowledged();
  const SocketSide* const socket = other().as_socket();
  const bool owes = connection_.unsent_bytes() > 0 ||
                    (socket != nullptr && socket->pipe_bytes_ > 0) ||
                    taken < connection_.bytes_sent();
  // The peer may send and we do not look; or it takes what it is sent, slowly.
  const bool excused = owes ? taken != taken_at_check_ : connection_.is_paused();
  taken_at_check_ = taken;
  if (excused) moved_at_ = now;
  return !excused;
}

}  // namespace httpteleport::relay
