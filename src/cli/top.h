// What top shows: backends with the rates between two looks at the counters.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/documents.h"

namespace httpteleport::cli {

enum class TopOrder : uint8_t { kName, kRate, kActive, kErrors, kBytes };

struct TopRow {
  std::string service;
  service::BackendStats backend;
  // A second; 0 before the second look.
  double rate = 0;  // requests, connections and sessions
  double errors = 0;
  double bytes_up = 0;
  double bytes_down = 0;
};

class TopRows {
 public:
  // Takes the counters of `now`. Counters that went down begin anew: the server was restarted.
  void look(const std::vector<ServiceRow>& services, TimePoint now);

  void next_order();
  TopOrder order() const { return order_; }
  // In this order; the greatest first but for names.
  const std::vector<TopRow>& rows() const { return rows_; }

  // The row that keys act on; nullptr when there is none. It stays with its backend.
  const TopRow* marked() const;
  void mark_next(int step);

  // The table, with a line about the order above it. `lines_max`: of rows; those around the marked
  // one. `marks`: whether the marked row is shown.
  std::string text(bool colors, bool marks, size_t lines_max) const;

 private:
  using Name = std::pair<std::string, std::string>;

  void sort();
  size_t marked_index() const;

  std::vector<TopRow> rows_;
  TimePoint looked_at_{};
  TopOrder order_ = TopOrder::kName;
  Name marked_;
};

}  // namespace httpteleport::cli
