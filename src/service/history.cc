#include "service/history.h"

#include <algorithm>

namespace httpteleport::service {

void History::add(HistoryEntry entry, const Globals& globals_before,
                  std::vector<ServiceChange> changes) {
  // What it became is found in what is newer.
  for (ServiceChange& change : changes) {
    if (change.before) change.after = nullptr;
  }
  versions_.push_back({std::move(entry), globals_before, std::move(changes)});
  if (versions_.size() <= versions_max_) return;
  versions_.pop_front();
  // Nobody can ask for the version before the oldest.
  versions_.front().changes.clear();
}

std::vector<HistoryEntry> History::entries() const {
  std::vector<HistoryEntry> entries;
  for (auto version = versions_.rbegin(); version != versions_.rend(); ++version)
    entries.push_back(version->entry);
  return entries;
}

std::optional<uint64_t> History::previous() const {
  if (versions_.size() < 2) return std::nullopt;
  return versions_[versions_.size() - 2].entry.version;
}

std::optional<Config> History::at(uint64_t version, const Config& newest) const {
  const bool known = std::ranges::any_of(
      versions_, [version](const Version& one) { return one.entry.version == version; });
  if (!known) return std::nullopt;
  Config config = newest;
  for (auto later = versions_.rbegin(); later->entry.version != version; ++later) {
    config.globals = later->globals_before;
    for (const ServiceChange& change : later->changes) {
      if (change.before) {
        config.services[change.name()] = change.before;
      } else {
        config.services.erase(change.name());
      }
    }
  }
  return config;
}

}  // namespace httpteleport::service
