#include "net/connection.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace httpteleport::net {

namespace {

// Output of this size goes to the socket at once instead of being copied.
constexpr size_t kDirectWriteBytes = 8 * 1024;
constexpr size_t kVectorsMax = 64;
// For a handshake that waits for something other than the socket, such as a certificate that is
// being obtained.
constexpr Duration kHandshakeRetryInterval = std::chrono::milliseconds(50);

}  // namespace

Connection::Connection(event::Loop& loop, Socket socket, metrics::SocketMetrics& metrics,
                       Source peer)
    : loop_(loop),
      socket_(std::move(socket)),
      metrics_(metrics),
      output_(loop.pool()),
      peer_(peer) {
  metrics_.open.add(1);
}

Connection::~Connection() {
  close();
}

Result<void> Connection::start(ConnectionHandler& handler, bool connecting) {
  HT_ASSERT(state_ == State::kIdle);
  handler_ = &handler;
  state_ = connecting ? State::kConnecting : layer_ ? State::kSecuring : State::kOpen;
  writable_ = !connecting;
  if (layer_) layer_->attach(socket_.fd(), {});
  const Result<void> watched = loop_.watch(socket_.fd(), *this);
  if (!watched) close();
  return watched;
}

void Connection::secure(std::unique_ptr<StreamLayer> layer, std::string_view in_the_clear) {
  if (state_ == State::kClosed || failed_) return;
  HT_ASSERT(layer_ == nullptr && (state_ == State::kIdle || state_ == State::kOpen));
  if (state_ == State::kIdle) {
    layer_ = std::move(layer);
    in_the_clear_ = in_the_clear;
    return;
  }
  HT_ASSERT(in_the_clear.empty());
  send_now({});
  // From here on nothing is offered in the clear, not even of a peer that is gone.
  layer_ = std::move(layer);
  state_ = State::kSecuring;
  if (failed_) return;
  if (!output_.empty()) return fail(Code::kConnectionLost, 0, "the peer does not take its bytes");
  // While bytes are being delivered, what is left of them is known when the handler returns.
  if (!delivering_) begin_handshake(std::exchange(unread_, {}));
}

void Connection::begin_handshake(std::string received) {
  layer_->attach(socket_.fd(), std::move(received));
  // The report of a FIN does not come again.
  layer_->on_socket_ready(peer_closed_ || peer_reset_);
  loop_.at_turn_end(*this);
}

bool Connection::send_in_the_clear() {
  while (!in_the_clear_.empty()) {
    const ssize_t sent =
        send(socket_.fd(), in_the_clear_.data(), in_the_clear_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      if (errno != EAGAIN) fail(Code::kConnectFailed, errno, "the connection was reset at once");
      return false;
    }
    in_the_clear_.erase(0, static_cast<size_t>(sent));
  }
  return true;
}

void Connection::advance_handshake() {
  if (state_ != State::kSecuring || failed_ || !send_in_the_clear()) return;
  switch (layer_->handshake()) {
    case StreamLayer::State::kOpen:
      break;
    case StreamLayer::State::kWaiting:
      return loop_.set_timer(handshake_timer_, kHandshakeRetryInterval);
    case StreamLayer::State::kBlocked:
      return;
    case StreamLayer::State::kEnded:
    case StreamLayer::State::kFailed: {
      const Error failure = layer_->failure();
      return fail(failure.code, failure.sys_errno, failure.detail);
    }
  }
  state_ = State::kOpen;
  secured_ = true;
  // Bytes of the peer may have come with its last handshake message.
  readable_ = writable_ = true;
  loop_.at_turn_end(*this);
  handler_->on_secured();
}

void Connection::on_ready(event::Readiness readiness) {
  if (state_ == State::kClosed || failed_) return;
  if (state_ == State::kConnecting) {
    if (!readiness.writable && !readiness.failed) return;
    finish_connect();
    if (state_ == State::kClosed || failed_) return;
  }
  if (readiness.peer_closed) peer_closed_ = true;
  if (readiness.failed) peer_reset_ = true;
  if (layer_) {
    // A layer may have had to write before it could go on reading.
    readable_ = true;
    layer_->on_socket_ready(peer_closed_ || readiness.failed);
  }
  if (state_ == State::kSecuring) return advance_handshake();
  if (readiness.readable || readiness.peer_closed || readiness.failed) readable_ = true;
  if (readiness.writable) writable_ = true;
  if (readable_) read_available();
  if (state_ != State::kOpen) return;
  tell_closing();
  if (state_ == State::kOpen && (!output_.empty() || shutdown_wanted_ || awaits_pipe_))
    loop_.at_turn_end(*this);
}

