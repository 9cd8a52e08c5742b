// The twenty benchmarks of the Go package, by name, and some of them over our own wire.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "httpteleport/options.h"

struct Benchmark {
  std::string_view name;
  size_t in_flight = 1000;
  httpteleport::Compression compression = httpteleport::Compression::kNone;
  std::chrono::milliseconds batch_delay{0};
  bool tls = false;
  bool pipelined = false;
  // The Go package's wire unless said otherwise.
  httpteleport::Protocol protocol = httpteleport::Protocol::kV0;
};

const std::vector<Benchmark>& all_benchmarks();

// What client and server are connected by.
enum class Transport : uint8_t { kTcp, kPipe };

struct Measurement {
  uint64_t requests = 0;
  double wall_ns = 0;  // of one request, as are the others
  double cpu_ns = 0;   // user and system, of the whole process
  double allocations = 0;
  double wire_bytes = 0;  // both ways, without TLS's own
  double p50_us = 0;      // of the time from call to callback
  double p99_us = 0;
};

struct RunOptions {
  Transport transport = Transport::kTcp;
  std::chrono::milliseconds duration{1000};
  std::string certificate_file;  // for the benchmarks with TLS
  std::string key_file;
};

// Warms up, and runs for about `duration`. Ends the program with a line when a request fails.
Measurement run(const Benchmark& benchmark, const RunOptions& options);

// The value below which `share` (0 to 1) of them lie; 0 when there are none. Moves them about.
double at_share(std::vector<double>& values, double share);

// The body of every answer.
inline constexpr size_t kBodyBytes = 261;
std::string_view body();
