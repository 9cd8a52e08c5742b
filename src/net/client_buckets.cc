#include "net/client_buckets.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "base/assert.h"
#include "base/random.h"

namespace httpteleport::net {

namespace {

constexpr size_t kHeadsMin = 64;

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace

ClientBuckets::ClientBuckets(const Limits& limits, size_t clients_max)
    : limits_(limits), clients_max_(clients_max), seed_(random_seed()) {
  HT_ASSERT(clients_max > 0 && clients_max < kNoSlot);
}

bool ClientBuckets::make_key(const Address& client, Key& key) {
  if (client.family() == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(client.get());
    key = {v4.sin_addr.s_addr, 1};
    return true;
  }
  if (client.family() != AF_INET6) return false;
  const in6_addr& ip = reinterpret_cast<const sockaddr_in6*>(client.get())->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&ip)) {
    uint32_t v4 = 0;
    std::memcpy(&v4, &ip.s6_addr[12], sizeof v4);
    key = {v4, 1};
  } else {
    key = {};
    std::memcpy(key.data(), ip.s6_addr, 8);
  }
  return true;
}

ClientBuckets::Admission ClientBuckets::enter(const Address& client, Rate rate, TimePoint now) {
  Key key;
  if (!make_key(client, key)) return {};
  const Slot slot = find(key);
  if (slot == kNoSlot) return {.answer = Answer::kCrowded};
  Client& found = clients_[slot];
  if (limits_.open_max > 0 && found.open >= limits_.open_max) return {.answer = Answer::kTooMany};
  const auto index = static_cast<size_t>(rate);
  if (!limits_.rates[index].try_take(found.full_at[index], now)) {
    return {.answer = Answer::kTooOften,
            .retry_after = limits_.rates[index].until_next(found.full_at[index], now)};
  }
  if (found.open++ == 0) unlink_idle(slot);
  return {.slot = slot};
}

void ClientBuckets::leave(Slot slot) {
  if (slot == kNoSlot) return;
  Client& client = clients_[slot];
  HT_ASSERT(client.open > 0);
  if (--client.open == 0) link_newest(slot);
}

ClientBuckets::Admission ClientBuckets::take(const Address& client, Rate rate, TimePoint now) {
  Key key;
  if (!make_key(client, key)) return {};
  const Slot slot = find(key);
  if (slot == kNoSlot) return {.answer = Answer::kCrowded};
  const auto index = static_cast<size_t>(rate);
  TimePoint& full_at = clients_[slot].full_at[index];
  if (limits_.rates[index].try_take(full_at, now)) return {};
  return {.answer = Answer::kTooOften,
          .retry_after = limits_.rates[index].until_next(full_at, now)};
}

ClientBuckets::Slot& ClientBuckets::head_of(const Key& key) {
  const uint64_t hash = mix_bits(mix_bits(key[0] ^ seed_) ^ key[1]);
  return heads_[hash & (heads_.size() - 1)];
}

ClientBuckets::Slot ClientBuckets::find(const Key& key) {
  const Slot known = find_known(key);
  if (known == kNoSlot) return add(key);
  if (clients_[known].open == 0 && known != newest_) {
    unlink_idle(known);
    link_newest(known);
  }
  return known;
}

ClientBuckets::Slot ClientBuckets::find_known(const Key& key) {
  if (heads_.empty()) return kNoSlot;
  for (Slot slot = head_of(key); slot != kNoSlot; slot = clients_[slot].next_of_hash) {
    if (clients_[slot].key == key) return slot;
  }
  return kNoSlot;
}

ClientBuckets::Slot ClientBuckets::add(const Key& key) {
  Slot slot = kNoSlot;
  if (clients_.size() < clients_max_) {
    if (clients_.size() == heads_.size()) grow();
    slot = static_cast<Slot>(clients_.size());
    clients_.emplace_back();
  } else {
    slot = reuse_oldest();
    if (slot == kNoSlot) return kNoSlot;
  }
  Client& client = clients_[slot];
  client = {.key = key};
  Slot& head = head_of(key);
  client.next_of_hash = std::exchange(head, slot);
  link_newest(slot);
  return slot;
}

ClientBuckets::Slot ClientBuckets::reuse_oldest() {
  const Slot slot = oldest_;
  if (slot == kNoSlot) return kNoSlot;
  unlink_idle(slot);
  Slot* at = &head_of(clients_[slot].key);
  while (*at != slot)
    at = &clients_[*at].next_of_hash;
  *at = clients_[slot].next_of_hash;
  return slot;
}

void ClientBuckets::grow() {
  const size_t size = std::max(heads_.size() * 2, kHeadsMin);
  clients_.reserve(std::min(size, clients_max_));
  heads_.assign(size, kNoSlot);
  for (Slot slot = 0; slot < clients_.size(); ++slot) {
    Slot& head = head_of(clients_[slot].key);
    clients_[slot].next_of_hash = std::exchange(head, slot);
  }
}

void ClientBuckets::link_newest(Slot slot) {
  clients_[slot].older = newest_;
  clients_[slot].newer = kNoSlot;
  (newest_ == kNoSlot ? oldest_ : clients_[newest_].newer) = slot;
  newest_ = slot;
}

void ClientBuckets::unlink_idle(Slot slot) {
  const Client& client = clients_[slot];
  (client.older == kNoSlot ? oldest_ : clients_[client.older].newer) = client.newer;
  (client.newer == kNoSlot ? newest_ : clients_[client.newer].older) = client.older;
}

}  // namespace httpteleport::net
