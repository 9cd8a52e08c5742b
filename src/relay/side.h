// One of the two ends that a session carries bytes between: a socket, or a stream of a link.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/deletable.h"
#include "base/error.h"

namespace httpteleport::relay {

class SocketSide;
class TcpSession;

// Owned by its session, which deletes it later. It gives what its peer sends to the other side
// itself, and tells the session what becomes of the two.
class Side : public Deletable {
 public:
  explicit Side(TcpSession& session) : session_(session) {}

  // The other side is there: bytes may flow from now on.
  virtual void begin() = 0;
  // What has come from the other side, and the end that it has come to.
  virtual void send(std::string_view bytes) = 0;
  virtual void send_end() = 0;
  // So much waits to be sent that the other side is paused.
  virtual bool is_full() const = 0;
  // The other side takes nothing for now / again.
  virtual void pause() = 0;
  virtual void resume() = 0;
  // Both directions have ended, or none will come.
  virtual bool is_over() const = 0;
  // The peer sees a broken connection; `why` is for one that was not told yet that there is one.
  // No callback follows, here and below. Idempotent.
  virtual void abort(const Error& why) = 0;
  // The same, but what is all sent ends well.
  virtual void close() = 0;

  // No byte has moved for `timeout`, and it is this side's fault.
  virtual bool is_idle(TimePoint now, Duration timeout) = 0;
  // Whether the peer still exists is to be found out, within about `timeout` after its last byte.
  virtual void watch_peer(Duration /*timeout*/) {}
  // nullptr: it is none.
  virtual SocketSide* as_socket() { return nullptr; }

  bool has_ended() const { return ended_; }
  // When a byte last did, as far as it was seen.
  TimePoint moved_at() const { return moved_at_; }
  void set_moved_at(TimePoint time) { moved_at_ = time; }

 protected:
  Side& other() const;
  TimePoint now() const;
  // Bytes have come of this side, and go to the other.
  void note_moved(size_t bytes);

  TcpSession& session_;
  TimePoint moved_at_{};
  bool ended_ = false;  // the peer's direction, and all before its end was passed on
};

}  // namespace httpteleport::relay
