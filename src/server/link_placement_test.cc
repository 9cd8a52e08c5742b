#include "server/link_placement.h"

#include <gtest/gtest.h>

#include <vector>

namespace httpteleport::server {
namespace {

TEST(LinkPlacement, SpreadsIdleLinksByCount) {
  std::vector<WorkerLoad> loads(3);
  for (int i = 0; i < 9; ++i)
    ++loads[place_link(loads)].links;
  for (const WorkerLoad& load : loads)
    EXPECT_EQ(load.links, 3u);
}

TEST(LinkPlacement, PrefersTheWorkerWithoutTraffic) {
  const std::vector<WorkerLoad> loads = {{.messages_per_second = 9000, .links = 1},
                                         {.messages_per_second = 0, .links = 5}};
  EXPECT_EQ(place_link(loads), 1u);
}

TEST(LinkPlacement, TakesTrafficWithinAFactorOfTwoForEqual) {
  const std::vector<WorkerLoad> loads = {{.messages_per_second = 1100, .links = 2},
                                         {.messages_per_second = 1900, .links = 1}};
  EXPECT_EQ(place_link(loads), 1u);
}

}  // namespace
}  // namespace httpteleport::server
