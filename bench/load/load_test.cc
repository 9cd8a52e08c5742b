#include <gmock/gmock.h>

#include <chrono>

#include "load/latencies.h"
#include "load/pace.h"
#include "load/pairs.h"

namespace httpteleport::bench {
namespace {

using std::chrono::nanoseconds;

TEST(Pace, SpreadsRequestsEvenlyFromTheStart) {
  const Pace::Clock::time_point start{std::chrono::hours(1)};
  Pace pace(start, 4);
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(pace.take() - start, std::chrono::milliseconds(250 * i));
  EXPECT_EQ(pace.taken(), 9U);
}

TEST(Pace, DoesNotDriftAtARateThatDividesNoSecond) {
  const Pace::Clock::time_point start{};
  Pace pace(start, 30'000);
  for (int i = 0; i < 30'000 * 100; ++i)
    pace.take();
  EXPECT_EQ(pace.next() - start, std::chrono::seconds(100));
}

TEST(Pace, KeepsTheTimesOfRequestsThatAreTakenLate) {
  const Pace::Clock::time_point start{};
  Pace pace(start, 1000);
  const auto late = start + std::chrono::milliseconds(5);
  int taken = 0;
  while (pace.is_due(late))
    EXPECT_EQ(pace.take() - start, std::chrono::milliseconds(taken++));
  EXPECT_EQ(taken, 6);
  EXPECT_EQ(pace.next() - start, std::chrono::milliseconds(6));
}

TEST(Latencies, AreZeroWhenThereAreNone) {
  EXPECT_EQ(Latencies().at(0.5), 0U);
}

TEST(Latencies, GiveThePartThatIsAskedFor) {
  Latencies latencies;
  for (uint64_t us = 1; us <= 1000; ++us)
    latencies.add(us);
  EXPECT_EQ(latencies.count(), 1000U);
  for (const double part : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double exact = part * 1000;
    EXPECT_GE(static_cast<double>(latencies.at(part)), exact);
    EXPECT_LE(static_cast<double>(latencies.at(part)), exact * 1.016 + 1) << part;
  }
}

TEST(Latencies, KeepEveryValueWithinItsBucket) {
  for (uint64_t us = 0; us < 60'000'000; us += 1 + us / 97) {
    Latencies latencies;
    latencies.add(us);
    EXPECT_GE(latencies.at(1), us);
    EXPECT_LE(static_cast<double>(latencies.at(1)), static_cast<double>(us) * 1.016);
  }
}

TEST(Latencies, TakeWhatIsOverTheirRangeForTheMost) {
  Latencies latencies;
  latencies.add(~uint64_t{0});
  EXPECT_GT(latencies.at(1), 60'000'000U);
}

constexpr std::string_view kRequest =
    "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\naccept-encoding: gzip\r\nX-Request-Id: "
    "7\r\n"
    "Content-Length: 3\r\n\r\nabc";
constexpr std::string_view kResponse =
    "HTTP/1.1 201 Created\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok";

std::string file_of(std::string_view request, std::string_view response) {
  std::string file(kPairsMagic);
  append_pair(file, request, response);
  return file;
}

TEST(Pairs, KeepWhatIsEndToEndAndNothingElse) {
  std::string error;
  const auto pairs = parse_pairs(file_of(kRequest, kResponse), 10, error);
  ASSERT_TRUE(pairs) << error;
  ASSERT_EQ(pairs->size(), 1U);
  EXPECT_EQ(pairs->front().request,
            "POST /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: 7\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(pairs->front().response, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(pairs->front().response_body(), "ok");
  EXPECT_EQ(pairs->front().key, key_of("POST", "/a", "7", "abc"));
}

TEST(Pairs, AreReadInOrderUpToTheLimit) {
  std::string file(kPairsMagic);
  for (const char* target : {"/1", "/2", "/3"})
    append_pair(file, std::string("GET ") + target + " HTTP/1.1\r\nHost: x\r\n\r\n",
                "HTTP/1.1 204 No Content\r\n\r\n");
  std::string error;
  const auto pairs = parse_pairs(file, 2, error);
  ASSERT_TRUE(pairs) << error;
  ASSERT_EQ(pairs->size(), 2U);
  EXPECT_EQ((*pairs)[1].key, key_of("GET", "/2", "", ""));
}

TEST(Pairs, RefuseAFileThatIsCutAnywhere) {
  const std::string file = file_of(kRequest, kResponse);
  for (size_t size = 0; size < file.size(); ++size) {
    std::string error;
    EXPECT_FALSE(parse_pairs(std::string_view(file).substr(0, size), 10, error)) << size;
    EXPECT_FALSE(error.empty());
  }
}

TEST(Pairs, RefuseMessagesWhoseLengthIsNotTheirs) {
  std::string error;
  for (const auto& [request, response] : {
           std::pair{std::string(kRequest) + "d", std::string(kResponse)},
           std::pair{std::string(kRequest), std::string(kResponse) + "!"},
           std::pair{std::string("GET / HTTP/1.1\r\nHost: x\r\n"), std::string(kResponse)},
           std::pair{std::string(kRequest), std::string("hello\r\n\r\n")},
       }) {
    EXPECT_FALSE(parse_pairs(file_of(request, response), 10, error)) << request << response;
  }
}

}  // namespace
}  // namespace httpteleport::bench
