// What every benchmark here says beside its time: bytes a second, and allocations an operation.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace httpteleport::bench {

// Made right before the loop; done() comes right behind it.
class Costs {
 public:
  explicit Costs(benchmark::State& state);

  // `bytes` that one operation works on; 0: bytes mean nothing here.
  void done(uint64_t bytes = 0);

 private:
  benchmark::State& state_;
  uint64_t allocations_before_;
};

// Ends the program with a line when what is measured does not do what it should.
void check(bool good, const char* what);

}  // namespace httpteleport::bench
