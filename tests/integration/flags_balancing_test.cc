// The effects of the flags of balancing: which origin gets how many requests. One worker, because
// every worker decides for itself.
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "integration/flags.h"

namespace httpteleport::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// Neither bad answers nor their share take an endpoint out of service.
const Flags kNoEjection = {"-outEjectFailures=0", "-outEjectRatio=0"};

// An httptp in front of `count` origins.
class Fleet {
 public:
  explicit Fleet(size_t count, const Flags& flags, const std::vector<std::string>& weights = {}) {
    std::string out;
    for (size_t i = 0; i < count; ++i) {
      origins_.push_back(std::make_unique<Origin>());
      out += (i == 0 ? "" : ",") + origins_[i]->address().text();
      if (!weights.empty()) out += ";weight=" + weights[i];
    }
    proxy_ = std::make_unique<RunningHttptp>(http_flags(out) + Flags{"-workers=1"} + flags);
  }

  Origin& origin(size_t index) { return *origins_[index]; }
  RunningHttptp& proxy() { return *proxy_; }
  HttptpProcess& process() { return **proxy_; }
  Address address() const { return proxy_->address(); }

  // Requests that each origin has seen, as soon as there are `total`: counters follow answers.
  std::vector<uint64_t> requests(uint64_t total) const {
    EXPECT_TRUE(wait_until([&] { return requests_in_all() >= total; })) << requests_in_all();
    return requests();
  }
  std::vector<uint64_t> requests() const {
    std::vector<uint64_t> all;
    for (const auto& origin : origins_)
      all.push_back(origin->counters().requests);
    return all;
  }
  uint64_t requests_in_all() const {
    const auto all = requests();
    return std::accumulate(all.begin(), all.end(), uint64_t{0});
  }
  // Sends so many, one after the other.
  void send(size_t count, const std::string& request = get_text("/bytes/10")) {
    HttpConnection client(address());
    for (size_t i = 0; i < count; ++i)
      EXPECT_EQ(ask(client, request).outcome, Outcome::kComplete);
  }
  int status(const std::string& request = get_text("/bytes/10")) const {
    return test::exchange(address(), request).head.status;
  }
  void set_all(Origin::Mood mood) {
    for (const auto& origin : origins_)
      origin->set_mood(mood);
  }

 private:
  std::vector<std::unique_ptr<Origin>> origins_;
  std::unique_ptr<RunningHttptp> proxy_;
};

TEST(FlagsBalancing, OutBalanceRoundRobinTakesTurns) {
  Fleet fleet(3, {"-outBalance=round-robin"});
  fleet.send(30);
  EXPECT_THAT(fleet.requests(30), ElementsAre(10, 10, 10));
}

TEST(FlagsBalancing, OutWeightsAreShares) {
  Fleet fleet(3, {"-outBalance=round-robin"}, {"1", "2", "5"});
  fleet.send(40);
  EXPECT_THAT(fleet.requests(40), ElementsAre(5, 10, 25));
}

// Requests that are open at the same time, by policy.
std::vector<uint64_t> held_by_each(const std::string& policy, size_t count) {
  Fleet fleet(3, {"-outBalance=" + policy, "-outTimeout=60s"});
  std::vector<HttpConnection> clients;
  for (size_t i = 0; i < count; ++i) {
    clients.emplace_back(fleet.address());
    clients.back().send(get_text("/bytes/10?hold=1"));
  }
  return fleet.requests(count);
}

TEST(FlagsBalancing, OutBalanceLeastLoadedLooksAtPendingRequests) {
  EXPECT_THAT(held_by_each("least-loaded", 12), ElementsAre(4, 4, 4));
}

// 60 of 3: by chance alone the spread of 20 would be 3.7.
TEST(FlagsBalancing, OutBalanceP2cTakesTheBetterOfTwo) {
  for (const uint64_t held : held_by_each("p2c", 60)) {
    EXPECT_GE(held, 17u);
    EXPECT_LE(held, 23u);
  }
}

