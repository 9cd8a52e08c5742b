// How much a service, and each of its clients, may begin.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "base/clock.h"
#include "base/token_bucket.h"
#include "net/address.h"
#include "net/client_buckets.h"
#include "service/config.h"

namespace httpteleport::live {

// Shared by the workers; any thread. What has no limits costs one atomic load.
class ServiceLimits {
 public:
  using Kind = net::ClientBuckets::Rate;  // what begins: a connection, a session, or a request
  // Of what has begun.
  using Ticket = net::ClientBuckets::Slot;

  enum class Answer : uint8_t { kAdmitted, kServiceFull, kServiceRate, kClientFull, kClientRate };
  struct Admission {
    Answer answer = Answer::kAdmitted;
    Ticket ticket = net::ClientBuckets::kNoSlot;  // with kAdmitted: for leave()
    Duration retry_after = std::chrono::seconds(1);
  };

  // What is under way stays counted.
  void set(const service::Limits& all, const service::Limits& client);

  Admission enter(const net::Address& client, Kind kind, TimePoint now);
  void leave(Ticket ticket);

 private:
  // What began while there were no limits has no place to leave.
  static constexpr Ticket kNotCounted = net::ClientBuckets::kNoSlot - 1;

  std::atomic<bool> limited_{false};
  std::mutex mutex_;
  int64_t open_max_ = 0;
  int64_t open_ = 0;
  TokenBucket connections_{TokenRate()};
  TokenBucket requests_{TokenRate()};
  net::ClientBuckets clients_{{}};
};

}  // namespace httpteleport::live
