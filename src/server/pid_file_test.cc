#include "server/pid_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "support/temporary_folder.h"

namespace httpteleport::server {
namespace {

class PidFileTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  std::string path_ = folder_.file("pid");
  std::string pid_ = std::to_string(getpid());
};

TEST_F(PidFileTest, IsThereForEverybodyUntilItsOwnerEnds) {
  {
    PidFile file;
    ASSERT_TRUE(file.write(path_));
    EXPECT_EQ(test::read_file(path_), pid_ + "\n");
    struct stat found {};
    ASSERT_EQ(stat(path_.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777u, 0644u);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

// In a folder where others may write.
TEST_F(PidFileTest, FollowsNoLinkOfAnotherUser) {
  const std::string precious = folder_.write("precious", "precious");
  std::filesystem::create_symlink(precious, path_);
  std::filesystem::create_symlink(precious, path_ + "." + pid_);
  PidFile file;
  ASSERT_TRUE(file.write(path_));
  EXPECT_EQ(test::read_file(precious), "precious");
  EXPECT_EQ(test::read_file(path_), pid_ + "\n");
  EXPECT_TRUE(std::filesystem::is_symlink(path_ + "." + pid_));
}

TEST_F(PidFileTest, LeavesNothingBehindWhereItCannotBeWritten) {
  std::filesystem::create_directory(path_);
  PidFile file;
  const Result<void> written = file.write(path_);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().sys_errno, 0);
  EXPECT_FALSE(PidFile().write(folder_.file("none/pid")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

}  // namespace
}  // namespace httpteleport::server
