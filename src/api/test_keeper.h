// A server for tests of answers that come late, or never.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "httpteleport/server.h"
#include "support/deadline.h"

namespace httpteleport {

// A server that keeps what it is asked until it is told to answer. What was taken may outlive it.
class Keeper {
 public:
  explicit Keeper(const ServerOptions& options = {})
      : server(*Server::create_async([this](Exchange exchange) { keep(std::move(exchange)); },
                                     options)) {
    EXPECT_TRUE(server.listen("127.0.0.1:0").ok());
  }
  ~Keeper() {
    server.stop(Duration::zero());
    kept_.clear();
  }
  std::string address() const { return server.addresses()[0]; }
  // So many are kept.
  bool wait_for(size_t count) {
    return test::wait_until([&] {
      const std::lock_guard lock(mutex_);
      return kept_.size() >= count;
    });
  }
  std::vector<Exchange> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(kept_, {});
  }

  std::atomic<bool> keeps{true};  // otherwise it answers at once
  std::atomic<int> asked{0};

 private:
  void keep(Exchange exchange) {
    ++asked;
    if (!keeps) return exchange.respond(200, "at once");
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(exchange));
  }

  std::mutex mutex_;
  std::vector<Exchange> kept_;

 public:
  Server server;  // last: it uses the others
};

}  // namespace httpteleport
