#include "net/client_buckets.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <deque>
#include <map>

#include "base/random.h"

namespace httpteleport::net {
namespace {

using namespace std::chrono_literals;
using Answer = ClientBuckets::Answer;
using Rate = ClientBuckets::Rate;

constexpr TimePoint kStart{1000h};

Address v4(uint32_t ip, uint16_t port = 1) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(ip);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

Address v6(const char* ip) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, ip, &address.sin6_addr), 1);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

ClientBuckets::Limits rate_of(int64_t per_second, int64_t burst) {
  return {.rates = {TokenRate(per_second, burst), TokenRate()}};
}

TEST(ClientBuckets, LimitsWhatIsOpenOfEachClient) {
  ClientBuckets clients({.open_max = 2});
  const auto enter = [&](uint32_t ip) { return clients.enter(v4(ip), Rate::kConnections, kStart); };
  const ClientBuckets::Admission first = enter(1);
  EXPECT_EQ(first.answer, Answer::kAdmitted);
  EXPECT_EQ(enter(1).answer, Answer::kAdmitted);
  EXPECT_EQ(enter(1).answer, Answer::kTooMany);
  EXPECT_EQ(enter(2).answer, Answer::kAdmitted);
  clients.leave(first.slot);
  EXPECT_EQ(enter(1).answer, Answer::kAdmitted);
  EXPECT_EQ(enter(1).answer, Answer::kTooMany);
  clients.set_limits({.open_max = 3});
  EXPECT_EQ(enter(1).answer, Answer::kAdmitted);
}

TEST(ClientBuckets, LimitsHowOftenEachClientComes) {
  ClientBuckets clients(rate_of(10, 2));
  const auto take = [&](uint32_t ip, TimePoint now) {
    return clients.take(v4(ip), Rate::kConnections, now);
  };
  EXPECT_EQ(take(1, kStart).answer, Answer::kAdmitted);
  EXPECT_EQ(clients.enter(v4(1, 2), Rate::kConnections, kStart).answer, Answer::kAdmitted);
  const ClientBuckets::Admission refused = take(1, kStart);
  EXPECT_EQ(refused.answer, Answer::kTooOften);
  EXPECT_EQ(refused.retry_after, 100ms);
  EXPECT_EQ(clients.enter(v4(1), Rate::kConnections, kStart).answer, Answer::kTooOften);
  EXPECT_EQ(clients.take(v4(1), Rate::kRequests, kStart).answer, Answer::kAdmitted);
  EXPECT_EQ(take(2, kStart).answer, Answer::kAdmitted);
  EXPECT_EQ(take(1, kStart + 100ms).answer, Answer::kAdmitted);
}

TEST(ClientBuckets, KnowsClientsByWhatTheyCannotChoose) {
  ClientBuckets clients(rate_of(1, 1));
  const auto take = [&](const Address& client) {
    return clients.take(client, Rate::kConnections, kStart).answer;
  };
  EXPECT_EQ(take(v4(0x0a000001, 1)), Answer::kAdmitted);
  EXPECT_EQ(take(v4(0x0a000001, 2)), Answer::kTooOften);
  EXPECT_EQ(take(v6("::ffff:10.0.0.1")), Answer::kTooOften);
  EXPECT_EQ(take(v6("2001:db8:0:1::1")), Answer::kAdmitted);
  EXPECT_EQ(take(v6("2001:db8:0:1:ffff::2")), Answer::kTooOften);
  EXPECT_EQ(take(v6("2001:db8:0:2::1")), Answer::kAdmitted);
  const Address unix_client = *Address::unix_path("/x");
  EXPECT_EQ(take(unix_client), Answer::kAdmitted);
  EXPECT_EQ(take(unix_client), Answer::kAdmitted);
  clients.leave(clients.enter(unix_client, Rate::kRequests, kStart).slot);
  EXPECT_EQ(clients.size(), 3u);
}

