#include "acme/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "acme/test_certificate.h"
#include "support/temporary_folder.h"

namespace httpteleport::acme {
namespace {

class StoreTest : public testing::Test {
 protected:
  static mode_t mode(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777;
  }
  void put(const std::string& file, const std::string& bytes) {
    std::ofstream(path_ + "/" + file) << bytes;
  }

  test::TemporaryFolder folder_;
  std::string path_ = folder_.file("cache");
  Store store_{path_};
  const TestPem pem_ = test_pem("www.example.com", 1'800'000'000, 1'900'000'000);
};

TEST_F(StoreTest, KeepsEverythingForItsOwnerAlone) {
  const mode_t before = ::umask(0);
  ASSERT_TRUE(store_.open());
  ASSERT_TRUE(store_.account_key());
  ASSERT_TRUE(store_.save("www.example.com", pem_.chain, pem_.key));
  ::umask(before);
  EXPECT_EQ(mode(path_), 0700u);
  EXPECT_EQ(mode(path_ + "/acme_account+key"), 0600u);
  EXPECT_EQ(mode(path_ + "/www.example.com"), 0600u);
  EXPECT_FALSE(store_.is_exposed());
  ASSERT_EQ(::chmod(path_.c_str(), 0750), 0);
  EXPECT_TRUE(store_.is_exposed());
}

TEST_F(StoreTest, GivesBackWhatItWasGivenAndLeavesNoDrafts) {
  ASSERT_TRUE(store_.open());
  ASSERT_TRUE(store_.save("www.example.com", pem_.chain, pem_.key));
  ASSERT_TRUE(store_.save("www.example.com", pem_.chain, pem_.key));  // replaces
  const auto loaded = store_.load("www.example.com");
  ASSERT_NE(loaded, nullptr);
  EXPECT_EQ(loaded->not_after(), 1'900'000'000);
  EXPECT_THAT(store_.names(10), testing::ElementsAre("www.example.com"));
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_))
    ++files;
  EXPECT_EQ(files, 1u);
}

TEST_F(StoreTest, MakesTheAccountKeyOnce) {
  ASSERT_TRUE(store_.open());
  const auto first = store_.account_key();
  const auto second = Store(path_).account_key();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(EVP_PKEY_eq(first->get(), second->get()), 1);
}

TEST_F(StoreTest, RefusesAnAccountKeyOfAnotherKind) {
  ASSERT_TRUE(store_.open());
  put("acme_account+key", "nothing");
  const auto key = store_.account_key();
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::kBadConfig);
}

TEST_F(StoreTest, PassesOverWhatIsNoCertificateForTheName) {
  ASSERT_TRUE(store_.open());
  put("broken.example.com", "-----BEGIN CERTIFICATE-----");
  put("other.example.com", pem_.key + pem_.chain);
  put("www.example.com+rsa", pem_.key + pem_.chain);
  put(".new-abcdef", "half");
  EXPECT_THAT(store_.names(10),
              testing::UnorderedElementsAre("broken.example.com", "other.example.com"));
  EXPECT_EQ(store_.names(1).size(), 1u);
  EXPECT_EQ(store_.load("broken.example.com"), nullptr);
  EXPECT_EQ(store_.load("other.example.com"), nullptr);
  EXPECT_EQ(store_.load("absent.example.com"), nullptr);
}

TEST_F(StoreTest, ReadsNoMoreOfAFileThanItsLimit) {
  ASSERT_TRUE(store_.open());
  ASSERT_TRUE(store_.save("www.example.com", pem_.chain, pem_.key));
  const std::string good = test::read_file(path_ + "/www.example.com");
  put("www.example.com", std::string(Store::kFileBytesMax - good.size() - 1, '\n') + "\n" + good);
  EXPECT_TRUE(store_.load("www.example.com"));
  put("www.example.com", std::string(Store::kFileBytesMax, '\n') + good);
  EXPECT_FALSE(store_.load("www.example.com"));
}

TEST_F(StoreTest, SaysWhyTheFolderCannotBeMade) {
  const auto nested = Store(path_ + "/a/b").open();
  ASSERT_FALSE(nested);
  EXPECT_EQ(nested.error().sys_errno, ENOENT);
  std::ofstream(path_) << "a file";
  const auto file = store_.open();
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().sys_errno, ENOTDIR);
}

// They hold private keys. A new one may be that of another process, which is about to rename it.
TEST_F(StoreTest, RemovesOldDraftsOfProcessesThatCrashed) {
  ASSERT_TRUE(store_.open());
  for (const char* name : {".new-aB3dEf", ".new-fresh1", ".new-other-name", ".other"})
    put(name, "");
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(2);
  for (const char* name : {".new-aB3dEf", ".new-other-name", ".other"})
    std::filesystem::last_write_time(path_ + "/" + name, old);
  ASSERT_TRUE(store_.open());
  EXPECT_FALSE(std::filesystem::exists(path_ + "/.new-aB3dEf"));
  for (const char* name : {".new-fresh1", ".new-other-name", ".other"})
    EXPECT_TRUE(std::filesystem::exists(path_ + "/" + name)) << name;
}

}  // namespace
}  // namespace httpteleport::acme