// For a handler that does not see for itself, because nothing is read.
void Connection::tell_closing() {
  const bool reset = peer_reset_ && !reset_told_ && (pause_reasons_ != 0 || end_delivered_);
  const bool closing = peer_closed_ && !closing_told_ && pause_reasons_ != 0;
  if (failed_ || (!reset && !closing)) return;
  closing_told_ = true;
  reset_told_ |= reset;
  handler_->on_peer_closing();
}

void Connection::finish_connect() {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return fail(Code::kConnectFailed, error, "cannot connect to the endpoint");
  state_ = layer_ ? State::kSecuring : State::kOpen;
  writable_ = true;
  handler_->on_connected();
}

void Connection::read_available() {
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (state_ != State::kOpen || failed_ || pause_reasons_ != 0 || !readable_ || end_read_) return;
    if (!read_once()) return;
  }
  loop_.at_next_turn(*this);
}

ssize_t Connection::receive(std::span<char> buffer) {
  if (!layer_) return recv(socket_.fd(), buffer.data(), buffer.size(), 0);
  const StreamLayer::Transfer got = layer_->read(buffer);
  if (got.bytes > 0 || got.state == StreamLayer::State::kEnded)
    return static_cast<ssize_t>(got.bytes);
  errno = got.state == StreamLayer::State::kFailed ? EPROTO : EAGAIN;
  return -1;
}

bool Connection::on_read_nothing(ssize_t result) {
  if (result == 0) {
    end_read_ = peer_closed_ = true;
    if (!write_failed_) deliver_end();
    return false;
  }
  if (errno == EINTR) return true;
  readable_ = false;
  if (errno == EAGAIN) return false;
  metrics_.read_errors.add();
  const Error cause =
      layer_ ? layer_->failure()
             : Error{Code::kConnectionLost, peer_, errno, "the connection was reset while reading"};
  fail(Code::kConnectionLost, cause.sys_errno, cause.detail);
  return false;
}

bool Connection::read_once() {
  if (reads_to_pipe_) {
    handler_->on_readable();
    return readable_;
  }
  const std::span<char> buffer = loop_.read_buffer().first(read_bytes_max_);
  const ssize_t count = receive(buffer);
  metrics_.read_calls.add();
  if (count <= 0) return on_read_nothing(count);
  const auto size = static_cast<size_t>(count);
  metrics_.bytes_read.add(size);
  // A short read has emptied the socket, unless a FIN stands behind the bytes: its edge has been
  // reported together with theirs and will not come again. A layer says itself when it is empty.
  if (size < buffer.size() && !peer_closed_ && !layer_) readable_ = false;
  if (unread_.empty()) {
    deliver({buffer.data(), size}, false);
  } else {
    unread_.append(buffer.data(), size);
    deliver(unread_, true);
  }
  return readable_;
}

// Offers `bytes` until the handler cannot use any more of them, and keeps the rest.
void Connection::deliver(std::string_view bytes, bool from_unread) {
  delivering_ = true;
  offer_again_ = true;
  while (!bytes.empty() && offer_again_ && pause_reasons_ == 0 && state_ == State::kOpen &&
         !failed_) {
    offer_again_ = false;
    const size_t used = handler_->on_data(bytes);
    HT_ASSERT(used <= bytes.size());
    bytes.remove_prefix(used);
    if (used > 0) offer_again_ = true;
  }
  delivering_ = false;
  if (state_ == State::kSecuring) {
    if (failed_) return;
    std::string rest(bytes);
    unread_.clear();
    return begin_handshake(std::move(rest));
  }
  if (state_ == State::kOpen) keep_unread(bytes, from_unread);
}

void Connection::keep_unread(std::string_view rest, bool from_unread) {
  if (!from_unread) {
    if (!rest.empty()) unread_.assign(rest);
  } else if (rest.size() < unread_.size()) {
    unread_.erase(0, unread_.size() - rest.size());
  }
  if (unread_.empty() && unread_.capacity() > 0) std::string().swap(unread_);
}

void Connection::deliver_end() {
  if (end_delivered_ || pause_reasons_ != 0) return;
  end_delivered_ = true;
  handler_->on_end();
  if (state_ == State::kOpen && shutdown_wanted_) loop_.at_turn_end(*this);
}

