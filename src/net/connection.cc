#include "net/connection.h"

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
  state_ = connecting ? State::kConnecting : State::kOpen;
  writable_ = !connecting;
  const Result<void> watched = loop_.watch(socket_.fd(), *this);
  if (!watched) close();
  return watched;
}

void Connection::on_ready(event::Readiness readiness) {
  if (state_ == State::kClosed || failed_) return;
  if (state_ == State::kConnecting) {
    if (!readiness.writable && !readiness.failed) return;
    finish_connect();
    if (state_ != State::kOpen || failed_) return;
  }
  if (readiness.peer_closed) peer_closed_ = true;
  if (readiness.readable || readiness.peer_closed || readiness.failed) readable_ = true;
  if (readiness.writable) writable_ = true;
  if (readable_) read_available();
  if (state_ != State::kOpen) return;
  if (peer_closed_ && pause_reasons_ != 0 && !closing_told_) {
    closing_told_ = true;
    handler_->on_peer_closing();
  }
  if (state_ == State::kOpen && (!output_.empty() || shutdown_wanted_)) loop_.at_turn_end(*this);
}

void Connection::finish_connect() {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return fail(Code::kConnectFailed, error, "cannot connect to the endpoint");
  state_ = State::kOpen;
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

bool Connection::read_once() {
  const std::span<char> buffer = loop_.read_buffer();
  const ssize_t count = recv(socket_.fd(), buffer.data(), buffer.size(), 0);
  metrics_.read_calls.add();
  if (count < 0) {
    if (errno == EINTR) return true;
    readable_ = false;
    if (errno == EAGAIN) return false;
    metrics_.read_errors.add();
    fail(Code::kConnectionLost, errno, "the connection was reset while reading");
    return false;
  }
  if (count == 0) {
    end_read_ = peer_closed_ = true;
    if (!write_failed_) deliver_end();
    return false;
  }
  const auto size = static_cast<size_t>(count);
  metrics_.bytes_read.add(size);
  // A short read has emptied the socket, unless a FIN stands behind the bytes: its edge has been
  // reported together with theirs and will not come again.
  if (size < buffer.size() && !peer_closed_) readable_ = false;
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
    const msghdr message{.msg_name = nullptr,
                         .msg_namelen = 0,
                         .msg_iov = vectors.data(),
                         .msg_iovlen = count,
                         .msg_control = nullptr,
                         .msg_controllen = 0,
                         .msg_flags = 0};
    const ssize_t sent =
        count == 1 ? send(socket_.fd(), vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL)
                   : sendmsg(socket_.fd(), &message, MSG_NOSIGNAL);
    metrics_.write_calls.add();
    if (sent < 0) {
      if (errno == EINTR) continue;
      writable_ = false;
      if (errno == EAGAIN) break;
      metrics_.write_errors.add();
      write_failed_ = true;
      fail(Code::kConnectionLost, errno, "the connection was reset while writing");
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
  if (state_ != State::kOpen) return;
  if (pause_reasons_ == 0) {
    if (!unread_.empty() && offer_again_) deliver(unread_, true);
    if (state_ == State::kOpen && end_read_) deliver_end();
    if (state_ == State::kOpen && readable_) read_available();
  }
  if (state_ != State::kOpen || failed_) return;
  if (writable_ && !output_.empty()) send_now({});
  if (failed_) return;
  check_watermarks();
  if (state_ == State::kOpen && shutdown_wanted_ && output_.empty()) {
    if (!shutdown_done_) shutdown(socket_.fd(), SHUT_WR);
    shutdown_done_ = true;
    if (end_delivered_) fail(Code::kConnectionLost, 0, "both directions have ended");
  }
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
  if (state_ == State::kOpen && !output_.empty()) set_reset_on_close(socket_.fd());
  state_ = State::kClosed;
  socket_.reset();
  output_.clear();
  metrics_.open.add(-1);
}

void Connection::abort() {
  if (state_ == State::kClosed) return;
  set_reset_on_close(socket_.fd());
  close();
}

}  // namespace httpteleport::net
