#include "teleport/v2/body_table.h"

#include <algorithm>

#include "teleport/v2/hash.h"

namespace httpteleport::teleport::v2 {

namespace {

constexpr size_t kSets = 4096;

}  // namespace

void ReceivedBodies::add(std::string_view body) {
  if (next_ + body.size() > bytes_max_) {
    // What is left of the lap before is the oldest.
    while (!entries_.empty() && entries_.front().begin >= next_)
      entries_.pop_front();
    next_ = 0;
  }
  const size_t end = next_ + body.size();
  while (!entries_.empty() && entries_.front().begin >= next_ && entries_.front().begin < end)
    entries_.pop_front();
  // All of it at once: memory that is not used yet costs nothing, growing copies what there is.
  if (ring_.empty()) ring_.reserve(bytes_max_);
  ring_.replace(next_, std::min(body.size(), ring_.size() - next_), body);
  entries_.push_back({next_, body.size()});
  next_ = end;
  ++count_;
}

std::optional<std::string_view> ReceivedBodies::find(uint64_t distance) const {
  if (distance == 0 || distance > entries_.size()) return {};
  const Entry& entry = entries_[entries_.size() - distance];
  return std::string_view(ring_).substr(entry.begin, entry.size);
}

SentBodies::SentBodies(const TableSizes& sizes)
    : bodies_(sizes), index_(kSets), seed_(random_seed()) {}

std::optional<uint64_t> SentBodies::find_or_add(std::string_view body) {
  const uint64_t hash = hash_of(body, seed_);
  const auto distance_of = [this](uint32_t number) {
    return uint64_t{static_cast<uint32_t>(bodies_.count()) - number + 1};
  };
  const auto number =
      index_.find(hash, [&](uint32_t noted) { return bodies_.find(distance_of(noted)) == body; });
  if (number) return distance_of(*number);
  bodies_.add(body);
  index_.add(hash, static_cast<uint32_t>(bodies_.count()));
  return {};
}

}  // namespace httpteleport::teleport::v2
