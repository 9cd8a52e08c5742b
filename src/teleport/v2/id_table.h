// Hexadecimal identifiers that have been sent on a link direction, the last so many of them.
//
// Both ends note the same ones in the same order. One that comes again is named by how many have
// been noted since. Not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/zeroed.h"
#include "teleport/v2/recent_index.h"
#include "teleport/v2/table_sizes.h"

namespace httpteleport::teleport::v2 {

// The bytes of an identifier: two digits each.
inline constexpr size_t kIdBytesMin = 8;
inline constexpr size_t kIdBytesMax = 32;

class ReceivedIds {
 public:
  explicit ReceivedIds(const TableSizes& sizes) : ids_(sizes.ids) {}

  // `bytes` are kIdBytesMin to kIdBytesMax.
  void add(std::string_view bytes);
  // The one noted `distance` before the next one, 1 being the last. Good until the next add().
  // Nothing: not so many have been, or are remembered.
  std::optional<std::string_view> find(uint64_t distance) const;
  uint64_t count() const { return count_; }

 private:
  struct Id {
    uint8_t size = 0;
    std::array<char, kIdBytesMax> bytes;
    std::string_view view() const { return {bytes.data(), size}; }
  };

  ZeroedVector<Id> ids_;
  uint64_t count_ = 0;
};

class SentIds {
 public:
  explicit SentIds(const TableSizes& sizes);

  // The distance of an identifier that is remembered; else it is noted.
  std::optional<uint64_t> find_or_add(std::string_view bytes);

 private:
  ReceivedIds ids_;
  RecentIndex index_;
  const uint64_t seed_;
};

}  // namespace httpteleport::teleport::v2
