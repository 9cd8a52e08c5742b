#include "relay/flow_table.h"

#include <cstring>
#include <random>

#include "relay/udp_session.h"

namespace httpteleport::relay {

namespace {

constexpr size_t kEntriesMin = 64;

// Both halves of the product: no bit of either factor is lost.
uint64_t fold(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t draw() {
  std::random_device device;
  return (uint64_t{device()} << 32 | device()) | 1;
}

}  // namespace

FlowTable::FlowTable() : entries_(kEntriesMin), secret_{draw(), draw()} {}

uint64_t FlowTable::hash_of(const Flow& flow) const {
  uint64_t words[5];
  static_assert(sizeof words == sizeof flow);
  std::memcpy(words, &flow, sizeof words);
  const uint64_t client = fold(words[0] ^ secret_[0], words[1] ^ secret_[1]);
  const uint64_t local = fold(words[2] ^ secret_[1], words[3] ^ secret_[0]);
  return fold(client ^ words[4] ^ secret_[1], local ^ secret_[0]);
}

UdpSession* FlowTable::find(const Flow& flow, uint64_t hash) const {
  for (size_t i = hash & mask();; i = (i + 1) & mask()) {
    const Entry& entry = entries_[i];
    if (entry.session == nullptr) return nullptr;
    if (entry.hash == hash && entry.session->flow() == flow) return entry.session;
  }
}

void FlowTable::insert(UdpSession& session) {
  if ((size_ + 1) * 2 > entries_.size()) grow();
  place({session.hash(), &session});
  ++size_;
}

void FlowTable::place(const Entry& entry) {
  size_t i = entry.hash & mask();
  while (entries_[i].session != nullptr)
    i = (i + 1) & mask();
  entries_[i] = entry;
}

void FlowTable::grow() {
  std::vector<Entry> old(entries_.size() * 2);
  old.swap(entries_);
  for (const Entry& entry : old) {
    if (entry.session != nullptr) place(entry);
  }
}

std::vector<UdpSession*> FlowTable::sessions() const {
  std::vector<UdpSession*> all;
  all.reserve(size_);
  for (const Entry& entry : entries_) {
    if (entry.session != nullptr) all.push_back(entry.session);
  }
  return all;
}

// Closes the gap, so that no entry stands behind a free one that it has passed.
void FlowTable::erase(const UdpSession& session) {
  size_t gap = session.hash() & mask();
  while (entries_[gap].session != &session)
    gap = (gap + 1) & mask();
  for (size_t i = (gap + 1) & mask(); entries_[i].session != nullptr; i = (i + 1) & mask()) {
    const size_t home = entries_[i].hash & mask();
    if (((i - home) & mask()) < ((i - gap) & mask())) continue;
    entries_[gap] = entries_[i];
    gap = i;
  }
  entries_[gap] = {};
  --size_;
}

}  // namespace httpteleport::relay
