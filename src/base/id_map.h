// Objects by the id that each has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace httpteleport {

template <class T>
class IdMap;

// What T derives from.
template <class T>
class IdMapNode {
 private:
  friend class IdMap<T>;

  T* next_in_slot_ = nullptr;
};

// A hash table that is threaded through its members, so that one more takes no memory but when the
// table grows. A peer may choose the ids: the hash is drawn for each table, so that it can not make
// them meet in one slot. Owns nothing. T has an `id() const`, which stays while it is in the map.
// Not thread safe.
template <class T>
class IdMap {
 public:
  // Its id must not be in the map, nor the object in another one.
  void add(T& member) {
    if (size_ == slots_.size()) grow();
    put(member);
    ++size_;
  }
  // Must be there.
  void remove(T& member) {
    T** at = &slots_[slot_of(member.id())];
    while (*at != &member) {
      HT_ASSERT(*at != nullptr);
      at = &next_of(**at);
    }
    *at = next_of(member);
    --size_;
  }
  // nullptr: not there.
  T* find(uint32_t id) const {
    T* member = slots_[slot_of(id)];
    while (member != nullptr && member->id() != id)
      member = next_of(*member);
    return member;
  }
  size_t size() const { return size_; }

 private:
  static constexpr int kFirstBits = 6;

  static T*& next_of(T& member) { return static_cast<IdMapNode<T>&>(member).next_in_slot_; }
  static uint64_t random_odd() {
    std::random_device device;
    return uint64_t{device()} << 32 | device() | 1;
  }
  // The high bits of a product.
  size_t slot_of(uint32_t id) const { return id * factor_ >> shift_; }

  void put(T& member) {
    T*& first = slots_[slot_of(member.id())];
    next_of(member) = std::exchange(first, &member);
  }
  void grow() {
    const std::vector<T*> old = std::exchange(slots_, std::vector<T*>(slots_.size() * 2));
    --shift_;
    for (T* member : old) {
      while (member != nullptr)
        put(*std::exchange(member, next_of(*member)));
    }
  }

  std::vector<T*> slots_ = std::vector<T*>(size_t{1} << kFirstBits);  // each first of a chain
  size_t size_ = 0;
  uint64_t factor_ = random_odd();
  int shift_ = 64 - kFirstBits;
};

}  // namespace httpteleport
