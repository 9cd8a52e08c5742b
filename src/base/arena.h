// Small bytes with one lifetime: copied in one by one, freed as one.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "base/buffer.h"

namespace httpteleport {

// Not thread safe; `pool` must outlive the arena. Memory is kept until clear() or destruction.
class Arena {
 public:
  explicit Arena(BlockPool& pool) : pool_(&pool) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { clear(); }

  // Uninitialised room for `bytes`, good until clear(). Unaligned: for characters only.
  char* allocate(size_t bytes);
  // A copy of `text`, good until clear().
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* place = allocate(text.size());
    std::memcpy(place, text.data(), text.size());
    return {place, text.size()};
  }
  void clear();

 private:
  BlockPool* pool_;
  Block* head_ = nullptr;  // the block being filled; older ones follow it
};

}  // namespace httpteleport
