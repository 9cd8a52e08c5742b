// What the tests of the API share: a real registry over a runtime that only keeps what it is told,
// behind a real server.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "admin/service_api.h"
#include "admin/test_local_server.h"

namespace httpteleport::admin {

class FakeRuntime final : public service::Runtime {
 public:
  std::optional<service::Problem> check(const service::Change&) override { return problem; }
  std::optional<service::Problem> apply(const service::Change& change) override {
    if (problem) return problem;
    ++applied;
    for (const std::string& name : change.removed)
      services.erase(name);
    for (const auto& config : change.put)
      services[config->name] = config;
    return std::nullopt;
  }
  std::optional<service::ServiceStats> stats(const std::string& service) override {
    const auto found = services.find(service);
    if (found == services.end()) return std::nullopt;
    service::ServiceStats stats = figures;
    for (const service::BackendConfig& config : found->second->backends) {
      service::BackendStats backend = backend_figures;
      backend.name = config.name;
      backend.address = config.address;
      backend.check_address = config.check_address;
      backend.weight = config.weight;
      stats.backends.push_back(backend);
    }
    return stats;
  }

  std::map<std::string, std::shared_ptr<const service::ServiceConfig>, std::less<>> services;
  service::ServiceStats figures;  // of every service, and
  service::BackendStats backend_figures;
  std::optional<service::Problem> problem;  // of every change from now on
  int applied = 0;
};

class ServiceApiTest : public testing::Test {
 protected:
  explicit ServiceApiTest(service::StateFile* state = nullptr)
      : registry_(runtime_, state, registry_options()) {
    site_.site = &api_;
    EXPECT_TRUE(registry_.start({}).ok());
    registry_.add_listener(events_);
  }
  ~ServiceApiTest() override { registry_.remove_listener(events_); }

  TestAnswer get(std::string_view target, std::string_view fields = {}) {
    return server_.get(target, fields);
  }
  TestAnswer put(std::string_view target, std::string_view body, std::string_view fields = {}) {
    return server_.ask("PUT", target, body, fields);
  }
  // A service "web" with a backend "a".
  void put_web() {
    const TestAnswer answer = put(
        "/web",
        R"({"address": "127.0.0.1:8001", "backends": [{"name": "a", "address": "127.0.0.1:9"}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  const service::ServiceConfig& config_of(std::string_view service) {
    const auto config = registry_.find(service);
    HT_ASSERT(config != nullptr);
    return *config;
  }
  std::string etag() const { return "\"" + std::to_string(registry_.version()) + "\""; }

  static service::Registry::Options registry_options() {
    service::Registry::Options options;
    options.unix_time = [] { return int64_t{1'700'000'000}; };
    return options;
  }

  bool draining_ = false;
  FakeRuntime runtime_;
  LateSite site_;
  TestLocalServer server_{site_};
  EventStream events_{server_.net.loop};
  service::Registry registry_;
  ServiceApi api_{registry_,
                  runtime_,
                  events_,
                  {.build = {{"name", "shuttle"}, {"version", "1.2.3"}},
                   .is_draining = [this] { return draining_; },
                   .more_metrics = [] { return std::string("more 1\n"); }}};
};

}  // namespace httpteleport::admin
