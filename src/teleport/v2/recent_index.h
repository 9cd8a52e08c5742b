// Where a sender finds what it has noted, by a hash of it.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "base/zeroed.h"

namespace httpteleport::teleport::v2 {

// Sets of four places; what has been there longest makes room. So now and then something is not
// found that is remembered, and is sent anew: nothing is wrong then. Not thread safe.
class RecentIndex {
 public:
  explicit RecentIndex(size_t count) : sets_(std::bit_ceil(count)) {}

  // The number under which something was noted: one for which `is_it(number)` is true.
  template <class IsIt>
  std::optional<uint32_t> find(uint64_t hash, IsIt&& is_it) const {
    for (const Place& place : sets_[hash & (sets_.size() - 1)].places) {
      if (place.used && place.tag == tag_of(hash) && is_it(place.number)) return place.number;
    }
    return {};
  }

  // Numbers count up, and may wrap.
  void add(uint64_t hash, uint32_t number) {
    Place* oldest = nullptr;
    for (Place& place : sets_[hash & (sets_.size() - 1)].places) {
      if (!place.used) {
        oldest = &place;
        break;
      }
      if (oldest == nullptr || number - place.number > number - oldest->number) oldest = &place;
    }
    *oldest = {.number = number, .tag = tag_of(hash), .used = true};
  }

 private:
  struct Place {
    uint32_t number = 0;
    uint16_t tag = 0;
    bool used = false;
  };

  static uint16_t tag_of(uint64_t hash) { return static_cast<uint16_t>(hash >> 48); }

  struct Set {
    std::array<Place, 4> places;
  };

  ZeroedVector<Set> sets_;
};

}  // namespace httpteleport::teleport::v2
