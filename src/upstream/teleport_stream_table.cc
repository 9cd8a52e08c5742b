#include "upstream/teleport_stream_table.h"

#include <utility>

namespace httpteleport::upstream {

uint32_t TeleportStreamTable::add(TeleportStream& stream) {
  if (count_ * 2 >= slots_.size()) grow();
  while (true) {
    const uint32_t id = next_id_++;
    Slot& slot = slots_[id & (slots_.size() - 1)];
    if (id == 0 || slot.id != 0) continue;
    slot = {id, &stream};
    ++count_;
    return id;
  }
}

void TeleportStreamTable::remove(uint32_t id) {
  Slot& slot = slots_[id & (slots_.size() - 1)];
  HT_ASSERT(id != 0 && slot.id == id);
  slot = {};
  --count_;
}

// Ids in different slots of the smaller table are in different slots of the larger one.
void TeleportStreamTable::grow() {
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
  for (const Slot& slot : old) {
    if (slot.id != 0) slots_[slot.id & (slots_.size() - 1)] = slot;
  }
}

}  // namespace httpteleport::upstream
