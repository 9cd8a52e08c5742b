#include "tls/certificate_folder.h"

#include <dirent.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "event/folder_watch.h"
#include "support/certificates.h"
#include "support/deadline.h"
#include "support/temporary_folder.h"

namespace {

// Of this thread's folders; -1: they are read to their ends.
thread_local int entries_until_failure = -1;

}  // namespace

// In the place of the C library's, for a disk that fails.
extern "C" dirent* readdir(DIR* folder) {
  using Read = dirent* (*)(DIR*);
  static const Read read = reinterpret_cast<Read>(dlsym(RTLD_NEXT, "readdir"));
  if (entries_until_failure == 0) {
    errno = EIO;
    return nullptr;
  }
  if (entries_until_failure > 0) --entries_until_failure;
  return read(folder);
}

namespace httpteleport::tls {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class CertificateFolderTest : public testing::Test {
 protected:
  test::Pem issue(std::vector<std::string> names) const { return ca_.issue({.names = names}); }
  // Writes the pair `pair`.
  void write(const std::string& pair, const test::Pem& pem) const {
    folder_.write(pair + ".pem", pem.certificate);
    folder_.write(pair + ".key", pem.key);
  }
  void write_new(const std::string& pair, std::vector<std::string> names) const {
    write(pair, issue(std::move(names)));
  }
  // "+a -b *c !d: why" for what reload() has to say.
  std::string reload() {
    std::string text;
    for (const CertificateChange& change : certificates_.reload()) {
      if (!text.empty()) text += " ";
      text += "+*-!"[static_cast<size_t>(change.kind)] + change.pair;
      if (change.kind == CertificateChange::Kind::kBroken) text += ": " + change.text;
    }
    return text;
  }
  // The first name of the certificate for `host`.
  std::string found(std::string_view host) const {
    const CertificateProvider::Found found = certificates_.find(host);
    return found.certificate ? found.certificate->names().front() : "none";
  }

  const test::TestCa ca_{"authority"};
  const test::TemporaryFolder folder_;
  CertificateFolder certificates_{folder_.path()};
};

TEST_F(CertificateFolderTest, FindsCertificatesByTheNamesInThem) {
  write_new("one", {"a.test", "b.test"});
  write_new("two", {"*.a.test"});
  folder_.write("notes.txt", "nothing");
  folder_.write(".hidden.pem", "nothing");
  EXPECT_EQ(found("a.test"), "none");
  EXPECT_EQ(certificates_.find("a.test").answer, CertificateProvider::Answer::kRefused);
  EXPECT_EQ(reload(), "+one +two");
  EXPECT_EQ(found("b.test"), "a.test");
  EXPECT_EQ(found("x.a.test"), "*.a.test");
  EXPECT_EQ(found("other.test"), "a.test") << "the first by name is for all others";
  EXPECT_EQ(found(""), "a.test");
  write_new("default", {"z.test"});
  EXPECT_EQ(reload(), "+default");
  EXPECT_EQ(found("other.test"), "z.test");
  EXPECT_EQ(found(""), "z.test");
  EXPECT_EQ(found("a.test"), "a.test");
}

TEST_F(CertificateFolderTest, TellsWhatIsInAPair) {
  write_new("some", {"1.test", "2.test", "3.test", "4.test", "5.test", "6.test", "7.test"});
  const std::vector<CertificateChange> changes = certificates_.reload();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].text.find("for 1.test 2.test 3.test 4.test 5.test and 2 more until 20"), 0u)
      << changes[0].text;
  write("old", ca_.issue({.names = {"o.test"}, .not_before = -48h, .valid_for = 24h}));
  EXPECT_EQ(certificates_.reload().at(0).text.find("for o.test, expired on 20"), 0u);
}

