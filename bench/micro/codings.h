// The compressions that links know, as arguments of benchmarks.
#pragma once

#include <benchmark/benchmark.h>

#include <array>

#include "compress/stream.h"

namespace httpteleport::bench {

inline constexpr std::array<compress::Settings, 4> kCodings{{
    {.method = compress::Method::kNone},
    {.method = compress::Method::kFlate, .level = 1},
    {.method = compress::Method::kFlate, .level = 6},
    {.method = compress::Method::kSnappy},
}};
inline constexpr std::array<const char*, 4> kCodingNames{"none", "flate1", "flate6", "snappy"};

// The first argument is the place in the tables, the second the bytes of a message.
inline void codings_and_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"coding", "bytes"});
  for (size_t i = 0; i < kCodings.size(); ++i) {
    for (const int bytes : {300, 1500})
      benchmark->Args({static_cast<int>(i), bytes});
  }
}

// Also shows which coding it is.
inline const compress::Settings& coding_of(benchmark::State& state) {
  const auto place = static_cast<size_t>(state.range(0));
  state.SetLabel(kCodingNames.at(place));
  return kCodings.at(place);
}

}  // namespace httpteleport::bench
