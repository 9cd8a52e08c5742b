// Large tables that begin with zeros and are often not filled: pages that are not used yet are not
// there, and cost nothing to clear.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <type_traits>
#include <vector>

#include "base/assert.h"

namespace httpteleport {

template <class T>
struct ZeroedAllocator {
  static_assert(std::is_trivially_copyable_v<T> && std::is_aggregate_v<T>);
  using value_type = T;

  ZeroedAllocator() = default;
  template <class U>
  explicit ZeroedAllocator(const ZeroedAllocator<U>&) {}

  T* allocate(size_t count) {
    void* const place = std::calloc(count, sizeof(T));
    HT_ASSERT(place != nullptr);
    return static_cast<T*>(place);
  }
  void deallocate(T* place, size_t) { std::free(place); }
  // It is there already: zeros.
  void construct(T*) {}

  bool operator==(const ZeroedAllocator&) const { return true; }
};

// Made with its size; every member of T begins as zero, whatever its initialiser says.
template <class T>
using ZeroedVector = std::vector<T, ZeroedAllocator<T>>;

}  // namespace httpteleport
