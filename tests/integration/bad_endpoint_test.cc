// One of three origins stops working, in several ways, under load: clients must not notice, it must
// be left alone, and it must come back when it works again.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "integration/topology.h"
#include "support/load_client.h"
#include "support/origin.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kRequests = kSanitized ? 5'000 : 30'000;  // a phase
constexpr int64_t kWorkers = 2;
constexpr uint64_t kFailuresMax = kRequests / 1000;

// Three origins, of which the last one can be made to misbehave, behind one httptp or a link.
class BadEndpoint : public testing::TestWithParam<std::tuple<Topology, size_t>> {
 protected:
  BadEndpoint() {
    const std::string list =
        first_.address().text() + "," + second_.address().text() + "," + bad_->address().text();
    const Flags impatient{"-outTimeout=2s", "-workers=" + std::to_string(kWorkers)};
    if (std::get<0>(GetParam()) == Topology::kChain) {
      balancer_ = std::make_unique<RunningHttptp>(far_flags(list) + impatient);
      front_ = std::make_unique<RunningHttptp>(near_flags(balancer_->address().text()) +
                                               Flags{"-outTimeout=30s"});
    } else {
      balancer_ = std::make_unique<RunningHttptp>(http_flags(list) + impatient);
    }
  }
  ~BadEndpoint() override { front_.reset(); }

  RunningHttptp& front() { return front_ ? *front_ : *balancer_; }
  size_t clients() const { return std::get<1>(GetParam()); }
  // What may be at the bad origin before that is noticed, and probes.
  uint64_t few() const { return clients() + 50; }

  LoadReport run_load(uint64_t requests, const std::function<void()>& in_the_middle = {}) {
    LoadClient client({.address = front().address(),
                       .connections = clients(),
                       .requests = requests,
                       .make = [](uint64_t i) { return get_bytes(mix64(i) % 500, i); },
                       .time_limit = 120s});
    std::thread meddler;
    if (in_the_middle) {
      meddler = std::thread([&] {
        EXPECT_TRUE(wait_until([&] { return client.finished() > requests / 5; }, after(60s)));
        in_the_middle();
      });
    }
    LoadReport report = client.run();
    if (meddler.joinable()) meddler.join();
    return report;
  }
  // The origin gets requests of all kinds again, soon.
  void expect_return() {
    const uint64_t served = bad_->counters().of(PathKind::kBytes);
    EXPECT_TRUE(wait_until(
        [&] {
          EXPECT_EQ(run_load(clients() + 200).errors(), 0u);
          return bad_->counters().of(PathKind::kBytes) > served + clients() / 8 + 30 &&
                 (*balancer_)->expvar("endpointsInService") == 3 * kWorkers;
        },
        after(15s)))
        << "it works again and is not used";
  }
  void expect_no_harm(const LoadReport& report) {
    EXPECT_LE(report.errors(), kFailuresMax) << report.text();
  }

  Origin first_;
  Origin second_;
  std::unique_ptr<Origin> bad_ = std::make_unique<Origin>();
  std::unique_ptr<RunningHttptp> balancer_;  // the httptp that talks to the origins
  std::unique_ptr<RunningHttptp> front_;     // the one in front of it, if there is a link
};

std::string load_name(const testing::TestParamInfo<BadEndpoint::ParamType>& load) {
  const char* const topology = std::get<0>(load.param) == Topology::kHttp ? "Http" : "Chain";
  return topology + std::to_string(std::get<1>(load.param)) + "Clients";
}

INSTANTIATE_TEST_SUITE_P(Loads, BadEndpoint,
                         testing::Combine(testing::Values(Topology::kHttp, Topology::kChain),
                                          testing::Values(size_t{32}, size_t{512})),
                         load_name);

TEST_P(BadEndpoint, CostsNoClientItsAnswer) {
  ASSERT_TRUE(balancer_->started() && front().started());
  {
    SCOPED_TRACE("refuses");
    const uint16_t port = bad_->address().port;
    expect_no_harm(run_load(kRequests, [&] { bad_.reset(); }));
    EXPECT_LE((*balancer_)->expvar("outDialError").value_or(-1), static_cast<int64_t>(few()));
    bad_ = std::make_unique<Origin>(Origin::Options{.port = port});
    expect_return();
  }
  {
    SCOPED_TRACE("hangs");
    expect_no_harm(run_load(kRequests, [&] { bad_->set_mood(Origin::Mood::kHangs); }));
    EXPECT_LE(bad_->counters().of(PathKind::kStall), few());
    bad_->set_mood(Origin::Mood::kWell);
    expect_return();
  }
  {
    SCOPED_TRACE("answers 500");
    expect_no_harm(run_load(kRequests, [&] { bad_->set_mood(Origin::Mood::kFails); }));
    EXPECT_LE(bad_->counters().of(PathKind::kStatus), few());
    bad_->set_mood(Origin::Mood::kWell);
    expect_return();
  }
  EXPECT_GE((*balancer_)->expvar("ejections").value_or(-1), 3);
}

}  // namespace
}  // namespace httpteleport::test
