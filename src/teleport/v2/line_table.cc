#include "teleport/v2/line_table.h"

#include <bit>

#include "teleport/v2/hash.h"

namespace httpteleport::teleport::v2 {

bool LineTable::may_take(Slot& slot) {
  if (!slot.taken || !slot.used) return true;
  slot.used = false;
  return false;
}

void LineTable::evict(Slot& slot) {
  if (!slot.taken) return;
  on_evicted(static_cast<uint32_t>(&slot - slots_.data()));
  bytes_ -= slot.line.size() + kLineCost;
  std::string().swap(slot.line);  // with its memory, which is not counted any more
  slot.taken = false;
}

uint32_t LineTable::insert(std::string_view line) {
  while (!may_take(slots_[hand_]))
    advance();
  const uint32_t number = hand_;
  Slot& slot = slots_[number];
  evict(slot);
  slot.line.assign(line);
  slot.taken = true;
  slot.used = false;
  const size_t cost = line.size() + kLineCost;
  bytes_ += cost;
  // Twice round at most: the second time no line is in use.
  for (advance(); bytes_ > bytes_max_ && bytes_ > cost; advance()) {
    if (hand_ != number && may_take(slots_[hand_])) evict(slots_[hand_]);
  }
  return number;
}

std::optional<std::string_view> LineTable::use(uint32_t number) {
  if (number >= slots_.size() || !slots_[number].taken) return {};
  slots_[number].used = true;
  return slots_[number].line;
}

SentLines::SentLines(const TableSizes& sizes)
    : LineTable(sizes),
      buckets_(std::bit_ceil(slot_count() * 2), kNone),
      next_(slot_count(), kNone),
      hashes_(slot_count()),
      seed_(random_seed()) {}

std::optional<uint32_t> SentLines::find(std::string_view line) const {
  const uint64_t hash = hash_of(line, seed_);
  uint32_t number = buckets_[hash & (buckets_.size() - 1)];
  while (number != kNone && (hashes_[number] != hash || slot(number).line != line))
    number = next_[number];
  if (number == kNone) return {};
  return number;
}

void SentLines::add(std::string_view line) {
  const uint32_t number = insert(line);
  const uint64_t hash = hash_of(line, seed_);
  hashes_[number] = hash;
  next_[number] = bucket(hash);
  bucket(hash) = number;
}

void SentLines::on_evicted(uint32_t number) {
  uint32_t* at = &bucket(hashes_[number]);
  while (*at != number)
    at = &next_[*at];
  *at = next_[number];
}

}  // namespace httpteleport::teleport::v2
