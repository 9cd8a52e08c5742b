// Datagrams over a stream connection to an endpoint: each behind its length in two bytes, the high
// one first, in both directions.
#pragma once

#include <memory>
#include <string_view>

#include "net/connection.h"

namespace httpteleport::relay {

class DatagramStreamHandler {
 public:
  virtual void on_stream_connected() = 0;
  virtual void on_datagram(std::string_view bytes) = 0;
  // Connecting failed (kConnectFailed), the peer has closed or reset the connection, or has broken
  // the framing. The last callback.
  virtual void on_stream_closed(const Error& error) = 0;

 protected:
  ~DatagramStreamHandler() = default;
};

// Owned by a session, which destroys it by delete_later().
class DatagramStream final : public Deletable, private net::ConnectionHandler {
 public:
  // What waits to be sent, framing included; what comes on top is dropped. A datagram of any size
  // is taken while nothing waits.
  static constexpr size_t kHeldBytesMax = 128 * 1024;
  static constexpr size_t kHeldBeforeConnectBytesMax = 16 * 1024;

  // `socket`: its connect has been started.
  DatagramStream(event::Loop& loop, net::Socket socket, metrics::SocketMetrics& metrics,
                 DatagramStreamHandler& handler);

  Result<void> start(Duration connect_timeout);
  // False: it was dropped.
  bool send(std::string_view datagram);
  bool is_connected() const { return connection_.is_connected(); }
  // No callback follows.
  void close();

 private:
  void on_connected() override;
  size_t on_data(std::string_view bytes) override;
  void on_end() override;
  void on_closed(const Error& error) override;
  void on_connect_timeout();
  void fail(Code code, const char* detail);

  event::Loop& loop_;
  net::Connection connection_;
  DatagramStreamHandler& handler_;
  event::MemberTimer<DatagramStream, &DatagramStream::on_connect_timeout> timer_{*this};
};

}  // namespace httpteleport::relay
