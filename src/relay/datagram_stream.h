// Datagrams over a stream connection to an endpoint: each behind its length in two bytes, the high
// one first, in both directions.
#pragma once

#include <memory>
#include <string_view>

#include "net/connection.h"
#include "relay/datagram_lane.h"

namespace httpteleport::relay {

class DatagramStream final : public DatagramLane, private net::ConnectionHandler {
 public:
  // What waits to be sent, framing included; what comes on top is dropped. A datagram of any size
  // is taken while nothing waits.
  static constexpr size_t kHeldBytesMax = 128 * 1024;
  static constexpr size_t kHeldBeforeConnectBytesMax = 16 * 1024;

  // `socket`: its connect has been started.
  DatagramStream(event::Loop& loop, net::Socket socket, metrics::SocketMetrics& metrics,
                 DatagramLaneHandler& handler);

  Result<void> start(Duration connect_timeout);
  bool send(std::string_view datagram) override;
  bool is_connected() const { return connection_.is_connected(); }
  void close() override;

 private:
  void on_connected() override;
  size_t on_data(std::string_view bytes) override;
  void on_end() override;
  void on_closed(const Error& error) override;
  void on_connect_timeout();
  void fail(Code code, const char* detail);

  event::Loop& loop_;
  net::Connection connection_;
  DatagramLaneHandler& handler_;
  event::MemberTimer<DatagramStream, &DatagramStream::on_connect_timeout> timer_{*this};
};

}  // namespace httpteleport::relay
