// Sessions by their flows: a table with open addressing, as one is looked up for each datagram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "relay/udp_socket.h"

namespace httpteleport::relay {

class UdpSession;

// Does not own the sessions. One worker. The hash has a secret, so that senders cannot choose
// flows that collide.
class FlowTable {
 public:
  FlowTable();

  uint64_t hash_of(const Flow& flow) const;
  // nullptr: none. O(1).
  UdpSession* find(const Flow& flow, uint64_t hash) const;
  // The flow must not be there yet.
  void insert(UdpSession& session);
  // The session must be there.
  void erase(const UdpSession& session);
  size_t size() const { return size_; }
  // All that are there now. O(n).
  std::vector<UdpSession*> sessions() const;

 private:
  struct Entry {
    uint64_t hash = 0;
    UdpSession* session = nullptr;  // nullptr: free
  };

  size_t mask() const { return entries_.size() - 1; }
  void place(const Entry& entry);
  void grow();

  std::vector<Entry> entries_;  // a power of two of them, at most half in use
  size_t size_ = 0;
  uint64_t secret_[2];
};

}  // namespace httpteleport::relay
