#include "server/memory_share.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temporary_folder.h"

namespace httpteleport::server {
namespace {

class MemoryShare : public testing::Test {
 protected:
  void put(const std::string& group, const std::string& limit) const {
    std::filesystem::create_directories(folder_.path() + group);
    folder_.write(group + "/memory.max", limit);
  }
  uint64_t of(const std::string& membership) const {
    return memory_of_cgroup(membership, folder_.path());
  }

  const test::TemporaryFolder folder_;
};

TEST_F(MemoryShare, IsTheLeastOfTheGroupsThatTheProcessIsIn) {
  put("/a/b", "max\n");
  put("/a", "1000000\n");
  EXPECT_EQ(of("0::/a/b\n"), 1'000'000u);
  EXPECT_EQ(of("5:cpu:/x\n0::/a/b\n"), 1'000'000u);
  put("/a/b", "2000\n");
  EXPECT_EQ(of("0::/a/b\n"), 2000u);
  EXPECT_EQ(of("0::/a\n"), 1'000'000u);
  EXPECT_EQ(of("0::/\n"), UINT64_MAX);
  put("/", "500\n");
  EXPECT_EQ(of("0::/\n"), 500u);
  EXPECT_EQ(of("0::/a/b\n"), 500u);
}

TEST_F(MemoryShare, IsUnlimitedWhereNothingSaysOtherwise) {
  EXPECT_EQ(of(""), UINT64_MAX);
  EXPECT_EQ(of("0::/elsewhere\n"), UINT64_MAX);
  EXPECT_EQ(of("4:memory:/version1\n"), UINT64_MAX);
}

TEST_F(MemoryShare, OfMessagesIsNeverMoreThanHalfOfTheProcesss) {
  config::Snapshot snapshot;
  snapshot.workers = 2;
  snapshot.buffer_bytes_max = 1000;
  EXPECT_EQ(memory_of_messages(snapshot), 500u);
  snapshot.buffer_bytes_max = SIZE_MAX;
  EXPECT_EQ(memory_of_messages(snapshot), memory_of_process() / 4);
}

}  // namespace
}  // namespace httpteleport::server
