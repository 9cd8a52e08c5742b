#include "server/placement.h"

#include <gtest/gtest.h>

#include <vector>

namespace httpteleport::server {
namespace {

TEST(Placement, SpreadsIdleConnectionsByCount) {
  std::vector<WorkerLoad> loads(3);
  for (int i = 0; i < 9; ++i)
    ++loads[place_connection(loads)].connections;
  for (const WorkerLoad& load : loads)
    EXPECT_EQ(load.connections, 3u);
}

TEST(Placement, PrefersTheWorkerWithoutTraffic) {
  const std::vector<WorkerLoad> loads = {{.messages_per_second = 9000, .connections = 1},
                                         {.messages_per_second = 0, .connections = 5}};
  EXPECT_EQ(place_connection(loads), 1u);
}

TEST(Placement, TakesTrafficWithinAFactorOfTwoForEqual) {
  const std::vector<WorkerLoad> loads = {{.messages_per_second = 1100, .connections = 2},
                                         {.messages_per_second = 1900, .connections = 1}};
  EXPECT_EQ(place_connection(loads), 1u);
}

}  // namespace
}  // namespace httpteleport::server
