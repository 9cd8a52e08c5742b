// The versions of the configuration that there were. A version is kept as what its change replaced,
// not as a whole configuration.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "service/config.h"
#include "service/merge.h"

namespace httpteleport::service {

struct HistoryEntry {
  uint64_t version = 0;
  int64_t time = 0;     // seconds since 1970
  std::string summary;  // one line
};

// Holds at most `versions_max` versions; the oldest are forgotten first.
class History {
 public:
  explicit History(size_t versions_max) : versions_max_(versions_max) {}

  // `changes` have made this version of the one that was added before.
  void add(HistoryEntry entry, const Globals& globals_before, std::vector<ServiceChange> changes);

  // Newest first.
  std::vector<HistoryEntry> entries() const;
  // The version before the newest.
  std::optional<uint64_t> previous() const;
  // The configuration of a version, made of the newest one. O(services and changes since).
  std::optional<Config> at(uint64_t version, const Config& newest) const;

 private:
  struct Version {
    HistoryEntry entry;
    Globals globals_before;
    std::vector<ServiceChange> changes;
  };

  size_t versions_max_;
  std::deque<Version> versions_;  // oldest first
};

}  // namespace httpteleport::service
