// Limits for each client: how much of it at a time, and how often something new.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/token_bucket.h"
#include "net/address.h"

namespace httpteleport::net {

// A table of clients, bounded: when it is full, the client that has been idle longest makes way,
// and is new if it comes again. It grows as clients come and allocates nothing afterwards; every
// call is O(1). A client is an IPv4 address, or the first 64 bits of an IPv6 one, because whoever
// has one of those has all of them. Clients of unix sockets have no address and no limit.
//
// Not thread safe.
class ClientBuckets {
 public:
  enum class Rate : uint8_t { kConnections, kRequests };
  static constexpr size_t kRates = 2;

  struct Limits {
    int64_t open_max = 0;  // entered and not left; 0: no limit
    std::array<TokenRate, kRates> rates{};
  };

  // Of a client that has entered; good until it has left as often.
  using Slot = uint32_t;
  static constexpr Slot kNoSlot = UINT32_MAX;

  enum class Answer : uint8_t {
    kAdmitted,
    kTooMany,   // open
    kTooOften,  // see Admission::retry_after
    kCrowded,   // clients_max others have something open
  };
  struct Admission {
    Answer answer = Answer::kAdmitted;
    Slot slot = kNoSlot;     // of enter() with kAdmitted: for leave()
    Duration retry_after{};  // with kTooOften
  };

  static constexpr size_t kClientsMax = 64 * 1024;

  explicit ClientBuckets(const Limits& limits, size_t clients_max = kClientsMax);

  // From now on, also for those that are in.
  void set_limits(const Limits& limits) { limits_ = limits; }

  // Something of `client` begins: takes a token, and a place until leave(). Takes neither when one
  // of them is not to be had.
  Admission enter(const Address& client, Rate rate, TimePoint now);
  // kNoSlot does nothing.
  void leave(Slot slot);
  // Takes a token alone.
  Admission take(const Address& client, Rate rate, TimePoint now);

  size_t size() const { return clients_.size(); }

 private:
  using Key = std::array<uint64_t, 2>;
  struct Client {
    Key key{};
    std::array<TimePoint, kRates> full_at{};
    uint32_t open = 0;
    Slot next_of_hash = kNoSlot;
    // Of the idle ones, in the order in which they were heard of last.
    Slot older = kNoSlot;
    Slot newer = kNoSlot;
  };

  static bool make_key(const Address& client, Key& key);
  Slot& head_of(const Key& key);
  // kNoSlot: all are in use. One that is new, or idle, is the newest of the idle ones now.
  Slot find(const Key& key);
  Slot find_known(const Key& key);
  Slot add(const Key& key);
  Slot reuse_oldest();
  void grow();
  void link_newest(Slot slot);
  void unlink_idle(Slot slot);

  Limits limits_;
  size_t clients_max_;
  uint64_t seed_;  // nobody outside knows which addresses meet in the table
  std::vector<Client> clients_;
  std::vector<Slot> heads_;  // by hash; a power of two, or none
  Slot oldest_ = kNoSlot;
  Slot newest_ = kNoSlot;
};

}  // namespace httpteleport::net
