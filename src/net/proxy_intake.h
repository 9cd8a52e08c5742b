// Accepted connections that still owe their PROXY header.
#pragma once

#include <cstddef>
#include <memory>

#include "base/intrusive_list.h"
#include "event/loop.h"
#include "net/proxy_protocol.h"
#include "net/socket.h"

namespace httpteleport::net {

// Why a connection was closed before its header was there.
enum class ProxyRefusal : uint8_t {
  kMalformed,  // broken, not of an accepted version, or too long
  kTimeout,    // not whole in time, or the peer left
  kCrowded,    // too many waited; it was the one that had waited longest
};

class ProxyIntakeHandler {
 public:
  // The header has come. The socket is as it was accepted, with exactly the header's bytes read
  // from it, and not watched.
  virtual void on_proxy_header(Socket socket, const Address& peer, const ProxyHeader& header) = 0;
  // The connection is closed when this returns.
  virtual void on_proxy_refused(const Address& peer, ProxyRefusal refusal) = 0;

 protected:
  ~ProxyIntakeHandler() = default;
};

// Looks at what has come (MSG_PEEK) until the header is whole, and then reads the header and not a
// byte of what follows, which may be TLS, a link or HTTP. One a worker, owned by it; the handler
// outlives it. Not thread safe.
class ProxyIntake {
 public:
  struct Options {
    ProxyVersions versions;
    Duration timeout = std::chrono::seconds(10);  // -inHandshakeTimeout
    size_t waiting_max = 4096;                    // over it the oldest is closed
  };

  ProxyIntake(event::Loop& loop, const Options& options, ProxyIntakeHandler& handler)
      : loop_(loop), options_(options), handler_(handler) {}
  ~ProxyIntake();

  // For connections taken from now on.
  void set_options(const Options& options) { options_ = options; }
  // May call the handler before it returns.
  void take(Socket socket, const Address& peer);
  // Closes all that wait, without a word to the handler.
  void close();
  size_t waiting_count() const { return count_; }

 private:
  class Entry;

  // Hands the entry's socket over, closes it, or leaves it to wait.
  void look_at(Entry& entry);
  void refuse(Entry& entry, ProxyRefusal refusal);
  // The entry is deleted at the end of the turn.
  void forget(Entry& entry);

  event::Loop& loop_;
  Options options_;
  ProxyIntakeHandler& handler_;
  IntrusiveList<Entry> entries_;  // front: waits longest
  size_t count_ = 0;
};

}  // namespace httpteleport::net