TEST_F(CertificateFolderTest, TellsOnceOfPairsThatCannotBeUsedAndUsesTheOthers) {
  write_new("good", {"good.test"});
  folder_.write("alone.pem", issue({"alone.test"}).certificate);
  folder_.write("only.key", issue({"only.test"}).key);
  folder_.write("mixed.pem", issue({"mixed.test"}).certificate);
  folder_.write("mixed.key", issue({"other.test"}).key);
  folder_.write("rubbish.pem", "rubbish");
  folder_.write("rubbish.key", "rubbish");
  folder_.write("large.pem", std::string(CertificateFolder::kFileBytesMax + 1, '-'));
  folder_.write("large.key", "");
  fs::create_directory(folder_.file("folder.pem"));
  folder_.write("folder.key", "");
  EXPECT_EQ(reload(),
            "!alone: alone.key is missing; it is not used "
            "!folder: folder.pem is no file; it is not used "
            "+good "
            "!large: large.pem is larger than 1 MiB; it is not used "
            "!mixed: the private key does not belong to the certificate; it is not used "
            "!only: only.pem is missing; it is not used "
            "!rubbish: no PEM certificate in the certificate file; it is not used");
  EXPECT_EQ(reload(), "");
  EXPECT_EQ(found("good.test"), "good.test");
  EXPECT_EQ(found("alone.test"), "good.test");
  write_new("rubbish", {"rubbish.test"});
  EXPECT_EQ(reload(), "+rubbish");
  EXPECT_EQ(found("rubbish.test"), "rubbish.test");
}

TEST_F(CertificateFolderTest, TakesNewVersionsAndKeepsTheLastGoodOne) {
  write_new("a", {"old.test"});
  EXPECT_EQ(reload(), "+a");
  EXPECT_EQ(reload(), "");
  const test::Pem next = issue({"new.test"});
  folder_.write("a.pem", next.certificate);
  EXPECT_EQ(reload(),
            "!a: the private key does not belong to the certificate; "
            "what it was before stays in use");
  EXPECT_EQ(found(""), "old.test");
  folder_.write("a.key", next.key);
  EXPECT_EQ(reload(), "*a");
  EXPECT_EQ(found(""), "new.test");
  fs::remove(folder_.file("a.key"));
  EXPECT_EQ(reload(), "!a: a.key is missing; what it was before stays in use");
  EXPECT_EQ(found(""), "new.test");
  fs::remove(folder_.file("a.pem"));
  EXPECT_EQ(reload(), "-a");
  EXPECT_EQ(found(""), "none");
}

TEST_F(CertificateFolderTest, NoticesAVersionThatWasGivenTheTimeOfTheOneBefore) {
  write_new("a", {"a.test"});
  const auto long_ago = fs::file_time_type::clock::now() - 1h;
  for (const char* file : {"a.pem", "a.key"})
    fs::last_write_time(folder_.file(file), long_ago);
  EXPECT_EQ(reload(), "+a");
  const auto before = certificates_.find("a.test").certificate;
  EXPECT_EQ(reload(), "");
  EXPECT_EQ(certificates_.find("a.test").certificate, before);
  const uintmax_t size = fs::file_size(folder_.file("a.pem"));
  folder_.write("a.pem", std::string(size, '-'));
  fs::last_write_time(folder_.file("a.pem"), long_ago);
  EXPECT_NE(reload(), "");
  EXPECT_EQ(certificates_.find("a.test").certificate, before) << "the last good one";
}

TEST_F(CertificateFolderTest, TriesAPairThatCouldNotBeUsedEachTime) {
  const test::Pem good = issue({"a.test"});
  const auto long_ago = fs::file_time_type::clock::now() - 1h;
  const auto write_as_of_then = [&](const test::Pem& pem) {
    write("a", pem);
    for (const char* file : {"a.pem", "a.key"})
      fs::last_write_time(folder_.file(file), long_ago);
  };
  write_as_of_then({std::string(good.certificate.size(), '-'), good.key});
  EXPECT_EQ(reload(), "!a: no PEM certificate in the certificate file; it is not used");
  EXPECT_EQ(reload(), "") << "told once";
  write_as_of_then(good);
  EXPECT_EQ(reload(), "+a");
  EXPECT_EQ(found(""), "a.test");
}

