#include "upstream/balancer/two_choices.h"

namespace httpteleport::upstream {

namespace {

constexpr size_t kNobody = static_cast<size_t>(-1);

// The eligible endpoint on which `ticket` falls when each has as many tickets as its weight,
// without the one at `skipped`.
size_t holder_of(uint32_t ticket, std::span<const EndpointLoad> loads, size_t skipped) {
  for (size_t i = 0; i < loads.size(); ++i) {
    if (!loads[i].eligible || i == skipped) continue;
    if (ticket < loads[i].weight) return i;
    ticket -= loads[i].weight;
  }
  return kNobody;
}

}  // namespace

std::optional<size_t> TwoChoices::pick(const Choice& choice) {
  uint32_t tickets = 0;
  for (const EndpointLoad& load : choice.loads)
    tickets += load.eligible ? load.weight : 0;
  if (tickets == 0) return std::nullopt;
  const size_t first = holder_of(random_.below(tickets), choice.loads, kNobody);
  const uint32_t others = tickets - choice.loads[first].weight;
  if (others == 0) return first;
  const size_t second = holder_of(random_.below(others), choice.loads, first);
  const EndpointLoad& a = choice.loads[first];
  const EndpointLoad& b = choice.loads[second];
  return uint64_t{b.pending} * a.weight < uint64_t{a.pending} * b.weight ? second : first;
}

}  // namespace httpteleport::upstream
