#include "teleport/v2/id_table.h"

#include "teleport/v2/hash.h"

namespace httpteleport::teleport::v2 {

void ReceivedIds::add(std::string_view bytes) {
  Id& id = ids_[count_++ % ids_.size()];
  id.size = static_cast<uint8_t>(bytes.size());
  std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
}

std::optional<std::string_view> ReceivedIds::find(uint64_t distance) const {
  if (distance == 0 || distance > count_ || distance > ids_.size()) return {};
  return ids_[(count_ - distance) % ids_.size()].view();
}

SentIds::SentIds(const TableSizes& sizes) : ids_(sizes), index_(sizes.ids), seed_(random_seed()) {}

std::optional<uint64_t> SentIds::find_or_add(std::string_view bytes) {
  const uint64_t hash = hash_of(bytes, seed_);
  const auto distance_of = [this](uint32_t number) {
    return uint64_t{static_cast<uint32_t>(ids_.count()) - number + 1};
  };
  const auto number =
      index_.find(hash, [&](uint32_t noted) { return ids_.find(distance_of(noted)) == bytes; });
  if (number) return distance_of(*number);
  ids_.add(bytes);
  index_.add(hash, static_cast<uint32_t>(ids_.count()));
  return {};
}

}  // namespace httpteleport::teleport::v2
