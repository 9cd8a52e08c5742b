// One client's connection and the one to an endpoint that it is carried over.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/connection.h"
#include "relay/tcp_service.h"

namespace httpteleport::relay {

// Owned by its service's list.
//
// While the endpoint is being connected the client is not read: what it sends waits in the kernel,
// which bounds it. Then bytes pass as they come. The end of one direction is passed on behind its
// bytes, and the other goes on. A reset on one side becomes one on the other. The session is over
// when both connections are.
//
// A direction that has much to carry is not copied any more: its bytes go through a pipe, which it
// has only while bytes are in it.
//
// Small on purpose: most connections of a relay are idle most of the time. What only connecting
// needs is in Connecting.
class TcpSession final : public net::Session {
 public:
  // `ticket` is of the service's gate.
  static void start(TcpService& service, net::Socket socket, const net::Address& client,
                    const net::Address& local, uint32_t ticket);

  void drain() override {}
  void abort() override;

 private:
  // One of the two connections.
  class Side final : public net::ConnectionHandler {
   public:
    // In a direction that has read so much, and nothing little in between, a pipe pays.
    static constexpr uint32_t kBulkBytes = 256 * 1024;
    static constexpr size_t kBulkReadBytes = 16 * 1024;
    // Of one read through a pipe, as others wait for their turn.
    static constexpr size_t kSpliceBytesMax = 512 * 1024;
    // So many smaller reads in a row, and it does no more.
    static constexpr uint8_t kSmallReadsMax = 4;

    explicit Side(TcpSession& session) : session_(session) {}
    ~Side() { drop_pipe(); }

    // Errors leave it closed.
    Result<void> start(net::Socket socket, bool connecting);
    // No byte has moved for `timeout`, and it is this side's fault.
    bool is_idle(TimePoint now, Duration timeout);
    // No socket is open, or connecting.
    bool is_over() const { return connection == nullptr || !connection->is_open(); }
    void abort() {
      if (connection) connection->abort();
    }

    std::unique_ptr<net::Connection> connection;
    TimePoint moved_at{};  // when the last byte did, as far as it was seen

   private:
    size_t on_data(std::string_view bytes) override;
    void on_readable() override;
    void on_writable() override { other().empty_pipe(); }
    void on_end() override;
    void on_connected() override { session_.on_connected(); }
    void on_peer_closing() override;
    void on_closed(const Error& error) override;
    void on_write_blocked() override;
    void on_write_unblocked() override;

    bool is_client() const { return this == &session_.client_; }
    // Bytes have come of this side, and go to the other.
    void note_moved(size_t bytes);
    void note_bulk(size_t bytes);
    // Sends to the other side what came from this one.
    void empty_pipe();
    void drop_pipe();
    Side& other() { return is_client() ? session_.server_ : session_.client_; }

    TcpSession& session_;
    uint64_t taken_at_check_ = 0;  // acknowledged by the peer when last looked at
    net::Pipe pipe_;               // open while it has bytes of this side
    size_t pipe_bytes_ = 0;
    uint32_t bulk_bytes_ = 0;
    uint8_t small_reads_ = 0;
    bool ended_ = false;  // the peer has sent its FIN, and all before it was passed on
  };

  // What is forgotten once there is a connection.
  struct Connecting {
    std::vector<upstream::Endpoint*> unreachable;  // once for each failure
    std::string first_bytes;                       // for the endpoint, before the client's
    std::optional<uint64_t> key;                   // of the client, if endpoints are chosen by it
    size_t first_address = 0;
  };

  TcpSession(TcpService& service, uint32_t ticket);

  void prepare(const net::Address& client, const net::Address& local);
  // Starts a connection to an endpoint that may be reached yet, or ends the session.
  void connect();
  // One attempt to reach the endpoint of the lease.
  Result<void> try_connect();
  void note_failure(const Error& error);
  void on_connected();
  void on_connect_failed(const Error& error);
  void on_broken(Side& side);
  void on_properly_ended();
  void count(bool from_client, size_t bytes);
  void on_timer();
  void watch_peers();
  void set_timer();
  event::Loop& loop() { return service_.context_.loop; }
  // Nothing of it runs any more.
  void end();

  TcpService& service_;
  std::shared_ptr<const TcpOptions> options_;
  const uint32_t ticket_;
  Side client_{*this};
  Side server_{*this};
  upstream::EndpointLease lease_;
  metrics::BackendMetrics* backend_ = nullptr;  // nullptr: not connected
  std::unique_ptr<Connecting> connecting_;      // nullptr: connected
  TimePoint watch_peers_at_{};                  // or TimePoint::max()
  event::MemberTimer<TcpSession, &TcpSession::on_timer> timer_{*this};
};

}  // namespace httpteleport::relay
