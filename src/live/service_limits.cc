#include "live/service_limits.h"

namespace httpteleport::live {

void ServiceLimits::set(const service::Limits& all, const service::Limits& client) {
  const std::lock_guard lock(mutex_);
  open_max_ = all.connections;
  connections_.set_rate(TokenRate(all.connections_per_second, all.burst));
  requests_.set_rate(TokenRate(all.requests_per_second, all.burst));
  clients_.set_limits({.open_max = client.connections,
                       .rates = {TokenRate(client.connections_per_second, client.burst),
                                 TokenRate(client.requests_per_second, client.burst)}});
  limited_.store(all != service::Limits() || client != service::Limits(),
                 std::memory_order_relaxed);
}

ServiceLimits::Admission ServiceLimits::enter(const net::Address& client, Kind kind,
                                              TimePoint now) {
  if (!limited_.load(std::memory_order_relaxed)) return {.ticket = kNotCounted};
  const std::lock_guard lock(mutex_);
  if (open_max_ > 0 && open_ >= open_max_) return {.answer = Answer::kServiceFull};
  TokenBucket& bucket = kind == Kind::kRequests ? requests_ : connections_;
  if (const Duration wait = bucket.until_next(now); wait > Duration::zero())
    return {.answer = Answer::kServiceRate, .retry_after = wait};
  const net::ClientBuckets::Admission entered = clients_.enter(client, kind, now);
  switch (entered.answer) {
    case net::ClientBuckets::Answer::kAdmitted:
      break;
    case net::ClientBuckets::Answer::kTooMany:
      return {.answer = Answer::kClientFull};
    case net::ClientBuckets::Answer::kTooOften:
      return {.answer = Answer::kClientRate, .retry_after = entered.retry_after};
    case net::ClientBuckets::Answer::kCrowded:
      return {.answer = Answer::kServiceFull};
  }
  bucket.try_take(now);
  ++open_;
  return {.ticket = entered.slot};
}

void ServiceLimits::leave(Ticket ticket) {
  if (ticket == kNotCounted) return;
  const std::lock_guard lock(mutex_);
  --open_;
  clients_.leave(ticket);
}

}  // namespace httpteleport::live
