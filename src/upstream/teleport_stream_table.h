// The pending requests of one link, by their wire id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"

namespace httpteleport::upstream {

class TeleportStream;

// An id is its slot's index plus a multiple of the table's size, so finding one is an index and a
// comparison. Ids count up from 1, wrap at 2^32 past 0, and skip whatever slot is still taken: an
// id that is pending is never given again. Not thread safe.
class TeleportStreamTable {
 public:
  TeleportStreamTable() : slots_(64) {}

  // Puts `stream` under a new id and returns that.
  uint32_t add(TeleportStream& stream);
  // nullptr when nothing is pending under `id`.
  TeleportStream* find(uint32_t id) const {
    const Slot& slot = slots_[id & (slots_.size() - 1)];
    return slot.id == id ? slot.stream : nullptr;
  }
  // `id` must be there.
  void remove(uint32_t id);

  size_t size() const { return count_; }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.stream != nullptr) visit(*slot.stream);
    }
  }

  // The next id to be tried; so that a test can see the wrap.
  void set_next_id_for_test(uint32_t id) { next_id_ = id; }

 private:
  struct Slot {
    uint32_t id = 0;  // 0: free
    TeleportStream* stream = nullptr;
  };

  void grow();

  std::vector<Slot> slots_;  // a power of two, at most half full
  size_t count_ = 0;
  uint32_t next_id_ = 1;
};

}  // namespace httpteleport::upstream