TEST(ClientBuckets, ForgetsTheClientThatHasBeenIdleLongest) {
  ClientBuckets clients(rate_of(1, 1), 3);
  const auto take = [&](uint32_t ip) {
    return clients.take(v4(ip), Rate::kConnections, kStart).answer;
  };
  for (const uint32_t ip : {1u, 2u, 3u})
    EXPECT_EQ(take(ip), Answer::kAdmitted);
  EXPECT_EQ(take(1), Answer::kTooOften) << "and is the newest now";
  EXPECT_EQ(take(4), Answer::kAdmitted) << "in the place of 2";
  EXPECT_EQ(take(1), Answer::kTooOften);
  EXPECT_EQ(take(3), Answer::kTooOften);
  EXPECT_EQ(take(2), Answer::kAdmitted) << "in the place of 4";
  EXPECT_EQ(clients.size(), 3u);
}

TEST(ClientBuckets, KeepsClientsThatHaveSomethingOpen) {
  ClientBuckets clients({.open_max = 1}, 2);
  const auto enter = [&](uint32_t ip) { return clients.enter(v4(ip), Rate::kConnections, kStart); };
  const ClientBuckets::Slot first = enter(1).slot;
  enter(2);
  EXPECT_EQ(enter(3).answer, Answer::kCrowded);
  EXPECT_EQ(clients.take(v4(3), Rate::kRequests, kStart).answer, Answer::kCrowded);
  clients.leave(first);
  EXPECT_EQ(enter(3).answer, Answer::kAdmitted);
  EXPECT_EQ(enter(2).answer, Answer::kTooMany);
}

// Against a plain model, with few clients and a small table, so that all cases come often.
TEST(ClientBuckets, IsWhatAListOfClientsWouldBe) {
  constexpr size_t kPlaces = 8;
  Random random(7);
  ClientBuckets clients({.open_max = 2}, kPlaces);
  std::map<uint32_t, int> open;  // of those that are in
  std::deque<uint32_t> idle;     // oldest first
  std::map<uint32_t, std::vector<ClientBuckets::Slot>> slots;
  for (int step = 0; step < 20'000; ++step) {
    const uint32_t ip = random.below(14);
    std::erase(idle, ip);
    if (random.below(2) == 0 && !slots[ip].empty()) {
      clients.leave(slots[ip].back());
      slots[ip].pop_back();
      if (--open[ip] == 0) {
        open.erase(ip);
        idle.push_back(ip);
      }
      continue;
    }
    const bool known = open.contains(ip);
    if (!known && open.size() + idle.size() == kPlaces && !idle.empty()) idle.pop_front();
    const bool crowded = !known && open.size() + idle.size() == kPlaces;
    const ClientBuckets::Admission admission = clients.enter(v4(ip), Rate::kRequests, kStart);
    const Answer expected = crowded         ? Answer::kCrowded
                            : open[ip] == 2 ? Answer::kTooMany
                                            : Answer::kAdmitted;
    ASSERT_EQ(admission.answer, expected) << "step " << step;
    if (expected == Answer::kAdmitted) {
      ++open[ip];
      slots[ip].push_back(admission.slot);
    }
    if (open[ip] == 0) open.erase(ip);
  }
}

TEST(ClientBuckets, AllocatesNothingOnceItIsFull) {
  constexpr size_t kPlaces = 1000;
  ClientBuckets clients(rate_of(1, 1), kPlaces);
  for (uint32_t ip = 0; ip < kPlaces; ++ip)
    EXPECT_EQ(clients.take(v4(ip), Rate::kRequests, kStart).answer, Answer::kAdmitted);
  const size_t before = mallinfo2().uordblks;
  for (uint32_t ip = 0; ip < 10 * kPlaces; ++ip)
    clients.take(v4(ip * 7919), Rate::kRequests, kStart);
  EXPECT_EQ(mallinfo2().uordblks, before);
  EXPECT_EQ(clients.size(), kPlaces);
}

}  // namespace
}  // namespace httpteleport::net
