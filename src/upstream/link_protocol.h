// What speaks on one open connection of a TeleportLink, in the version that was agreed on.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace httpteleport::upstream {

class TeleportStream;

// Turns the requests of streams into bytes on the connection, and its bytes into responses, which
// it gives to the link (TeleportLink, "For its protocol"). The link has all that outlives a
// connection: streams and what they hold, dialing, pauses, what is idle or silent.
//
// Owned by the link, from when the connection is open until it is no more, which is never inside
// one of the calls below. The streams of a connection that is gone are the link's to fail, by
// TeleportStream::has_begun().
class LinkProtocol {
 public:
  virtual ~LinkProtocol() = default;

  // More of the stream's request is there (TeleportStream, "For the protocol"); perhaps not all.
  // Calls no handler back, but for on_request_blocked().
  virtual void on_request_grown(TeleportStream& stream) = 0;
  // A part of the response has found its way to the handler that was held by the link.
  virtual void on_held_passed(TeleportStream& /*stream*/, size_t /*bytes*/) {}
  // Nobody waits for this stream's response any more: its owner has cancelled it, or reset_stream()
  // was called. It is gone once the call has returned, and may be one that was never sent. Calls no
  // handler back.
  virtual void on_abandoned(TeleportStream& stream) = 0;

  // Bytes of requests, about, that wait for the connection and not for their own streams.
  virtual size_t queued_bytes() const = 0;

  // What net::ConnectionHandler has. Errors end the connection, here and below.
  virtual Result<size_t> on_data(std::string_view bytes) = 0;
  virtual void on_write_unblocked() = 0;
  // Nothing has come for a while, though an answer is expected: asks the peer for a sign, if that
  // is possible.
  virtual void probe() {}
  // After TeleportLink::call_at_turn_end() or call_at_next_turn(), and at the end of other turns
  // too.
  virtual Result<void> on_turn_end() = 0;
};

}  // namespace httpteleport::upstream
