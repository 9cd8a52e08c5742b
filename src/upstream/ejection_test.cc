#include "upstream/ejection.h"

#include <gtest/gtest.h>

#include <list>

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{1h};

// A cluster's endpoints, of which most tests look at the first.
class EjectionTest : public testing::Test {
 protected:
  Ejection& add(size_t addresses = 1) { return all_.emplace_back(options_, group_, addresses); }
  // An endpoint with so many others.
  Ejection& with_others(size_t others, size_t addresses = 1) {
    Ejection& first = add(addresses);
    for (size_t i = 0; i < others; ++i)
      add();
    return first;
  }
  static void fail(Ejection& ejection, int times, TimePoint now = kStart) {
    for (int i = 0; i < times; ++i)
      ejection.on_bad(now, false);
  }

  metrics::WorkerMetrics metrics_;
  EjectionGroup group_{.metrics = metrics_};
  Ejection::Options options_{.failures_max = 3};
  std::list<Ejection> all_;
};

TEST_F(EjectionTest, KnowsWhatIsTheEndpointsFault) {
  for (const Code code :
       {Code::kConnectionLost, Code::kTruncated, Code::kMalformed, Code::kBadVersion})
    EXPECT_TRUE(is_bad_result(code)) << code_name(code);
  for (const Code code : {Code::kTimeout, Code::kNotSent, Code::kHeadTooLarge, Code::kBodyTooLarge,
                          Code::kOverloaded, Code::kCancelled, Code::kConnectFailed})
    EXPECT_FALSE(is_bad_result(code)) << code_name(code);
  for (const int status : {500, 502, 503, 504})
    EXPECT_TRUE(is_bad_status(status)) << status;
  for (const int status : {200, 302, 404, 429, 499, 501, 505, 507, 511})
    EXPECT_FALSE(is_bad_status(status)) << status;
}

TEST_F(EjectionTest, TakesOutWhoRefusesAtOnceEvenTheLastOne) {
  Ejection& only = add();
  only.on_connect_failed(kStart, false);
  EXPECT_TRUE(only.is_out());
  EXPECT_EQ(metrics_.endpoints_in_service.value(), 0);
  EXPECT_EQ(metrics_.endpoints.value(), 1);
  EXPECT_EQ(metrics_.ejections.value(), 1u);
}

TEST_F(EjectionTest, TriesAsManyConnectsAsThereAreAddresses) {
  Ejection& ejection = add(2);
  ejection.on_connect_failed(kStart, false);
  ejection.on_good(kStart, false);
  ejection.on_connect_failed(kStart, false);
  EXPECT_FALSE(ejection.is_out());
  ejection.on_connect_failed(kStart, false);
  EXPECT_TRUE(ejection.is_out());
}

TEST_F(EjectionTest, TakesOutAfterSoManyBadResultsInARow) {
  Ejection& ejection = with_others(1);
  fail(ejection, 2);
  ejection.on_good(kStart, false);
  fail(ejection, 2);
  EXPECT_FALSE(ejection.is_out());
  fail(ejection, 1);
  EXPECT_TRUE(ejection.is_out());
  EXPECT_EQ(metrics_.endpoints_in_service.value(), 1);
}

TEST_F(EjectionTest, TakesOutByTheShareOfBadResultsInTenSeconds) {
  Ejection& ejection = with_others(1);
  for (int i = 0; i < 9; ++i) {
    fail(ejection, 1);
    ejection.on_good(kStart, false);
  }
  ejection.on_good(kStart + 5s, false);
  EXPECT_FALSE(ejection.is_out()) << "19 results say nothing";
  fail(ejection, 1, kStart + 5s);
  EXPECT_TRUE(ejection.is_out()) << "10 of 20";

  Ejection& other = *std::next(all_.begin());
  for (int i = 0; i < 100; ++i) {
    fail(other, 1, kStart + i * 1s);
    other.on_good(kStart + i * 1s, false);
  }
  EXPECT_FALSE(other.is_out()) << "never 20 in ten seconds, and out it would be one too many";
}

TEST_F(EjectionTest, CountsBadResultsOnlyAsFarAsItIsTold) {
  options_.failures_max = options_.ratio_percent_max = 0;
  Ejection& ejection = with_others(3);
  fail(ejection, 1000);
  EXPECT_FALSE(ejection.is_out());
  ejection.on_connect_failed(kStart, false);
  EXPECT_TRUE(ejection.is_out());
}

TEST_F(EjectionTest, LeavesAShareOfTheEndpointsInServiceHoweverBadTheyAre) {
  struct Case {
    size_t endpoints;
    uint32_t share;
    size_t out;
  };
  for (const Case& one : {Case{1, 50, 0}, Case{2, 50, 1}, Case{3, 50, 1}, Case{4, 50, 2},
                          Case{3, 100, 3}, Case{3, 0, 0}, Case{10, 30, 3}}) {
    all_.clear();
    options_.share_percent_max = one.share;
    with_others(one.endpoints - 1);
    for (Ejection& ejection : all_)
      fail(ejection, 100);
    EXPECT_EQ(group_.out, one.out) << one.endpoints << " " << one.share;
  }
}

