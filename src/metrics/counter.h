// Numbers that one worker changes and any thread may read.
//
// Each worker has its own; a reader sums them. One writer means no locked instruction: a relaxed
// load, an add, a relaxed store, which on x86 is a plain add.
#pragma once

#include <atomic>
#include <cstdint>

namespace httpteleport::metrics {

// Only grows. Written by its worker alone.
class Counter {
 public:
  void add(uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Goes up and down. Written by its worker alone.
class Gauge {
 public:
  void add(int64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

}  // namespace httpteleport::metrics
