// The choice of an endpoint, by each policy.
#include <string>
#include <string_view>
#include <vector>

#include "micro/costs.h"
#include "upstream/balancer/balancer.h"
#include "upstream/balancer/hash.h"

namespace httpteleport::bench {
namespace {

using namespace std::chrono_literals;
using upstream::Policy;

template <Policy kPolicy>
void BM_Pick(benchmark::State& state) {
  const auto endpoints = static_cast<size_t>(state.range(0));
  std::vector<std::string> texts;
  for (size_t i = 0; i < endpoints; ++i)
    texts.push_back("10.0.0." + std::to_string(i) + ":80");
  const std::vector<std::string_view> names(texts.begin(), texts.end());
  const auto balancer =
      upstream::make_balancer({.policy = kPolicy, .hash_field = "X", .seed = 7}, names);
  TimePoint now{1000h};
  std::vector<upstream::EndpointLoad> loads(endpoints);
  for (size_t i = 0; i < endpoints; ++i) {
    loads[i].pending = static_cast<uint32_t>(i * 7 % 10);
    balancer->on_answer(i, 1ms + std::chrono::microseconds(i), now);
  }
  size_t start = 0;
  uint64_t key = 1;
  Costs costs(state);
  for (auto _ : state) {
    now += 10us;
    const auto picked = balancer->pick({.loads = loads, .start = start, .key = key, .now = now});
    check(picked.has_value(), "no endpoint was picked");
    // As the last one picked an exchange ago has answered.
    loads[*picked].pending = (loads[*picked].pending + 1) % 10;
    if (++start == endpoints) start = 0;
    key = key * 6364136223846793005U + 1442695040888963407U;
  }
  costs.done();
}
void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("endpoints")->Arg(10)->Arg(100);
}
BENCHMARK(BM_Pick<Policy::kLeastLoaded>)->Name("BM_PickLeastLoaded")->Apply(sizes);
BENCHMARK(BM_Pick<Policy::kRoundRobin>)->Name("BM_PickRoundRobin")->Apply(sizes);
BENCHMARK(BM_Pick<Policy::kTwoChoices>)->Name("BM_PickTwoChoices")->Apply(sizes);
BENCHMARK(BM_Pick<Policy::kEwma>)->Name("BM_PickEwma")->Apply(sizes);
BENCHMARK(BM_Pick<Policy::kHash>)->Name("BM_PickHash")->Apply(sizes);

}  // namespace
}  // namespace httpteleport::bench