// The slow endpoint is a link that lets its requests wait for others.
TEST(FlagsBalancing, OutBalanceEwmaPrefersTheQuickerOne) {
  Origin quick, behind;
  Chain slow(behind.address().text(), {"-outDelay=100ms"}, {});
  RunningHttptp proxy(http_flags(slow.address().text() + "," + quick.address().text()) +
                      Flags{"-workers=1", "-outBalance=ewma", "-outTimeout=30s"});
  ASSERT_TRUE(proxy.started());
  HttpConnection client(proxy.address());
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(ask(client, get_text("/bytes/10")).head.status, 200);
  EXPECT_TRUE(quick.wait_for([](const OriginCounters& c) { return c.requests >= 35; }));
}

TEST(FlagsBalancing, OutBalanceHashIsStableForAHeader) {
  Fleet fleet(3, {"-outBalance=hash:X-User"});
  const auto visit = [&](int user) {
    const auto before = fleet.requests();
    const uint64_t total = fleet.requests_in_all();
    fleet.send(1, get_text("/bytes/10", "X-User: u" + std::to_string(user) + "\r\n"));
    const auto now = fleet.requests(total + 1);
    for (size_t i = 0; i < now.size(); ++i) {
      if (now[i] != before[i]) return i;
    }
    return now.size();
  };
  std::vector<size_t> first, second;
  for (int user = 0; user < 40; ++user)
    first.push_back(visit(user));
  for (int user = 0; user < 40; ++user)
    second.push_back(visit(user));
  EXPECT_EQ(first, second);
  for (const uint64_t requests : fleet.requests(80))
    EXPECT_GE(requests, 10u) << "users are spread";
  EXPECT_EQ(fleet.status(), 200) << "without the header too";
}

TEST(FlagsBalancing, OutCheckTakesTheUnwellOutOfServiceAndBack) {
  const Stopwatch watch;
  Fleet fleet(2, kNoEjection + Flags{"-outBalance=round-robin", "-outCheck=/status/204?well=1",
                                     "-outCheckInterval=200ms"});
  ASSERT_TRUE(fleet.proxy().started());
  fleet.origin(1).set_mood(Origin::Mood::kFails);
  ASSERT_TRUE(becomes(fleet.process(), "endpointsInService", 1));
  // Three checks, the first of them within the first interval.
  EXPECT_TRUE(watch.has_run(2 * 180ms));
  EXPECT_GE(fleet.process().expvar("checksFailed"), 3);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(fleet.status(), 200);
  EXPECT_EQ(fleet.origin(1).counters().of(PathKind::kBytes), 0u);
  fleet.origin(1).set_mood(Origin::Mood::kWell);
  ASSERT_TRUE(becomes(fleet.process(), "endpointsInService", 2));
  fleet.send(10);
  EXPECT_TRUE(fleet.origin(1).wait_for(
      [](const OriginCounters& c) { return c.of(PathKind::kBytes) == 5; }));
}

TEST(FlagsBalancing, OutCheckIntervalIsThePauseBetweenChecks) {
  Fleet fleet(1, {"-outCheck=/bytes/1", "-outCheckInterval=100ms"});
  ASSERT_TRUE(fleet.proxy().started());
  const auto checked = [&](uint64_t times) {
    return fleet.origin(0).wait_for([=](const OriginCounters& c) { return c.requests >= times; });
  };
  ASSERT_TRUE(checked(1));
  const Stopwatch watch;
  ASSERT_TRUE(checked(5));
  EXPECT_TRUE(watch.has_run(4 * 90ms));
}

// The share of an endpoint that has come back a moment ago, of 40 requests.
uint64_t share_after_return(const std::string& slow_start) {
  Fleet fleet(2, kNoEjection + Flags{"-outBalance=round-robin", "-outCheck=/status/204",
                                     "-outCheckInterval=50ms", "-outSlowStart=" + slow_start});
  EXPECT_TRUE(fleet.proxy().started());
  fleet.origin(1).set_mood(Origin::Mood::kFails);
  EXPECT_TRUE(becomes(fleet.process(), "endpointsInService", 1));
  fleet.origin(1).set_mood(Origin::Mood::kWell);
  EXPECT_TRUE(becomes(fleet.process(), "endpointsInService", 2));
  const auto seen = [&](size_t index) {
    return fleet.origin(index).counters().of(PathKind::kBytes);
  };
  fleet.send(40);
  EXPECT_TRUE(wait_until([&] { return seen(0) + seen(1) == 40; }));
  return seen(1);
}

