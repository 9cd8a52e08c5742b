// Connections that are over for their sessions, but whose last bytes must still reach the peer.
//
// Closing a socket with unread input makes the kernel send RST, which destroys output the peer has
// not read yet. So (RFC 9112 section 9.6): send the rest, send FIN, read and drop what the peer
// still sends, and close on its FIN or after a while.
#pragma once

#include <cstdint>
#include <memory>

#include "base/intrusive_list.h"
#include "net/connection.h"

namespace httpteleport::net {

// One a worker; owned by it. Not thread safe.
class LingeringConnections {
 public:
  struct Options {
    size_t connections_max = 4096;                     // over it the oldest is closed at once
    Duration send_timeout = std::chrono::seconds(30);  // for a peer that takes none of the output
    Duration drain_timeout = std::chrono::seconds(2);  // from our FIN to the peer's
    uint64_t discard_bytes_max = 16 * 1024 * 1024;     // input dropped at the most
  };

  LingeringConnections(event::Loop& loop, const Options& options)
      : loop_(loop), options_(options) {}
  ~LingeringConnections();

  // Takes a connection; its handler hears nothing of it any more. With `peer_may_send` false
  // nothing more can come from the peer, so the connection is closed as soon as the output is sent.
  void take(std::unique_ptr<Connection> connection, bool peer_may_send);
  size_t count() const { return count_; }

 private:
  class Entry;

  void drop(Entry& entry);

  event::Loop& loop_;
  Options options_;
  IntrusiveList<Entry> entries_;
  size_t count_ = 0;
};

}  // namespace httpteleport::net
