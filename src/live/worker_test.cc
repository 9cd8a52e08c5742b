#include "live/worker.h"

#include <gtest/gtest.h>

#include <csignal>

#include "live/make_plan.h"
#include "net/test_net.h"

namespace httpteleport::live {
namespace {

std::shared_ptr<ServicePlan> plan_of(const service::ServiceConfig& config) {
  std::shared_ptr<ServicePlan> plan;
  const auto problem =
      make_plan({}, std::make_shared<const service::ServiceConfig>(config), nullptr, {}, plan);
  EXPECT_FALSE(problem) << problem->text;
  return plan;
}

std::shared_ptr<const Step> step_to(const std::shared_ptr<const ServicePlan>& plan) {
  auto step = std::make_shared<Step>();
  step->put.push_back({plan, nullptr, {}});
  for (const auto& socket : plan->listening)
    step->put.back().sockets.push_back(socket->sockets);
  return step;
}

// As one that was stuck does: the second change has closed what the first one brings.
TEST(Worker, TakesUpChangesThatWaitedForItInTheirOrder) {
  signal(SIGPIPE, SIG_IGN);  // as in the program
  service::ServiceConfig config;
  config.name = "s";
  config.address = "127.0.0.1:0";
  for (const char* network : {"tcp", "udp"}) {
    config.network = network;
    const std::shared_ptr<ServicePlan> first = plan_of(config);
    const std::shared_ptr<ServicePlan> second = plan_of(config);
    ASSERT_TRUE(first && second);
    Worker worker({}, nullptr, nullptr);
    const auto applied = std::make_shared<Countdown>(2);
    worker.apply(step_to(first), applied);
    worker.apply(step_to(second), applied);
    for (const std::shared_ptr<ListenSocket>& socket : first->listening)
      socket->close();
    worker.start();
    EXPECT_TRUE(applied->wait(std::chrono::minutes(1)));
    const net::Address& gone = first->listening.front()->address;
    const net::Address& there = second->listening.front()->address;
    const bool is_tcp = config.network == "tcp";
    // Who has the first address must be able to give it to somebody else.
    EXPECT_TRUE(test::wait_until([&] {
      return is_tcp ? net::listen_on(gone, {.reuse_port = false}).has_value()
                    : relay::open_udp(gone, false).has_value();
    }));
    EXPECT_FALSE(is_tcp ? net::listen_on(there, {.reuse_port = false}).has_value()
                        : relay::open_udp(there, false).has_value());
  }
}

}  // namespace
}  // namespace httpteleport::live