TEST_F(EjectionTest, LetsOneProbeAtATimeThroughAfterThePause) {
  Ejection& ejection = with_others(1);
  EXPECT_FALSE(ejection.wants_probe(kStart, true)) << "nothing to find out";
  fail(ejection, 3);
  EXPECT_EQ(ejection.paused_until(), kStart + 500ms);
  EXPECT_FALSE(ejection.wants_probe(kStart + 499ms, true));
  EXPECT_TRUE(ejection.wants_probe(kStart + 500ms, true));
  ejection.begin_probe();
  EXPECT_FALSE(ejection.wants_probe(kStart + 500ms, true));
  ejection.end_probe();
  EXPECT_TRUE(ejection.wants_probe(kStart + 500ms, true));
  ejection.on_good(kStart + 510ms, true);
  EXPECT_FALSE(ejection.is_out());
}

TEST_F(EjectionTest, WaitsAnotherPauseForAProbeThatCostsNobodyAnything) {
  Ejection& ejection = with_others(1);
  fail(ejection, 3);
  EXPECT_FALSE(ejection.wants_probe(kStart + 999ms, false));
  EXPECT_TRUE(ejection.wants_probe(kStart + 1000ms, false));
}

TEST_F(EjectionTest, BelievesOnlyWhatBeganWhileItWasOut) {
  Ejection& ejection = with_others(1);
  fail(ejection, 3);
  ejection.on_good(kStart + 1s, false);
  EXPECT_TRUE(ejection.is_out());
  fail(ejection, 50, kStart + 1s);
  EXPECT_EQ(ejection.paused_until(), kStart + 500ms) << "they were under way together";
  ejection.on_bad(kStart + 400ms, true);
  EXPECT_EQ(ejection.paused_until(), kStart + 500ms) << "sent because nobody else was left";
  ejection.on_bad(kStart + 1s, true);
  EXPECT_EQ(ejection.paused_until(), kStart + 2s);
}

TEST_F(EjectionTest, DoublesThePauseWithEachFailedProbeUpToTheLimit) {
  Ejection& ejection = add();
  TimePoint now = kStart;
  ejection.on_connect_failed(now, false);
  for (const Duration pause : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 10'000ms, 10'000ms}) {
    EXPECT_EQ(ejection.paused_until() - now, pause);
    now = ejection.paused_until();
    ejection.on_connect_failed(now, true);
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(ejection.paused_until() - now, Duration(10s));
    now = ejection.paused_until();
    ejection.on_bad(now, true);
  }
  ejection.on_good(now, true);
  ejection.on_connect_failed(now, false);
  EXPECT_EQ(ejection.paused_until() - now, Duration(500ms));
}

TEST_F(EjectionTest, StartsAfreshWhenItIsBack) {
  Ejection& ejection = with_others(1);
  fail(ejection, 30);
  ejection.on_good(kStart + 1s, true);
  fail(ejection, 2, kStart + 1s);
  EXPECT_FALSE(ejection.is_out());
}

TEST_F(EjectionTest, GivesTheWeightBackLittleByLittle) {
  options_.slow_start = 10s;
  Ejection& ejection = add();
  EXPECT_EQ(ejection.weight_factor(kStart), 1) << "at the start nobody is slow";
  ejection.on_connect_failed(kStart, false);
  ejection.on_good(kStart + 1s, true);
  EXPECT_DOUBLE_EQ(ejection.weight_factor(kStart + 1s), 0);
  EXPECT_DOUBLE_EQ(ejection.weight_factor(kStart + 6s), 0.5);
  EXPECT_DOUBLE_EQ(ejection.weight_factor(kStart + 11s), 1);
}

TEST_F(EjectionTest, FollowsActiveChecks) {
  Ejection& ejection = add();
  for (const bool good : {false, false, true, false, false}) {
    ejection.on_check(kStart, good);
    EXPECT_FALSE(ejection.is_out());
  }
  ejection.on_check(kStart, false);
  EXPECT_TRUE(ejection.is_out());
  EXPECT_FALSE(ejection.wants_probe(kStart + 1h, true)) << "the checks are the probes";
  ejection.on_good(kStart, true);
  EXPECT_TRUE(ejection.is_out());
  for (const bool good : {true, false, true}) {
    ejection.on_check(kStart, good);
    EXPECT_TRUE(ejection.is_out());
  }
  ejection.on_check(kStart, true);
  EXPECT_FALSE(ejection.is_out());
}

TEST_F(EjectionTest, LetsChecksBringBackWhoRefusedButNotWhoAnsweredBadly) {
  Ejection& refusing = with_others(3);
  Ejection& bad = *std::next(all_.begin());
  refusing.on_connect_failed(kStart, false);
  fail(bad, 3);
  for (int i = 0; i < 2; ++i) {
    refusing.on_check(kStart, true);
    bad.on_check(kStart, true);
  }
  EXPECT_FALSE(refusing.is_out());
  EXPECT_TRUE(bad.is_out());
}

}  // namespace
}  // namespace httpteleport::upstream
