#include "upstream/balancer/least_loaded.h"

#include <gtest/gtest.h>

#include <vector>

namespace httpteleport::upstream {
namespace {

TEST(LeastLoaded, PicksTheLeastPendingWorkPerWeight) {
  struct Case {
    const char* what;
    std::vector<EndpointLoad> loads;
    size_t start;
    std::optional<size_t> choice;
  };
  const std::vector<Case> cases{
      {"nobody", {}, 0, std::nullopt},
      {"one", {{.pending = 9}}, 0, 0},
      {"the idle one", {{.pending = 1}, {.pending = 0}, {.pending = 2}}, 0, 1},
      {"first of equals", {{.pending = 1}, {.pending = 1}, {.pending = 1}}, 0, 0},
      {"first of equals at start", {{.pending = 1}, {.pending = 1}, {.pending = 1}}, 1, 1},
      {"ties wrap around", {{.pending = 0}, {.pending = 0}, {.pending = 3}}, 2, 0},
      {"start does not beat load", {{.pending = 0}, {.pending = 1}}, 1, 0},
      {"weight counts", {{.pending = 1, .weight = 1}, {.pending = 2, .weight = 4}}, 0, 1},
      {"equal per weight", {{.pending = 1, .weight = 1}, {.pending = 4, .weight = 4}}, 1, 1},
      {"idle ones are equal whatever their weight",
       {{.pending = 0, .weight = 1}, {.pending = 0, .weight = 256}},
       0,
       0},
      {"not eligible", {{.pending = 0, .eligible = false}, {.pending = 7}}, 0, 1},
      {"none eligible", {{.eligible = false}, {.eligible = false}}, 1, std::nullopt},
      {"no overflow", {{.pending = 0xffffffff, .weight = 256}, {.pending = 0xfffffffe}}, 0, 0},
  };
  for (const Case& one : cases)
    EXPECT_EQ(pick_least_loaded(one.loads, one.start), one.choice) << one.what;
}

TEST(LeastLoaded, SpreadsTiesEvenlyWhenTheStartAdvances) {
  const std::vector<EndpointLoad> loads(5);
  std::vector<int> picked(5);
  for (size_t i = 0; i < 100; ++i)
    ++picked[*pick_least_loaded(loads, i % 5)];
  EXPECT_EQ(picked, std::vector<int>(5, 20));
}

TEST(LeastLoaded, FillsEndpointsInProportionToTheirWeight) {
  std::vector<EndpointLoad> loads{{.weight = 1}, {.weight = 2}, {.weight = 5}};
  for (size_t i = 0; i < 800; ++i)
    ++loads[*pick_least_loaded(loads, i % 3)].pending;
  EXPECT_NEAR(loads[0].pending, 100, 1);
  EXPECT_NEAR(loads[1].pending, 200, 1);
  EXPECT_NEAR(loads[2].pending, 500, 1);
}

}  // namespace
}  // namespace httpteleport::upstream
