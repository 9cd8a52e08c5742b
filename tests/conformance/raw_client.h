// A client that sends any bytes, right or wrong, over plain TCP or TLS, and reads the answers with
// the strict parser.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "support/http_message.h"
#include "support/socket.h"
#include "support/tls_client.h"

namespace httpteleport::test {

// One connection, one thread. When it could not be made, everything on it fails.
class RawClient {
 public:
  explicit RawClient(const Address& address);
  RawClient(const Address& address, const TlsOptions& tls);

  bool is_open() const { return socket_.is_open() || tls_.has_value(); }
  bool is_tls() const { return tls_.has_value(); }

  // False when the peer has gone; what it has said before may still be read.
  bool send(std::string_view bytes, Deadline deadline = after());
  // The next response, 1xx included; the one that is not 1xx.
  Message read_response(bool to_head = false, Deadline deadline = after());
  Message read_final_response(bool to_head = false, Deadline deadline = after());
  // Everything up to the end of the connection. kClosed: in order; kReset: not.
  Received read_to_end(Deadline deadline = after());
  // True when the peer ends the connection, in order or not, without sending anything more.
  bool wait_closed(Deadline deadline = after());
  // Whether nothing has come that was not read yet. Does not wait.
  bool is_quiet();

  // FIN, over TLS behind close_notify; receiving goes on.
  void half_close();
  // RST.
  void reset();
  // Everything that has been received, for the messages of failed tests.
  const std::string& transcript() const { return transcript_; }

 private:
  Received receive(Deadline deadline);
  Message read(MessageParser& parser, Deadline deadline);

  Socket socket_;                 // plain
  std::optional<TlsClient> tls_;  // or not
  std::string rest_;              // read, but not of the last message
  std::string transcript_;
};

}  // namespace httpteleport::test
