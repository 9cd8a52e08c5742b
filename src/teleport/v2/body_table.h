// Bodies, and pieces of them, that have been sent on a link direction: the last few megabytes.
//
// Both ends note the same ones in the same order. One that comes again is named by how many have
// been noted since. Not thread safe.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "teleport/v2/recent_index.h"
#include "teleport/v2/table_sizes.h"

namespace httpteleport::teleport::v2 {

class ReceivedBodies {
 public:
  // Others are not noted; nor is one that takes more than a quarter of the memory.
  static constexpr size_t kBytesMin = 64;
  static constexpr size_t kBytesMax = 64 * 1024;

  explicit ReceivedBodies(const TableSizes& sizes) : bytes_max_(sizes.body_bytes) {}

  bool takes(std::string_view body) const {
    return body.size() >= kBytesMin && body.size() <= kBytesMax && body.size() <= bytes_max_ / 4;
  }
  // Of a body that it takes.
  void add(std::string_view body);
  // The one noted `distance` before the next one, 1 being the last. Good until the next add().
  std::optional<std::string_view> find(uint64_t distance) const;
  // How many have been noted, those forgotten included.
  uint64_t count() const { return count_; }

 private:
  struct Entry {
    size_t begin;
    size_t size;
  };

  size_t bytes_max_;
  std::string ring_;  // as long as it has been needed, at most bytes_max_
  std::deque<Entry> entries_;
  size_t next_ = 0;  // where the next body begins
  uint64_t count_ = 0;
};

class SentBodies {
 public:
  explicit SentBodies(const TableSizes& sizes);

  bool takes(std::string_view body) const { return bodies_.takes(body); }
  // The distance of a body that is remembered; else it is noted.
  std::optional<uint64_t> find_or_add(std::string_view body);

 private:
  ReceivedBodies bodies_;
  RecentIndex index_;
  const uint64_t seed_;
};

}  // namespace httpteleport::teleport::v2
