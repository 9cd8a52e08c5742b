#include "upstream/ejection.h"

#include <gtest/gtest.h>

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{1h};
constexpr Ejection::Options kOptions{
    .first_pause = 500ms, .pause_max = 10s, .connect_failures_max = 1, .failures_max = 3};

TEST(Ejection, AdmitsAnyNumberUntilAFailure) {
  const Ejection ejection(kOptions);
  EXPECT_TRUE(ejection.admits(kStart));
  EXPECT_FALSE(ejection.is_out());
}

TEST(Ejection, TakesAnEndpointOutAfterSoManyFailuresOfAKind) {
  struct Case {
    Code code;
    int failures_to_be_out;  // 0: never
  };
  for (const Case& one :
       {Case{Code::kConnectFailed, 1}, Case{Code::kConnectionLost, 3}, Case{Code::kTruncated, 3},
        Case{Code::kMalformed, 3}, Case{Code::kTimeout, 0}, Case{Code::kNotSent, 0}}) {
    Ejection ejection(kOptions);
    for (int failures = 1; failures <= 10; ++failures) {
      ejection.on_failure(one.code, kStart);
      const bool out = one.failures_to_be_out > 0 && failures >= one.failures_to_be_out;
      EXPECT_EQ(ejection.is_out(), out) << code_name(one.code) << " " << failures;
      EXPECT_EQ(ejection.admits(kStart), !out) << code_name(one.code) << " " << failures;
    }
  }
}

TEST(Ejection, TriesAsManyConnectsAsThereAreAddresses) {
  Ejection::Options options = kOptions;
  options.connect_failures_max = 2;
  Ejection ejection(options);
  ejection.on_failure(Code::kConnectFailed, kStart);
  EXPECT_FALSE(ejection.is_out());
  ejection.on_failure(Code::kConnectFailed, kStart);
  EXPECT_TRUE(ejection.is_out());
}

TEST(Ejection, ForgetsFailuresAfterASuccess) {
  Ejection ejection(kOptions);
  for (int i = 0; i < 10; ++i) {
    ejection.on_failure(Code::kConnectionLost, kStart);
    ejection.on_failure(Code::kConnectionLost, kStart);
    ejection.on_success();
  }
  EXPECT_FALSE(ejection.is_out());
}

TEST(Ejection, LetsOneProbeAtATimeThroughAfterThePause) {
  Ejection ejection(kOptions);
  EXPECT_FALSE(ejection.try_begin_probe(kStart)) << "nothing to find out";
  ejection.on_failure(Code::kConnectFailed, kStart);
  EXPECT_EQ(ejection.paused_until(), kStart + 500ms);
  EXPECT_FALSE(ejection.admits(kStart + 499ms));
  EXPECT_FALSE(ejection.try_begin_probe(kStart + 499ms));
  EXPECT_TRUE(ejection.admits(kStart + 500ms));
  EXPECT_TRUE(ejection.try_begin_probe(kStart + 500ms));
  EXPECT_FALSE(ejection.admits(kStart + 500ms));
  EXPECT_FALSE(ejection.try_begin_probe(kStart + 500ms));
  ejection.end_probe();
  EXPECT_TRUE(ejection.admits(kStart + 500ms));
  ejection.on_success();
  EXPECT_TRUE(ejection.admits(kStart + 500ms));
  EXPECT_FALSE(ejection.is_out());
}

TEST(Ejection, DoesNotCountWhatIsNotTheEndpointsFault) {
  for (const Code code : {Code::kTimeout, Code::kNotSent, Code::kHeadTooLarge, Code::kBodyTooLarge,
                          Code::kOverloaded, Code::kCancelled}) {
    Ejection ejection(kOptions);
    for (int i = 0; i < 20; ++i)
      ejection.on_failure(code, kStart);
    EXPECT_FALSE(ejection.is_out()) << code_name(code);
  }
}

TEST(Ejection, DoublesThePauseWithEachFailedProbeUpToTheLimit) {
  Ejection ejection(kOptions);
  TimePoint now = kStart;
  for (const Duration pause : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 10'000ms, 10'000ms}) {
    ejection.on_failure(Code::kConnectFailed, now);
    EXPECT_EQ(ejection.paused_until() - now, pause);
    now = ejection.paused_until();
  }
  // And so on for ever, without an overflow.
  for (int i = 0; i < 100; ++i) {
    ejection.on_failure(Code::kConnectionLost, now);
    EXPECT_EQ(ejection.paused_until() - now, Duration(10s));
    now = ejection.paused_until();
  }
  ejection.on_success();
  ejection.on_failure(Code::kConnectFailed, now);
  EXPECT_EQ(ejection.paused_until() - now, Duration(500ms));
}

TEST(Ejection, CountsExchangesThatFailTogetherOnce) {
  Ejection ejection(kOptions);
  for (int i = 0; i < 50; ++i)
    ejection.on_failure(Code::kConnectFailed, kStart + i * 1ms);
  EXPECT_EQ(ejection.paused_until(), kStart + 500ms);
}

}  // namespace
}  // namespace httpteleport::upstream
