#include "relay/datagram_stream.h"

#include "base/length_prefix.h"
#include "relay/udp_socket.h"

namespace httpteleport::relay {

DatagramStream::DatagramStream(event::Loop& loop, net::Socket socket,
                               metrics::SocketMetrics& metrics, DatagramLaneHandler& handler)
    : loop_(loop),
      connection_(loop, std::move(socket), metrics, Source::kUpstream),
      handler_(handler) {}

Result<void> DatagramStream::start(Duration connect_timeout) {
  loop_.set_timer(timer_, connect_timeout);
  return connection_.start(*this, true);
}

bool DatagramStream::send(std::string_view datagram) {
  if (!connection_.is_open() || datagram.size() > kDatagramBytesMax) return false;
  const size_t limit = is_connected() ? kHeldBytesMax : kHeldBeforeConnectBytesMax;
  const size_t held = connection_.unsent_bytes();
  if (held > 0 && held + kLengthPrefixBytes + datagram.size() > limit) return false;
  append_prefixed(connection_.output(), datagram);
  connection_.output_added();
  return true;
}

// What is not used is less than a frame, and is kept by the connection.
size_t DatagramStream::on_data(std::string_view bytes) {
  size_t used = 0;
  while (connection_.is_open() && bytes.size() - used >= kLengthPrefixBytes) {
    const std::string_view rest = bytes.substr(used);
    const size_t length = prefixed_length(rest);
    if (length > kDatagramBytesMax) {
      fail(Code::kMalformed, "a frame is longer than any datagram");
      break;
    }
    if (rest.size() < kLengthPrefixBytes + length) break;
    used += kLengthPrefixBytes + length;
    handler_.on_datagram(rest.substr(kLengthPrefixBytes, length));
  }
  return used;
}

void DatagramStream::on_connected() {
  timer_.cancel();
  handler_.on_lane_connected();
}

void DatagramStream::on_end() {
  fail(Code::kConnectionLost, "the endpoint has closed the connection");
}

void DatagramStream::on_closed(const Error& error) {
  timer_.cancel();
  handler_.on_lane_closed(error);
}

void DatagramStream::on_connect_timeout() {
  fail(Code::kConnectFailed, "connecting takes too long");
}

void DatagramStream::close() {
  timer_.cancel();
  connection_.close();
}

void DatagramStream::fail(Code code, const char* detail) {
  close();
  handler_.on_lane_closed({code, Source::kUpstream, 0, detail});
}

}  // namespace httpteleport::relay
