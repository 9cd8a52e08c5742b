// Memory of vectors that come and go all the time and are of one capacity, as a rule.
#pragma once

#include <cstddef>
#include <new>

#include "base/recycled.h"

namespace httpteleport {

// An allocator for containers. Arrays of exactly `kCount` elements are recycled within the thread,
// up to `kKept` of them; all others come from operator new.
template <class T, size_t kCount, size_t kKept = 1024>
class RecycledArrayAllocator {
 public:
  using value_type = T;
  template <class U>
  struct rebind {
    using other = RecycledArrayAllocator<U, kCount, kKept>;
  };

  RecycledArrayAllocator() = default;
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): what containers ask for.
  RecycledArrayAllocator(const RecycledArrayAllocator<U, kCount, kKept>&) {}

  T* allocate(size_t count) {
    if (count == kCount) return static_cast<T*>(Array::operator new(sizeof(Array)));
    return static_cast<T*>(::operator new(count * sizeof(T)));
  }
  void deallocate(T* place, size_t count) {
    if (count == kCount) return Array::operator delete(place, sizeof(Array));
    ::operator delete(place);
  }

  bool operator==(const RecycledArrayAllocator&) const { return true; }

 private:
  struct Array : Recycled<Array, kKept> {
    alignas(T) std::byte bytes[sizeof(T) * kCount];
  };
  static_assert(alignof(T) <= alignof(std::max_align_t));
};

}  // namespace httpteleport
