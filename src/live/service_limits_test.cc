#include "live/service_limits.h"

#include <gtest/gtest.h>

#include "net/test_net.h"

namespace httpteleport::live {
namespace {

using namespace std::chrono_literals;
using Answer = ServiceLimits::Answer;
using Kind = ServiceLimits::Kind;

const net::Address kClient = net::loopback(1);

TEST(ServiceLimits, LetsEverythingPassWithoutLimits) {
  ServiceLimits limits;
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(limits.enter(kClient, Kind::kRequests, TimePoint{1h}).answer, Answer::kAdmitted);
}

TEST(ServiceLimits, BoundsWhatIsOpen) {
  ServiceLimits limits;
  limits.set({.connections = 2}, {});
  const auto first = limits.enter(kClient, Kind::kRequests, TimePoint{1h});
  const auto second = limits.enter(kClient, Kind::kConnections, TimePoint{1h});
  ASSERT_EQ(second.answer, Answer::kAdmitted);
  EXPECT_EQ(limits.enter(kClient, Kind::kRequests, TimePoint{1h}).answer, Answer::kServiceFull);
  limits.leave(first.ticket);
  const auto third = limits.enter(kClient, Kind::kRequests, TimePoint{1h});
  EXPECT_EQ(third.answer, Answer::kAdmitted);
  limits.leave(second.ticket);
  limits.leave(third.ticket);
}

TEST(ServiceLimits, BoundsWhatBeginsAndSaysWhenToComeAgain) {
  ServiceLimits limits;
  limits.set({.requests_per_second = 2}, {});
  EXPECT_EQ(limits.enter(kClient, Kind::kRequests, TimePoint{1h}).answer, Answer::kAdmitted);
  EXPECT_EQ(limits.enter(kClient, Kind::kRequests, TimePoint{1h}).answer, Answer::kAdmitted);
  const auto third = limits.enter(kClient, Kind::kRequests, TimePoint{1h});
  EXPECT_EQ(third.answer, Answer::kServiceRate);
  EXPECT_EQ(third.retry_after, 500ms);
  EXPECT_EQ(limits.enter(kClient, Kind::kConnections, TimePoint{1h}).answer, Answer::kAdmitted)
      << "connections have a rate of their own";
  EXPECT_EQ(limits.enter(kClient, Kind::kRequests, TimePoint{1h} + 500ms).answer,
            Answer::kAdmitted);
}

TEST(ServiceLimits, BoundsEachClientApart) {
  ServiceLimits limits;
  limits.set({}, {.connections = 1, .requests_per_second = 1});
  const net::Address other = *net::resolve_listen({.host = "127.0.0.2", .port = 1});
  const auto first = limits.enter(kClient, Kind::kConnections, TimePoint{1h});
  ASSERT_EQ(first.answer, Answer::kAdmitted);
  EXPECT_EQ(limits.enter(kClient, Kind::kConnections, TimePoint{1h}).answer, Answer::kClientFull);
  const auto of_other = limits.enter(other, Kind::kConnections, TimePoint{1h});
  EXPECT_EQ(of_other.answer, Answer::kAdmitted);
  limits.leave(first.ticket);
  const auto request = limits.enter(kClient, Kind::kRequests, TimePoint{1h});
  EXPECT_EQ(request.answer, Answer::kAdmitted);
  limits.leave(request.ticket);
  EXPECT_EQ(limits.enter(kClient, Kind::kRequests, TimePoint{1h}).answer, Answer::kClientRate);
  limits.leave(of_other.ticket);
}

TEST(ServiceLimits, ForgetsNothingThatIsOpenWhenLimitsChange) {
  ServiceLimits limits;
  const auto before = limits.enter(kClient, Kind::kRequests, TimePoint{1h});
  limits.set({.connections = 1}, {});
  const auto first = limits.enter(kClient, Kind::kRequests, TimePoint{1h});
  ASSERT_EQ(first.answer, Answer::kAdmitted) << "what began without limits is not counted";
  limits.leave(before.ticket);
  limits.set({.connections = 2}, {});
  const auto second = limits.enter(kClient, Kind::kRequests, TimePoint{1h});
  EXPECT_EQ(second.answer, Answer::kAdmitted);
  EXPECT_EQ(limits.enter(kClient, Kind::kRequests, TimePoint{1h}).answer, Answer::kServiceFull);
  limits.set({}, {});
  limits.leave(first.ticket);
  limits.leave(second.ticket);
  limits.set({.connections = 1}, {});
  EXPECT_EQ(limits.enter(kClient, Kind::kRequests, TimePoint{1h}).answer, Answer::kAdmitted);
}

}  // namespace
}  // namespace httpteleport::live