void Connection::resume(PauseReason reason) {
  const auto bit = static_cast<uint8_t>(reason);
  if ((pause_reasons_ & bit) == 0) return;
  pause_reasons_ = static_cast<uint8_t>(pause_reasons_ & ~bit);
  if (pause_reasons_ != 0 || !is_open()) return;
  offer_again_ = true;
  if (!delivering_ && (!unread_.empty() || readable_ || (end_read_ && !end_delivered_))) {
    loop_.at_turn_end(*this);
  }
}

void Connection::write(std::string_view bytes) {
  if (state_ == State::kClosed || failed_) return;
  if (bytes.size() >= kDirectWriteBytes && state_ == State::kOpen && writable_) {
    bytes.remove_prefix(send_now(bytes));
    if (failed_) return;
  }
  output_.append(bytes);
  output_added();
}

void Connection::write(BufferChain&& bytes) {
  if (state_ == State::kClosed || failed_) return bytes.clear();
  output_.append(std::move(bytes));
  output_added();
}

void Connection::output_added() {
  if (state_ == State::kClosed || failed_) return output_.clear();
  if (!output_.empty() && state_ == State::kOpen && writable_) loop_.at_turn_end(*this);
  check_watermarks();
}

void Connection::check_watermarks() {
  if (!write_blocked_ && output_.size() > kHighWatermarkBytes) {
    write_blocked_ = true;
    handler_->on_write_blocked();
  } else if (write_blocked_ && output_.size() < kLowWatermarkBytes) {
    write_blocked_ = false;
    handler_->on_write_unblocked();
  }
}

ssize_t Connection::transmit(std::span<const iovec> from) {
  if (layer_) {
    const StreamLayer::Transfer taken = layer_->write(from);
    if (taken.bytes > 0) return static_cast<ssize_t>(taken.bytes);
    errno = taken.state == StreamLayer::State::kFailed ? EPROTO : EAGAIN;
    return -1;
  }
  if (from.size() == 1) return send(socket_.fd(), from[0].iov_base, from[0].iov_len, MSG_NOSIGNAL);
  const msghdr message{.msg_name = nullptr,
                       .msg_namelen = 0,
                       .msg_iov = const_cast<iovec*>(from.data()),
                       .msg_iovlen = from.size(),
                       .msg_control = nullptr,
                       .msg_controllen = 0,
                       .msg_flags = 0};
  return sendmsg(socket_.fd(), &message, MSG_NOSIGNAL);
}

void Connection::on_write_error() {
  metrics_.write_errors.add();
  write_failed_ = true;
  fail(Code::kConnectionLost, layer_ ? layer_->failure().sys_errno : errno,
       "the connection was reset while writing");
}