TEST(FlagsBalancing, OutSlowStartGivesASmallShareFirst) {
  EXPECT_EQ(share_after_return("0s"), 20u);
  EXPECT_LE(share_after_return("10m"), 10u);
}

// A POST is not repeated, so each is one result of one endpoint.
const std::string kPost = post_text("x");

uint64_t failures_before_ejection(const std::string& failures, const std::string& ratio) {
  Fleet fleet(
      2, {"-outBalance=round-robin", "-outEjectFailures=" + failures, "-outEjectRatio=" + ratio});
  fleet.origin(1).set_mood(Origin::Mood::kFails);
  fleet.send(60, kPost);
  return fleet.requests(60)[1];
}

// An endpoint that is out may be probed by a POST when no other request has come for a second.
TEST(FlagsBalancing, OutEjectFailuresIsTheNumberInARow) {
  const uint64_t two = failures_before_ejection("2", "0");
  EXPECT_GE(two, 2u);
  EXPECT_LE(two, 5u);
  EXPECT_EQ(failures_before_ejection("0", "0"), 30u) << "0: never";
}

TEST(FlagsBalancing, OutEjectRatioIsTheShareOfFailures) {
  const uint64_t all = failures_before_ejection("0", "80");
  EXPECT_GE(all, 20u) << "below 20 requests the ratio says nothing";
  EXPECT_LE(all, 23u);
}

TEST(FlagsBalancing, OutEjectShareIsTheMostThatMayBeLeftAlone) {
  const auto in_service = [](const std::string& share) {
    Fleet fleet(3, {"-outBalance=round-robin", "-outEjectFailures=2", "-outEjectRatio=0",
                    "-outEjectShare=" + share});
    fleet.origin(0).set_mood(Origin::Mood::kFails);
    fleet.origin(1).set_mood(Origin::Mood::kFails);
    fleet.send(12, kPost);
    return fleet.process().expvar("endpointsInService");
  };
  EXPECT_EQ(in_service("0"), 3);
  EXPECT_EQ(in_service("34"), 2);
  EXPECT_EQ(in_service("100"), 1);
}

TEST(FlagsBalancing, OutRetriesIsTheNumberOfFurtherAttempts) {
  for (const uint64_t retries : {0u, 1u, 2u}) {
    Fleet fleet(3, kNoEjection + Flags{"-outRetries=" + std::to_string(retries)});
    fleet.set_all(Origin::Mood::kFails);
    EXPECT_EQ(fleet.status(), 500);
    fleet.requests(1 + retries);
    EXPECT_EQ(fleet.requests_in_all(), 1 + retries);
    EXPECT_EQ(fleet.process().expvar("retries"), static_cast<int64_t>(retries));
  }
}

TEST(FlagsBalancing, OutRetryBudgetBoundsRepeats) {
  const auto refused = [](const std::string& percent) {
    Fleet fleet(2, kNoEjection + Flags{"-outRetries=1", "-outRetryBudget=" + percent});
    fleet.set_all(Origin::Mood::kFails);
    fleet.send(300);
    return fleet.process().expvar("retriesRefused");
  };
  EXPECT_GE(refused("0"), 1);
  EXPECT_EQ(refused("100"), 0);
}

TEST(FlagsBalancing, OutTryTimeoutIsTheWaitForOneAttempt) {
  Fleet fleet(
      2, kNoEjection + Flags{"-outBalance=round-robin", "-outTryTimeout=300ms", "-outTimeout=60s"});
  ASSERT_TRUE(fleet.proxy().started());
  fleet.origin(0).set_mood(Origin::Mood::kHangs);
  const Stopwatch watch;
  // One of two comes to the origin that hangs.
  fleet.send(2);
  EXPECT_TRUE(fleet.origin(0).wait_for([](const OriginCounters& c) { return c.requests >= 1; }));
  EXPECT_TRUE(watch.has_run(300ms));
  EXPECT_GE(fleet.process().expvar("retries"), 1);
}

}  // namespace
}  // namespace httpteleport::test
