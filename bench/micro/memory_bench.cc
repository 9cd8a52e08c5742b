// Where the engine's memory comes from in place of the allocator.
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/recycled.h"
#include "base/recycled_array.h"
#include "micro/costs.h"

namespace httpteleport::bench {
namespace {

void BM_BlockPoolTake(benchmark::State& state) {
  BlockPool pool;
  const auto bytes = static_cast<size_t>(state.range(0));
  Costs costs(state);
  for (auto _ : state) {
    Block* const block = pool.take(bytes);
    benchmark::DoNotOptimize(block);
    pool.give_back(block);
  }
  costs.done();
}
// A small block, a large one, and one that the pool does not keep.
BENCHMARK(BM_BlockPoolTake)->ArgName("bytes")->Arg(300)->Arg(10'000)->Arg(100'000);

// Bytes come in at the back and go at the front.
void BM_BufferChainAppend(benchmark::State& state) {
  BlockPool pool;
  BufferChain chain(pool);
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  Costs costs(state);
  for (auto _ : state) {
    chain.append(bytes);
    while (!chain.empty())
      chain.consume(chain.front().size());
  }
  costs.done(bytes.size());
}
BENCHMARK(BM_BufferChainAppend)->ArgName("bytes")->Arg(300)->Arg(1500)->Arg(64 * 1024);

// From one chain to the other, without copying, and back.
void BM_BufferChainMove(benchmark::State& state) {
  BlockPool pool;
  BufferChain one(pool);
  BufferChain other(pool);
  one.append(std::string(64 * 1024, 'x'));
  Costs costs(state);
  while (state.KeepRunningBatch(2)) {
    other.append(std::move(one));
    one.append(std::move(other));
  }
  check(one.size() == 64 * 1024, "bytes are lost");
  costs.done();
}
BENCHMARK(BM_BufferChainMove);

struct Plain {
  char bytes[200];
};
struct Kept : Recycled<Kept> {
  char bytes[200];
};

// Objects that come and go, so many at a time; beside it what the allocator takes. An operation is
// one object.
template <class Object>
void BM_NewAndDelete(benchmark::State& state) {
  std::vector<std::unique_ptr<Object>> objects(static_cast<size_t>(state.range(0)));
  Costs costs(state);
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(objects.size()))) {
    for (auto& object : objects) {
      object.reset(new Object);
      benchmark::DoNotOptimize(object.get());
    }
    for (auto& object : objects)
      object.reset();
  }
  costs.done();
}
BENCHMARK(BM_NewAndDelete<Kept>)->Name("BM_RecycledObject")->ArgName("live")->Arg(1)->Arg(1000);
BENCHMARK(BM_NewAndDelete<Plain>)->Name("BM_AllocatedObject")->ArgName("live")->Arg(1)->Arg(1000);

void BM_RecycledArray(benchmark::State& state) {
  using Vector = std::vector<uint64_t, RecycledArrayAllocator<uint64_t, 32>>;
  Costs costs(state);
  for (auto _ : state) {
    Vector vector;
    vector.reserve(32);
    benchmark::DoNotOptimize(vector.data());
  }
  costs.done();
}
BENCHMARK(BM_RecycledArray);

}  // namespace
}  // namespace httpteleport::bench
