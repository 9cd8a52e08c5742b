#include "upstream/balancer/hash.h"

#include <cmath>

#include "base/random.h"
#include "upstream/balancer/least_loaded.h"

namespace httpteleport::upstream {

namespace {

// -ln(u) / weight, with u in (0, 1): the time until the first event of a process of that rate. The
// least wins with a chance in proportion to its weight.
double waiting_time(uint64_t draw, uint32_t weight) {
  const double u = (static_cast<double>(draw >> 11) + 0.5) * 0x1p-53;
  return -std::log(u) / static_cast<double>(weight);
}

}  // namespace

uint64_t hash_of(std::string_view text) {
  uint64_t hash = text.size();
  for (const char c : text)
    hash = mix_bits(hash ^ static_cast<unsigned char>(c)) + 0x9e3779b97f4a7c15u;
  return mix_bits(hash);
}

RendezvousHash::RendezvousHash(std::span<const std::string_view> names) {
  for (const std::string_view name : names)
    name_hashes_.push_back(hash_of(name));
}

std::optional<size_t> RendezvousHash::pick(const Choice& choice) {
  if (!choice.key) return pick_least_loaded(choice.loads, choice.start);
  std::optional<size_t> best;
  double best_time = 0;
  for (size_t i = 0; i < choice.loads.size(); ++i) {
    if (!choice.loads[i].eligible) continue;
    const double time =
        waiting_time(mix_bits(*choice.key ^ name_hashes_[i]), choice.loads[i].weight);
    if (best && time >= best_time) continue;
    best = i;
    best_time = time;
  }
  return best;
}

}  // namespace httpteleport::upstream
