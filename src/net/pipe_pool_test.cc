#include "net/pipe_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace httpteleport::net {
namespace {

// While it lives, the process may have so many descriptors.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t count) {
    HT_ASSERT(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit limit{.rlim_cur = count, .rlim_max = before_.rlim_max};
    HT_ASSERT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  }
  ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(PipePool, BoundsThePipesThatAreOut) {
  const DescriptorLimit limit(10 * 2 * PipePool::kPipesMax);
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

TEST(PipePool, LeavesMostDescriptorsToConnections) {
  const DescriptorLimit limit(1024);
  std::signal(SIGPIPE, SIG_IGN);
  PipePool pool;
  std::vector<Pipe> pipes;
  for (;;) {
    Pipe pipe = pool.take();
    if (!pipe.is_open()) break;
    pipes.push_back(std::move(pipe));
  }
  EXPECT_GT(pipes.size(), 20u);
  EXPECT_LE(pipes.size(), 64u);
  EXPECT_EQ(pool.out(), pipes.size());
}

TEST(PipePool, GivesNoneWhereASignalWouldEndTheProcess) {
  const auto before = std::signal(SIGPIPE, SIG_DFL);
  PipePool pool;
  EXPECT_FALSE(pool.take().is_open());
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace httpteleport::net
