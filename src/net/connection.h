// One stream socket: bytes in by callback, bytes out by a buffer that is flushed once a loop turn.
//
// Contract for the layers above, the same for any backend of the loop: bytes given to on_data() are
// valid until it returns; bytes given to write() belong to the connection from then on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "event/loop.h"
#include "metrics/worker_metrics.h"
#include "net/send_backlog.h"
#include "net/socket.h"
#include "net/stream_layer.h"

namespace httpteleport::net {

// What happens on a connection. The handler outlives the connection's last callback. Any of these
// may call close() or abort() on the connection; destroying it goes through Loop::delete_later().
class ConnectionHandler {
 public:
  // An outgoing connection is established. Not called for accepted ones.
  virtual void on_connected() {}
  // The handshake of the layer given to Connection::secure() is complete.
  virtual void on_secured() {}

  // `bytes` is everything received and not yet consumed, in order. Returns how many bytes of it are
  // used up; the rest is offered again, with more behind it, when more arrives, or when reading is
  // resumed. A handler that can use nothing yet returns 0 and must bound how long it lets `bytes`
  // grow.
  virtual size_t on_data(std::string_view bytes) = 0;

  // Instead of on_data() after Connection::read_to_pipe(true): there may be bytes, to be taken by
  // splice_to().
  virtual void on_readable() {}
  // After Connection::await_pipe(true): the socket may take bytes, by splice_from().
  virtual void on_writable() {}

  // The peer has sent FIN, and all its bytes have been offered. Bytes may still be sent to it.
  virtual void on_end() = 0;

  // The peer has sent FIN or died, while reading is paused: what it sent before may still wait.
  // Once; and once more when it then resets the connection, or does so after on_end(), which
  // peer_reset() tells. Reading, or writing, would find out too, but perhaps much later.
  virtual void on_peer_closing() {}

  // The connection is dead: connect failed, reset, write failed, or both directions have ended
  // after shutdown_write(). Called once, as the last callback, and never after close() or abort().
  virtual void on_closed(const Error& error) = 0;

  // More than Connection::kHighWatermarkBytes wait to be sent / less than kLowWatermarkBytes again.
  virtual void on_write_blocked() {}
  virtual void on_write_unblocked() {}

 protected:
  ~ConnectionHandler() = default;
};

// Why reading is paused: bits, so that pausing twice for one reason is harmless.
enum class PauseReason : uint8_t {
  kBusy = 1,           // the handler has an exchange to finish first
  kOtherSideFull = 2,  // what is read could not be passed on
};

class Connection final : public Deletable, private event::IoHandler, private event::TurnEndTask {
 public:
  static constexpr size_t kHighWatermarkBytes = 256 * 1024;
  static constexpr size_t kLowWatermarkBytes = 64 * 1024;
  // Reads of one connection in a row, so that one fast peer does not starve the others. It goes on
  // when they have had theirs (Loop::at_next_turn), which may be in the same turn.
  static constexpr int kReadsPerTurn = 4;

  // Takes over an accepted socket. `metrics` counts it; all references outlive the connection.
  // Nothing happens before start().
  Connection(event::Loop& loop, Socket socket, metrics::SocketMetrics& metrics, Source peer);
  ~Connection() override;

  // Watches an accepted socket, or one whose connect was started (`connecting`). Errors (kSystem)
  // leave the connection closed; on_closed() is not called.
  Result<void> start(ConnectionHandler& handler, bool connecting = false);
  // Puts `layer` between the handler and the socket, from here on: before start(), or in an open
  // connection whose output so far the socket has taken or takes at once (a few bytes). Input that
  // was not consumed yet belongs to the layer. Until on_secured() nothing is read or written; a
  // handshake that fails is reported by on_closed(), as kConnectFailed if nothing was ever sent to
  // the handler's peer. How long it may take is the handler's to watch.
  // `in_the_clear` is sent before the handshake; for secure() before start() only.
  void secure(std::unique_ptr<StreamLayer> layer, std::string_view in_the_clear = {});
  // Gives the callbacks to another handler from now on.
  void set_handler(ConnectionHandler& handler) { handler_ = &handler; }

  // Appends to the output; sent at the end of the turn, or at once when `bytes` is large and
  // nothing blocks it, which saves the copy. Bytes written before an outgoing connection is
  // established wait for it. Ignored once the connection is closed.
  void write(std::string_view bytes);
  void write(BufferChain&& bytes);
  // For encoders: append to output(), then call output_added().
  BufferChain& output() { return output_; }
  void output_added();

  void pause(PauseReason reason) { pause_reasons_ |= static_cast<uint8_t>(reason); }
  // Offers what waits at the end of the turn, never inside the call.
  void resume(PauseReason reason);

  // Reads no more than so many bytes at a time, as long as they are read at all: of what will go
  // through a pipe, the less is read before the better.
  void limit_reads(uint32_t bytes) { read_bytes_max_ = bytes; }

  // For bytes that go from socket to socket through a pipe, without a layer in between. What was
  // offered before must have been consumed.
  void read_to_pipe(bool on) { reads_to_pipe_ = on; }
  // Bytes that are moved; at most `bytes_max`. 0: none are there now, or the end, or a failure,
  // which are reported as ever. The pipe must be empty.
  size_t splice_to(int pipe, size_t bytes_max);
  // A pipe holds bytes that are to be sent behind the output: on_writable() is called, and FIN
  // waits, until this is taken back.
  void await_pipe(bool on) { awaits_pipe_ = on; }
  // Bytes that are moved; at most the `bytes` that the pipe holds, 0 while output waits.
  size_t splice_from(int pipe, size_t bytes);

