// What tests of the registry and of the state file need around them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/registry.h"
#include "support/deadline.h"

namespace httpteleport::service {

// The owner's thread of a state file: runs what is posted when the test waits.
class TestLoop {
 public:
  StateFile::Post post() {
    return [this](std::function<void()> call) {
      const std::lock_guard lock(mutex_);
      calls_.push_back(std::move(call));
      posted_.notify_all();
    };
  }

  // False when that did not come about in time.
  template <class Condition>
  bool run_until(const Condition& condition) {
    const test::Deadline deadline = test::after();
    while (!condition()) {
      std::unique_lock lock(mutex_);
      if (!posted_.wait_until(lock, deadline, [this] { return !calls_.empty(); })) return false;
      const std::function<void()> call = std::move(calls_.front());
      calls_.pop_front();
      lock.unlock();
      call();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> calls_;
};

// Remembers what it was told, and refuses what it is told to.
class FakeRuntime final : public Runtime {
 public:
  std::optional<Problem> check(const Change& change) override {
    checked.push_back(change);
    return refusal;
  }
  std::optional<Problem> apply(const Change& change) override {
    if (refusal) return refusal;
    applied.push_back(change);
    return std::nullopt;
  }
  std::optional<ServiceStats> stats(const std::string& /*service*/) override {
    return std::nullopt;
  }

  std::vector<Change> checked;
  std::vector<Change> applied;
  std::optional<Problem> refusal;
};

class FakeListener final : public ConfigListener {
 public:
  void on_config_changed(const ConfigChange& change) override { heard.push_back(change); }
  std::vector<ConfigChange> heard;
};

// Keeps what a change came to.
class Answer {
 public:
  Registry::Done done() {
    return [this](Outcome told) { outcome = std::move(told); };
  }
  std::optional<Outcome> outcome;
};

}  // namespace httpteleport::service
