// Every policy but least_loaded, which has a file of its own.
#include "upstream/balancer/balancer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "upstream/balancer/ewma.h"
#include "upstream/balancer/hash.h"
#include "upstream/balancer/round_robin.h"
#include "upstream/balancer/two_choices.h"

namespace httpteleport::upstream {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{1h};
const std::vector<std::string_view> kNames{"a:80", "b:80", "c:80"};

template <class List, class Value>
double count_of(const List& list, const Value& value) {
  return static_cast<double>(std::count(list.begin(), list.end(), value));
}

std::string turns(Balancer& balancer, const std::vector<EndpointLoad>& loads, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const auto choice = balancer.pick({.loads = loads, .now = kStart});
    text += choice ? static_cast<char>('a' + *choice) : '-';
  }
  return text;
}

std::optional<size_t> pick_of(Balancer& balancer, const std::vector<EndpointLoad>& loads) {
  return balancer.pick({.loads = loads, .now = kStart});
}

TEST(Balancer, PicksAnEligibleEndpointOrNoneWhateverThePolicy) {
  for (const Policy policy : {Policy::kLeastLoaded, Policy::kRoundRobin, Policy::kTwoChoices,
                              Policy::kEwma, Policy::kHash}) {
    SCOPED_TRACE(static_cast<int>(policy));
    const auto balancer = make_balancer({.policy = policy, .hash_field = "X", .seed = 7}, kNames);
    std::vector<EndpointLoad> loads(3);
    for (uint64_t key = 0; key < 100; ++key) {
      const size_t away = key % 3;
      loads[away].eligible = false;
      const auto choice =
          balancer->pick({.loads = loads, .start = away, .key = hash_of(std::to_string(key))});
      ASSERT_TRUE(choice);
      EXPECT_NE(*choice, away);
      loads[away].eligible = true;
    }
    for (EndpointLoad& load : loads)
      load.eligible = false;
    EXPECT_FALSE(balancer->pick({.loads = loads, .key = 1}));
    loads[1].eligible = true;
    EXPECT_EQ(balancer->pick({.loads = loads, .key = 1}), 1u);
  }
}

TEST(RoundRobin, TakesTurnsByWeightSmoothly) {
  RoundRobin balancer(3);
  EXPECT_EQ(turns(balancer, {{.weight = 5}, {.weight = 1}, {.weight = 1}}, 14), "aabacaaaabacaa");
  RoundRobin equal(3);
  EXPECT_EQ(turns(equal, std::vector<EndpointLoad>(3), 7), "abcabca");
}

TEST(RoundRobin, GivesNoTurnsToWhoWasAway) {
  RoundRobin balancer(3);
  std::vector<EndpointLoad> loads(3);
  loads[2].eligible = false;
  EXPECT_EQ(turns(balancer, loads, 6), "ababab");
  loads[2].eligible = true;
  const std::string after = turns(balancer, loads, 9);
  EXPECT_EQ(count_of(after, 'c'), 3) << after;
}

