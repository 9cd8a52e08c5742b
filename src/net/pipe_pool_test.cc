#include "net/pipe_pool.h"

#include <gtest/gtest.h>

#include <csignal>
#include <utility>
#include <vector>

namespace httpteleport::net {
namespace {

TEST(PipePool, BoundsThePipesThatAreOut) {
  std::signal(SIGPIPE, SIG_IGN);  // as every program with a pool does
  PipePool pool;
  std::vector<Pipe> pipes;
  while (pipes.size() < PipePool::kPipesMax) {
    pipes.push_back(pool.take());
    ASSERT_TRUE(pipes.back().is_open()) << pipes.size();
  }
  EXPECT_FALSE(pool.take().is_open());
  EXPECT_EQ(pool.out(), PipePool::kPipesMax);
  pool.give_back(std::move(pipes.back()), true);
  EXPECT_TRUE(pool.take().is_open());
}

}  // namespace
}  // namespace httpteleport::net
