// Waiting for other threads to have done something, but not for ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace httpteleport::live {

// std::latch with a wait that ends. Any thread.
class Countdown {
 public:
  explicit Countdown(size_t count) : count_(count) {}

  void count_down() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) done_.notify_all();
  }
  // False when `timeout` was over first.
  bool wait(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return done_.wait_for(lock, timeout, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  size_t count_;
};

}  // namespace httpteleport::live
