// A connection as one side of a TCP session.
#pragma once

#include "net/connection.h"
#include "net/pipe_pool.h"
#include "relay/side.h"

namespace httpteleport::relay {

// A direction that has much to carry from socket to socket is not copied any more: its bytes go
// through a pipe, which it has only while bytes are in it.
class SocketSide final : public Side, private net::ConnectionHandler {
 public:
  // In a direction that has read so much, and nothing little in between, a pipe pays.
  static constexpr uint32_t kBulkBytes = 256 * 1024;
  static constexpr size_t kBulkReadBytes = 16 * 1024;
  // Of one read through a pipe, as others wait for their turn.
  static constexpr size_t kSpliceBytesMax = 512 * 1024;
  // So many smaller reads in a row, and it does no more.
  static constexpr uint8_t kSmallReadsMax = 4;

  // A client's is connected; what it sends waits until begin().
  SocketSide(TcpSession& session, net::Socket socket, bool is_client);
  ~SocketSide() override { drop_pipe(); }

  // Errors leave it closed.
  Result<void> start();

  void begin() override { connection_.resume(net::PauseReason::kBusy); }
  void send(std::string_view bytes) override { connection_.write(bytes); }
  void send_end() override { connection_.shutdown_write(); }
  bool is_full() const override { return connection_.is_write_blocked(); }
  void pause() override { connection_.pause(net::PauseReason::kOtherSideFull); }
  void resume() override { connection_.resume(net::PauseReason::kOtherSideFull); }
  bool is_over() const override { return !connection_.is_open(); }
  void abort(const Error&) override { connection_.abort(); }
  void close() override { connection_.close(); }
  bool is_idle(TimePoint now, Duration timeout) override;
  void watch_peer(Duration timeout) override {
    if (!is_over()) connection_.set_keep_alive(timeout);
  }
  SocketSide* as_socket() override { return this; }

 private:
  size_t on_data(std::string_view bytes) override;
  void on_readable() override;
  void on_writable() override;
  void on_end() override;
  void on_connected() override;
  void on_peer_closing() override;
  void on_closed(const Error& error) override;
  void on_write_blocked() override;
  void on_write_unblocked() override;

  SocketSide& other_socket() const { return *other().as_socket(); }
  void note_bulk(size_t bytes);
  // Sends to the other side what came from this one.
  void empty_pipe();
  void drop_pipe();

  net::Connection connection_;
  uint64_t taken_at_check_ = 0;  // acknowledged by the peer when last looked at
  net::Pipe pipe_;               // open while it has bytes of this side
  size_t pipe_bytes_ = 0;
  uint32_t bulk_bytes_ = 0;
  uint8_t small_reads_ = 0;
  const bool is_client_;
};

}  // namespace httpteleport::relay