size_t Connection::splice_to(int pipe, size_t bytes_max) {
  HT_DASSERT(!layer_ && unread_.empty());
  if (state_ != State::kOpen || failed_ || end_read_) return 0;
  const ssize_t count =
      splice(socket_.fd(), nullptr, pipe, nullptr, bytes_max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  metrics_.read_calls.add();
  if (count <= 0) {
    on_read_nothing(count);
    return 0;
  }
  metrics_.bytes_read.add(static_cast<size_t>(count));
  return static_cast<size_t>(count);
}

size_t Connection::splice_from(int pipe, size_t bytes) {
  HT_DASSERT(!layer_);
  size_t moved = 0;
  while (moved < bytes && state_ == State::kOpen && !failed_ && writable_ && output_.empty()) {
    const ssize_t count = splice(pipe, nullptr, socket_.fd(), nullptr, bytes - moved,
                                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    metrics_.write_calls.add();
    if (count > 0) {
      moved += static_cast<size_t>(count);
    } else if (errno == EAGAIN || count == 0) {
      writable_ = false;
    } else if (errno != EINTR) {
      writable_ = false;
      on_write_error();
    }
  }
  bytes_sent_ += moved;
  metrics_.bytes_written.add(moved);
  return moved;
}

size_t Connection::send_now(std::string_view extra) {
  size_t extra_sent = 0;
  while (!output_.empty() || extra_sent < extra.size()) {
    std::array<iovec, kVectorsMax> vectors;
    size_t count = 0;
    size_t wanted = 0;
    output_.for_each_run([&](std::string_view run) {
      vectors[count++] = {const_cast<char*>(run.data()), run.size()};
      wanted += run.size();
      return count < kVectorsMax - 1;
    });
    if (wanted == output_.size() && extra_sent < extra.size()) {
      vectors[count++] = {const_cast<char*>(extra.data()) + extra_sent, extra.size() - extra_sent};
      wanted += extra.size() - extra_sent;
    }
    const ssize_t sent = transmit({vectors.data(), count});
    metrics_.write_calls.add();
    if (sent < 0) {
      if (errno == EINTR) continue;
      writable_ = false;
      if (errno == EAGAIN) break;
      on_write_error();
      break;
    }
    const auto size = static_cast<size_t>(sent);
    bytes_sent_ += size;
    metrics_.bytes_written.add(size);
    const size_t of_output = std::min(size, output_.size());
    output_.consume(of_output);
    extra_sent += size - of_output;
    if (size < wanted) {
      // The socket buffer is full: its next edge will say when there is room.
      writable_ = false;
      break;
    }
  }
  return extra_sent;
}

void Connection::on_turn_end() {
  if (state_ == State::kClosed) return;
  if (failed_) return report_failure();
  if (state_ == State::kSecuring) advance_handshake();
  if (state_ != State::kOpen || failed_) return;
  if (pause_reasons_ == 0) {
    if (!unread_.empty() && offer_again_) deliver(unread_, true);
    if (state_ == State::kOpen && end_read_) deliver_end();
    if (state_ == State::kOpen && readable_) {
      read_available();
      if (state_ == State::kOpen) tell_closing();
    }
  }
  if (state_ != State::kOpen || failed_) return;
  if (writable_ && !output_.empty()) send_now({});
  if (failed_) return;
  check_watermarks();
  if (state_ == State::kOpen && awaits_pipe_ && writable_ && output_.empty())
    handler_->on_writable();
  if (state_ != State::kOpen || failed_) return;
  if (shutdown_wanted_ && output_.empty() && !awaits_pipe_) end_output();
}

void Connection::end_output() {
  if (!shutdown_done_) {
    if (layer_ && (!writable_ || layer_->send_end() == StreamLayer::State::kBlocked)) {
      writable_ = false;
      return;
    }
    shutdown(socket_.fd(), SHUT_WR);
    shutdown_done_ = true;
  }
  if (end_delivered_) fail(Code::kConnectionLost, 0, "both directions have ended");
}

// A peer that refuses what it is sent may have said why before it closed: that is read first. The
// end of those bytes is no proper end, though the kernel, having reported the reset once, calls it
// one.
void Connection::report_failure() {
  if (write_failed_ && pause_reasons_ == 0 && !end_read_) {
    failed_ = false;
    while (state_ == State::kOpen && pause_reasons_ == 0 && read_once()) {
    }
    if (state_ == State::kClosed) return;
  }
  const Error failure = failure_;
  close();
  handler_->on_closed(failure);
}

uint64_t Connection::bytes_acknowledged() const {
  int queued = 0;
  if (!is_open() || ioctl(socket_.fd(), SIOCOUTQ, &queued) != 0) return bytes_sent_;
  return bytes_sent_ - std::min(bytes_sent_, static_cast<uint64_t>(queued));
}

void Connection::flush() {
  if (state_ == State::kOpen && !failed_ && writable_ && !output_.empty()) send_now({});
}

bool Connection::try_finish() {
  flush();
  if (!output_.empty() || state_ != State::kOpen || failed_) return output_.empty();
  return !layer_ || layer_->send_end() != StreamLayer::State::kBlocked;
}

void Connection::shutdown_write() {
  shutdown_wanted_ = true;
  if (is_open()) loop_.at_turn_end(*this);
}

void Connection::fail(Code code, int sys_errno, const char* detail) {
  if (failed_ || state_ == State::kClosed) return;
  failed_ = true;
  // The first failure is the cause of the others.
  if (failure_.detail[0] == '\0') failure_ = Error{code, peer_, sys_errno, detail};
  output_.clear();
  loop_.at_turn_end(*this);
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  if (state_ != State::kIdle) loop_.unwatch(socket_.fd());
  // The peer must not take what it got for all there was.
  if (state_ == State::kOpen && (!output_.empty() || awaits_pipe_))
    set_reset_on_close(socket_.fd());
  if (state_ == State::kOpen && layer_ && output_.empty() && !failed_ && !shutdown_done_)
    layer_->send_end();
  handshake_timer_.cancel();
  state_ = State::kClosed;
  socket_.reset();
  output_.clear();
  metrics_.open.add(-1);
}

void Connection::abort() {
  if (state_ == State::kClosed) return;
  set_reset_on_close(socket_.fd());
  shutdown_done_ = true;  // no proper end
  close();
}

}  // namespace httpteleport::net
