// Whole header lines that have been sent on a link direction, each under a number.
//
// Both ends insert the same lines in the same order and so agree on the numbers. A number stays
// what it is until its line is evicted, so lines that come together again come as the same bytes
// again. Not thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "teleport/v2/table_sizes.h"

namespace httpteleport::teleport::v2 {

// What both ends do. Room is made by the clock algorithm: a hand goes round the slots, passes those
// used since it came by last, and takes the first other one.
class LineTable {
 public:
  // A line of other sizes is not inserted.
  static constexpr size_t kLineBytesMin = 4;
  static constexpr size_t kLineBytesMax = 4096;
  // What a line counts beside its bytes.
  static constexpr size_t kLineCost = 32;

  explicit LineTable(const TableSizes& sizes) : slots_(sizes.lines), bytes_max_(sizes.line_bytes) {}

  static bool takes(std::string_view line) {
    return line.size() >= kLineBytesMin && line.size() <= kLineBytesMax;
  }
  // Of a line that it takes. Returns its number.
  uint32_t insert(std::string_view line);
  // Marks the line as used. Nothing: no line has that number.
  std::optional<std::string_view> use(uint32_t number);

  size_t bytes() const { return bytes_; }

 protected:
  struct Slot {
    std::string line;
    bool taken = false;
    bool used = false;
  };

  // A line goes; its slot still holds it.
  virtual void on_evicted(uint32_t /*number*/) {}
  const Slot& slot(uint32_t number) const { return slots_[number]; }
  size_t slot_count() const { return slots_.size(); }
  ~LineTable() = default;

 private:
  // Whether the hand may take the slot it is at.
  bool may_take(Slot& slot);
  void evict(Slot& slot);
  void advance() { hand_ = hand_ + 1 == slots_.size() ? 0 : hand_ + 1; }

  std::vector<Slot> slots_;
  size_t bytes_max_;
  size_t bytes_ = 0;
  uint32_t hand_ = 0;
};

class ReceivedLines final : public LineTable {
 public:
  using LineTable::LineTable;
};

class SentLines final : public LineTable {
 public:
  explicit SentLines(const TableSizes& sizes);

  // The number of a line that is there.
  std::optional<uint32_t> find(std::string_view line) const;
  void add(std::string_view line);

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  void on_evicted(uint32_t number) override;
  uint32_t& bucket(uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }

  std::vector<uint32_t> buckets_;  // the first number of those with a hash
  std::vector<uint32_t> next_;     // behind each number, the next one
  std::vector<uint64_t> hashes_;
  const uint64_t seed_;
};

}  // namespace httpteleport::teleport::v2
