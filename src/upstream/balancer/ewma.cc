#include "upstream/balancer/ewma.h"

#include <algorithm>
#include <cmath>

namespace httpteleport::upstream {

namespace {

double memory_of(Duration age) {
  return std::exp(-static_cast<double>(age.count()) / static_cast<double>(Ewma::kMemory.count()));
}

}  // namespace

double Ewma::Latency::faded(TimePoint now) const {
  return std::max(average * memory_of(now - at), static_cast<double>(kLatencyMin.count()));
}

std::optional<size_t> Ewma::pick(const Choice& choice) {
  std::optional<size_t> best;
  double best_cost = 0;
  const size_t count = choice.loads.size();
  for (size_t i = 0; i < count; ++i) {
    const size_t candidate = choice.start + i < count ? choice.start + i : choice.start + i - count;
    const EndpointLoad& load = choice.loads[candidate];
    if (!load.eligible) continue;
    const double cost = latencies_[candidate].faded(choice.now) *
                        (static_cast<double>(load.pending) + 1) / static_cast<double>(load.weight);
    if (best && cost >= best_cost) continue;
    best = candidate;
    best_cost = cost;
  }
  return best;
}

void Ewma::on_answer(size_t index, Duration latency, TimePoint now) {
  Latency& known = latencies_[index];
  const auto seen = static_cast<double>(latency.count());
  const double memory = memory_of(now - known.at);
  known.average = seen > known.average ? seen : known.average * memory + seen * (1 - memory);
  known.at = now;
}

}  // namespace httpteleport::upstream
