// What the tests of this module share: a server in a thread of its own, in front of an origin.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/server.h"
#include "support/http_message.h"
#include "support/origin.h"

namespace httpteleport::server {

// A folder for one test.
class TestFolder {
 public:
  TestFolder() {
    std::string name = testing::TempDir() + "/server-test.XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline net::Address address_of(const test::Address& address) {
  if (!address.unix_path.empty()) return *net::Address::unix_path(address.unix_path);
  return net::resolve_connect({address.ipv6 ? "::1" : "127.0.0.1", address.port})->front();
}

inline test::Address test_address_of(const net::Address& address) {
  return *test::Address::parse(address.to_string());
}

// HTTP on 127.0.0.1 to HTTP, two workers; a test changes what it wants.
inline config::Snapshot snapshot_to(const test::Address& origin) {
  config::Snapshot snapshot;
  snapshot.workers = 2;
  snapshot.listener.address = address_of({.ipv6 = false, .port = 0});
  upstream::ClusterOptions cluster;
  cluster.endpoints.push_back({.name = origin.text(), .addresses = {address_of(origin)}});
  snapshot.clusters.push_back(std::move(cluster));
  snapshot.routes.push_back({.cluster = 0});
  return snapshot;
}

// SIGTERM waits for a server to read it, in the thread that makes this and those started later.
// Comes before everything that has a thread.
struct BlockedSignals {
  BlockedSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  }
};

// Starts in the constructor. Several may run beside each other.
class TestServer {
 public:
  // `command`: what SIGUSR2 starts.
  explicit TestServer(config::Snapshot snapshot, std::vector<std::string> command = {}) {
    server_ = std::make_unique<Server>(
        std::make_shared<const config::Snapshot>(std::move(snapshot)), std::move(command), source_);
    problem_ = server_->start("-in", nothing_);
    if (problem_.empty()) thread_ = std::thread([this] { exit_code_ = server_->run(nothing_); });
  }
  ~TestServer() { stop(); }

  // Why it did not start; empty if it did.
  const std::string& problem() const { return problem_; }
  test::Address address() const { return test_address_of(server_->address()); }
  // SIGTERM, and the end of what it starts. Returns the exit code.
  int stop() {
    if (!thread_.joinable()) return exit_code_;
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
    return exit_code_;
  }
  void terminate() { pthread_kill(thread_.native_handle(), SIGTERM); }
  // SIGHUP.
  void hang_up() { pthread_kill(thread_.native_handle(), SIGHUP); }
  // SIGUSR2.
  void replace() { pthread_kill(thread_.native_handle(), SIGUSR2); }
  Server& server() { return *server_; }
  // Those of the first endpoint that were in force at the last SIGHUP.
  std::vector<net::Address> addresses_at_hang_up() {
    const std::lock_guard lock(source_.mutex);
    return source_.addresses;
  }
  // A sum over the counters of all threads.
  template <class Read>
  int64_t sum(Read&& read) const {
    int64_t total = 0;
    for (const metrics::WorkerMetrics* metrics : server_->all_metrics())
      total += static_cast<int64_t>(read(*metrics));
    return total;
  }

 private:
  struct NoSource final : config::ConfigSource {
    Loaded load(const config::Snapshot& in_force) override {
      const std::lock_guard lock(mutex);
      addresses = in_force.clusters[0].endpoints[0].addresses;
      return {};
    }
    std::mutex mutex;
    std::vector<net::Address> addresses;
  };

  BlockedSignals blocked_;
  NoSource source_;
  Inheritance nothing_;
  std::unique_ptr<Server> server_;
  std::string problem_;
  int exit_code_ = -1;
  std::thread thread_;
};

}  // namespace httpteleport::server