TEST(TwoChoices, DrawsByWeight) {
  TwoChoices balancer(42);
  const std::vector<EndpointLoad> loads{{.weight = 1}, {.weight = 1}, {.weight = 8}};
  const std::string text = turns(balancer, loads, 10'000);
  // The first draw stands when both are idle.
  EXPECT_NEAR(count_of(text, 'c'), 8000, 200);
}

TEST(TwoChoices, TakesTheLessLoadedOfTwo) {
  TwoChoices balancer(42);
  const std::vector<EndpointLoad> loads{{.pending = 9}, {.pending = 5}, {.pending = 1}};
  const std::string text = turns(balancer, loads, 3000);
  EXPECT_EQ(count_of(text, 'a'), 0) << "loses to any other";
  EXPECT_NEAR(count_of(text, 'b'), 1000, 100);
}

TEST(TwoChoices, FillsEndpointsEvenly) {
  TwoChoices balancer(42);
  std::vector<EndpointLoad> loads{{.weight = 1}, {.weight = 2}, {.weight = 5}};
  for (int i = 0; i < 8000; ++i)
    ++loads[*balancer.pick({.loads = loads})].pending;
  EXPECT_NEAR(loads[0].pending, 1000, 20);
  EXPECT_NEAR(loads[1].pending, 2000, 20);
  EXPECT_NEAR(loads[2].pending, 5000, 20);
}

TEST(Ewma, PrefersWhoAnswersFaster) {
  Ewma balancer(2);
  const std::vector<EndpointLoad> idle(2);
  balancer.on_answer(0, 10ms, kStart);
  balancer.on_answer(1, 2ms, kStart);
  EXPECT_EQ(balancer.pick({.loads = idle, .now = kStart}), 1u);
  EXPECT_EQ(pick_of(balancer, {{.pending = 0}, {.pending = 3}}), 1u);
  EXPECT_EQ(pick_of(balancer, {{.pending = 0}, {.pending = 5}}), 0u);
  EXPECT_EQ(pick_of(balancer, {{.weight = 10}, {.weight = 1}}), 0u);
}

TEST(Ewma, JumpsToASlowAnswerAndForgetsItSlowly) {
  Ewma balancer(2);
  const std::vector<EndpointLoad> idle(2);
  balancer.on_answer(0, 1ms, kStart);
  balancer.on_answer(1, 2ms, kStart);
  EXPECT_EQ(balancer.pick({.loads = idle, .now = kStart}), 0u);
  balancer.on_answer(0, 100ms, kStart);
  EXPECT_EQ(balancer.pick({.loads = idle, .now = kStart}), 1u);
  balancer.on_answer(0, 1ms, kStart + 1s);
  balancer.on_answer(1, 2ms, kStart + 1s);
  EXPECT_EQ(balancer.pick({.loads = idle, .now = kStart + 1s}), 1u);
  for (int i = 2; i < 60; ++i) {
    balancer.on_answer(0, 1ms, kStart + i * 1s);
    balancer.on_answer(1, 2ms, kStart + i * 1s);
  }
  EXPECT_EQ(balancer.pick({.loads = idle, .now = kStart + 60s}), 0u);
}

TEST(Ewma, TriesWhoWasSlowAgainWhenTimeHasPassed) {
  Ewma balancer(2);
  const std::vector<EndpointLoad> idle(2);
  balancer.on_answer(0, 1s, kStart);
  for (int i = 0; i <= 100; ++i) {
    balancer.on_answer(1, 1ms, kStart + i * 1s);
    if (i <= 10) {
      EXPECT_EQ(balancer.pick({.loads = idle, .now = kStart + i * 1s}), 1u);
    }
  }
  EXPECT_EQ(balancer.pick({.loads = idle, .now = kStart + 100s}), 0u);
}

TEST(Ewma, SpreadsTiesByTheStart) {
  Ewma balancer(3);
  const std::vector<EndpointLoad> idle(3);
  for (size_t start = 0; start < 3; ++start)
    EXPECT_EQ(balancer.pick({.loads = idle, .start = start, .now = kStart}), start);
}

std::vector<size_t> owners(RendezvousHash& balancer, const std::vector<EndpointLoad>& loads) {
  std::vector<size_t> all;
  for (int i = 0; i < 10'000; ++i)
    all.push_back(*balancer.pick({.loads = loads, .key = hash_of("user-" + std::to_string(i))}));
  return all;
}

TEST(RendezvousHash, SharesKeysOutByWeight) {
  RendezvousHash balancer(kNames);
  const auto all = owners(balancer, {{.weight = 1}, {.weight = 1}, {.weight = 2}});
  EXPECT_NEAR(count_of(all, 0u), 2500, 150);
  EXPECT_NEAR(count_of(all, 1u), 2500, 150);
  EXPECT_NEAR(count_of(all, 2u), 5000, 200);
}

TEST(RendezvousHash, MovesOnlyTheKeysOfWhoIsGone) {
  RendezvousHash balancer(kNames);
  const auto before = owners(balancer, std::vector<EndpointLoad>(3));
  const auto after = owners(balancer, {{}, {.eligible = false}, {}});
  int moved_to_first = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] != 1) {
      EXPECT_EQ(after[i], before[i]);
    } else if (after[i] == 0) {
      ++moved_to_first;
    }
  }
  EXPECT_NEAR(moved_to_first, 10'000 / 6, 150) << "the others share them";
}

TEST(RendezvousHash, DoesNotCareForTheOrderOfTheEndpoints) {
  RendezvousHash one(kNames);
  const std::vector<std::string_view> turned{"c:80", "a:80", "b:80"};
  RendezvousHash other(turned);
  const std::vector<EndpointLoad> loads(3);
  for (int i = 0; i < 100; ++i) {
    const uint64_t key = hash_of(std::to_string(i));
    EXPECT_EQ(kNames[*one.pick({.loads = loads, .key = key})],
              turned[*other.pick({.loads = loads, .key = key})]);
  }
}

TEST(RendezvousHash, TakesTheLeastLoadedWithoutAKey) {
  RendezvousHash balancer(kNames);
  EXPECT_EQ(pick_of(balancer, {{.pending = 2}, {.pending = 1}, {.pending = 3}}), 1u);
}

TEST(HashOf, IsTheSameEverywhere) {
  EXPECT_NE(hash_of(""), hash_of(std::string_view("\0", 1)));
  EXPECT_NE(hash_of("ab"), hash_of("ba"));
  EXPECT_EQ(hash_of("user-1"), hash_of(std::string("user-") + "1"));
}

}  // namespace
}  // namespace httpteleport::upstream