  // Sends now what waits, instead of at the end of the turn, as far as the socket takes it.
  void flush();
  // The same, and the layer's end behind it: nothing may be written any more. True when nothing is
  // left to be sent, so that close() drops nothing.
  bool try_finish();
  // Sends FIN once all output is sent. Reading goes on.
  void shutdown_write();
  // Closes at once; unsent output is dropped, and the peer sees a reset then. Idempotent. No
  // callback follows.
  void close();
  // Closes with RST, so that the peer sees a broken connection. Idempotent.
  void abort();

  bool is_open() const { return state_ != State::kClosed; }
  bool is_connected() const { return state_ == State::kOpen; }
  // The layer's handshake is under way, or waits for the connection.
  bool is_securing() const { return layer_ != nullptr && !secured_ && is_open(); }
  // The peer's FIN has been seen, even if bytes before it still wait.
  bool peer_closed() const { return peer_closed_; }
  // The peer has reset the connection, even if bytes before that still wait.
  bool peer_reset() const { return peer_reset_; }
  // Bytes received and offered, but not consumed.
  size_t unread_bytes() const { return unread_.size(); }
  // The peer has sent, or may have sent, what nobody has consumed. Closing now may make that a
  // reset.
  bool has_unread_input() const { return !unread_.empty() || readable_; }
  size_t unsent_bytes() const { return output_.size(); }
  bool is_write_blocked() const { return write_blocked_; }
  // What the socket has taken of it and has not got rid of. While the connection is open.
  SendBacklog kernel_backlog() const { return send_backlog_of(socket_.fd()); }
  bool is_paused() const { return pause_reasons_ != 0; }
  // Bytes the kernel has taken in all, for whoever must know whether anything left.
  uint64_t bytes_sent() const { return bytes_sent_; }
  // Bytes the peer has acknowledged. The kernel's buffer may hold megabytes, so that a slow reader
  // is at work for minutes while bytes_sent() stands still. One system call.
  uint64_t bytes_acknowledged() const;

  // See net::set_keep_alive(). The connection must be open.
  void set_keep_alive(Duration timeout) { net::set_keep_alive(socket_.fd(), timeout); }

  event::Loop& loop() { return loop_; }

 private:
  enum class State : uint8_t { kIdle, kConnecting, kSecuring, kOpen, kClosed };

  void on_ready(event::Readiness readiness) override;
  void on_turn_end() override;

  void finish_connect();
  void tell_closing();
  void begin_handshake(std::string received);
  // True when all of in_the_clear_ is sent.
  bool send_in_the_clear();
  // Goes on with the layer's handshake.
  void advance_handshake();
  // One read from the socket or the layer into `buffer`, as recv(2) returns it: -1 with errno,
  // EAGAIN when there is nothing, EPROTO when the layer has failed.
  ssize_t receive(std::span<char> buffer);
  ssize_t transmit(std::span<const iovec> from);
  void read_available();
  // What a read that brought no bytes means. False when there is nothing more to read now.
  bool on_read_nothing(ssize_t result);
  // One recv; false when there is nothing more to read now.
  bool read_once();
  void deliver(std::string_view bytes, bool from_unread);
  void keep_unread(std::string_view rest, bool from_unread);
  void deliver_end();
  // Sends FIN, behind all output and the layer's end, unless the socket does not take that now.
  void end_output();
  void on_write_error();
  // Sends output_ and then `extra`, as far as the socket takes it. Returns bytes taken of `extra`.
  size_t send_now(std::string_view extra);
  void check_watermarks();
  void fail(Code code, int sys_errno, const char* detail);
  void report_failure();

  event::Loop& loop_;
  Socket socket_;
  std::unique_ptr<StreamLayer> layer_;
  std::string in_the_clear_;  // to be sent before the layer's handshake
  metrics::SocketMetrics& metrics_;
  ConnectionHandler* handler_ = nullptr;
  BufferChain output_;
  std::string unread_;
  uint64_t bytes_sent_ = 0;
  Error failure_{Code::kConnectionLost};
  uint32_t read_bytes_max_ = event::Loop::kReadBufferBytes;
  Source peer_;
  State state_ = State::kIdle;
  uint8_t pause_reasons_ = 0;
  bool readable_ = false;  // the kernel may have bytes for us
  bool writable_ = false;  // the last send was not refused
  bool peer_closed_ = false;
  bool peer_reset_ = false;
  bool end_read_ = false;  // recv returned 0
  bool end_delivered_ = false;
  bool closing_told_ = false;
  bool reset_told_ = false;
  bool delivering_ = false;
  bool offer_again_ = false;  // resume() was called: offer unread bytes even if none are new
  bool reads_to_pipe_ = false;
  bool awaits_pipe_ = false;
  bool shutdown_wanted_ = false;
  bool shutdown_done_ = false;
  bool write_blocked_ = false;
  bool write_failed_ = false;  // the peer takes no more; what it has sent may still be read
  bool failed_ = false;        // on_closed() is due at the end of the turn
  bool secured_ = false;       // the layer's handshake is complete
  event::MemberTimer<Connection, &Connection::advance_handshake> handshake_timer_{*this};
};

}  // namespace httpteleport::net
