#include "service/whole_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support/temporary_folder.h"

namespace httpteleport::service {
namespace {

ConfigDocument document(const std::string& text) {
  return {text, {}, {}};
}

size_t files_in(const std::string& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// Of the temporaries of this process.
std::string own_ending() {
  return "." + std::to_string(::getpid()) + ".tmp";
}

TEST(WholeFile, ReplacesAFileAndKeepsTheOneBefore) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("state.json");
  EXPECT_EQ(write_whole(path, document("one"), Replaced::kKeepAsBackup), "");
  EXPECT_EQ(test::read_file(path), "one");
  EXPECT_EQ(files_in(folder.path()), 1);
  for (const char* text : {"two", "three", "four"}) {
    const std::string before = test::read_file(path);
    EXPECT_EQ(write_whole(path, document(text), Replaced::kKeepAsBackup), "");
    EXPECT_EQ(test::read_file(path), text);
    EXPECT_EQ(test::read_file(path + ".bak"), before);
    EXPECT_EQ(files_in(folder.path()), 2);
  }
  EXPECT_EQ(write_whole(path, document("five"), Replaced::kDrop), "");
  EXPECT_EQ(test::read_file(path + ".bak"), "three");
}

TEST(WholeFile, WritesAllPieces) {
  const test::TemporaryFolder folder;
  std::vector<ConfigDocument::Piece> pieces;
  for (int i = 0; i < 5000; ++i)
    pieces.push_back(std::make_shared<const std::string>(",\n" + std::string(200, 'a')));
  pieces.push_back(std::make_shared<const std::string>(",\n" + std::string(1'000'000, 'b')));
  const ConfigDocument all("[", std::move(pieces), "]");
  EXPECT_EQ(write_whole(folder.file("x"), all, Replaced::kDrop), "");
  EXPECT_EQ(test::read_file(folder.file("x")), all.text());
}

TEST(WholeFile, PassesOverWhatAKilledProgramLeft) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("s", "old");
  folder.write("s" + own_ending(), "half");
  folder.write("s.bak" + own_ending(), "x");
  // As it is between the two renames of a write.
  std::filesystem::create_hard_link(path, path + ".bak");
  EXPECT_EQ(write_whole(path, document("new"), Replaced::kKeepAsBackup), "");
  EXPECT_EQ(test::read_file(path), "new");
  EXPECT_EQ(test::read_file(path + ".bak"), "old");
  EXPECT_EQ(files_in(folder.path()), 2);
}

TEST(WholeFile, KeepsPermissionsAndFollowsLinks) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("real", "old");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  std::filesystem::create_symlink(path, folder.file("link"));
  EXPECT_EQ(write_whole(folder.file("link"), document("new"), Replaced::kKeepAsBackup), "");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("link")));
  EXPECT_EQ(test::read_file(path), "new");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600);
}

TEST(WholeFile, SaysWhatCannotBeDoneAndLeavesTheFile) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(
      write_whole(folder.file("none/x"), document("a"), Replaced::kDrop),
      "cannot create " + folder.file("none/x" + own_ending()) + ": No such file or directory");
  // What stands in the way is a folder that is not empty.
  std::filesystem::create_directories(folder.file("d/in"));
  EXPECT_NE(write_whole(folder.file("d"), document("a"), Replaced::kDrop), "");
  EXPECT_FALSE(std::filesystem::exists(folder.file("d" + own_ending())));
}

TEST(WholeFile, KeepsABrokenOneUnderAFreeName) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("s", "bad 1");
  EXPECT_EQ(keep_as_broken(path), "");
  EXPECT_EQ(keep_as_broken(path), "");  // it is kept already
  EXPECT_FALSE(std::filesystem::exists(path + ".broken.1"));
  std::filesystem::remove(path);
  folder.write("s", "bad 2");
  EXPECT_EQ(keep_as_broken(path), "");
  EXPECT_EQ(test::read_file(path + ".broken"), "bad 1");
  EXPECT_EQ(test::read_file(path + ".broken.1"), "bad 2");
  EXPECT_EQ(keep_as_broken(folder.file("missing")), "");
}

TEST(WholeFile, KeepsABoundedNumberOfBrokenOnes) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("s", "bad");
  folder.write("s.broken", "");
  for (int i = 1; i < 999; ++i)
    folder.write("s.broken." + std::to_string(i), "");
  EXPECT_EQ(keep_as_broken(path), "");
  EXPECT_EQ(test::read_file(path + ".broken.999"), "bad");
  std::filesystem::remove(path);
  folder.write("s", "worse");
  EXPECT_EQ(keep_as_broken(path),
            "cannot make another name for " + path + ": there are 1000 broken ones already");
}

TEST(WholeFile, IsReadUpToALimit) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("x", std::string(300'000, 'x'));
  const Result<std::string> text = read_whole(path, 300'000);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->size(), 300'000);
  EXPECT_EQ(read_whole(path, 299'999).error().code, Code::kBodyTooLarge);
  EXPECT_EQ(read_whole(folder.file("y"), 10).error().sys_errno, ENOENT);
  EXPECT_EQ(read_whole(folder.path(), 10).error().sys_errno, EISDIR);
}

}  // namespace
}  // namespace httpteleport::service