TEST_F(CertificateFolderTest, KeepsEverythingWhenTheListOfFilesEndsEarly) {
  write_new("a", {"a.test"});
  write_new("b", {"b.test"});
  EXPECT_EQ(reload(), "+a +b");
  entries_until_failure = 3;  // "." and ".." are two of them
  const std::string told = reload();
  entries_until_failure = -1;
  EXPECT_EQ(told, "!: the folder " + folder_.path() + " cannot be read: Input/output error");
  EXPECT_EQ(found("a.test"), "a.test");
  EXPECT_EQ(found("b.test"), "b.test");
  EXPECT_EQ(reload(), "");
}

TEST_F(CertificateFolderTest, NoticesALaterVersionThatLooksTheSame) {
  const test::Pem first = issue({"first.test"});
  test::Pem second = issue({"other.test"});
  write("a", first);
  EXPECT_EQ(reload(), "+a");
  // Text around a certificate is of no interest: so both get the same size.
  const size_t size = first.certificate.size() + 200;
  write("a", {first.certificate + std::string(size - first.certificate.size(), '\n'), first.key});
  EXPECT_EQ(reload(), "*a");
  const auto time = fs::last_write_time(folder_.file("a.pem"));
  second.certificate += std::string(size - second.certificate.size(), '\n');
  write("a", second);
  fs::last_write_time(folder_.file("a.pem"), time);
  EXPECT_EQ(reload(), "*a");
  EXPECT_EQ(found(""), "other.test");
}

// As Kubernetes gives secrets: the files are links through ..data, which is replaced.
TEST_F(CertificateFolderTest, FollowsLinksThatAreSwapped) {
  for (const char* version : {"..1", "..2"})
    fs::create_directory(folder_.file(version));
  write_new("..1/a", {"first.test"});
  write_new("..2/a", {"second.test"});
  fs::create_symlink("..1", folder_.file("..data"));
  fs::create_symlink("..data/a.pem", folder_.file("a.pem"));
  fs::create_symlink("..data/a.key", folder_.file("a.key"));
  EXPECT_EQ(reload(), "+a");

  event::Loop loop;
  std::string told;
  const event::FolderWatch watch(loop, folder_.path(), {.quiet_time = 5ms, .poll_interval = 10h},
                                 [&] { told += reload(); });
  fs::create_symlink("..2", folder_.file("..new"));
  fs::rename(folder_.file("..new"), folder_.file("..data"));
  const test::Deadline deadline = test::after();
  while (told.empty() && test::Clock::now() < deadline)
    loop.run_once(1ms);
  EXPECT_EQ(told, "*a");
  EXPECT_EQ(found(""), "second.test");
}

TEST_F(CertificateFolderTest, KeepsEverythingWhenTheFolderCannotBeRead) {
  const std::string path = folder_.file("certs");
  CertificateFolder certificates(path);
  const auto reload_it = [&] { return certificates.reload(); };
  std::vector<CertificateChange> changes = reload_it();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].text, "the folder " + path + " cannot be read: No such file or directory");
  EXPECT_TRUE(reload_it().empty()) << "told once";
  fs::create_directory(path);
  write_new("certs/a", {"a.test"});
  EXPECT_EQ(reload_it().size(), 1u);
  fs::rename(path, folder_.file("gone"));
  EXPECT_EQ(reload_it().size(), 1u);
  EXPECT_NE(certificates.find("a.test").certificate, nullptr);
  fs::rename(folder_.file("gone"), path);
  EXPECT_TRUE(reload_it().empty());
}

TEST_F(CertificateFolderTest, MayBeAskedByOthersWhileItReads) {
  write_new("a", {"a.test"});
  reload();
  std::atomic<bool> stop{false};
  std::thread asking([&] {
    while (!stop)
      EXPECT_NE(certificates_.find("a.test").certificate, nullptr);
  });
  const test::Pem one = issue({"a.test", "1.test"});
  const test::Pem two = issue({"a.test", "2.test"});
  for (int i = 0; i < 50; ++i) {
    write("a", i % 2 == 0 ? one : two);
    reload();
  }
  stop = true;
  asking.join();
}

}  // namespace
}  // namespace httpteleport::tls
