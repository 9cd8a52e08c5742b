#include "micro/costs.h"

#include <cstdio>
#include <cstdlib>

#include "support/allocations.h"

namespace httpteleport::bench {

Costs::Costs(benchmark::State& state)
    : state_(state), allocations_before_(test::allocations_here()) {}

void Costs::done(uint64_t bytes) {
  const uint64_t allocations = test::allocations_here() - allocations_before_;
  if (test::kCountsAllocations)
    state_.counters["allocs/op"] = {static_cast<double>(allocations),
                                    benchmark::Counter::kAvgIterations};
  if (bytes > 0)
    state_.SetBytesProcessed(static_cast<int64_t>(bytes) *
                             static_cast<int64_t>(state_.iterations()));
}

void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "micro_bench: %s\n", what);
  std::exit(1);
}

}  // namespace httpteleport::bench
