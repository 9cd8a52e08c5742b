#include "acme/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "acme/crypto.h"
#include "acme/host_name.h"
#include "tls/pem.h"

namespace httpteleport::acme {

namespace {

// No name of a host has a plus in it.
constexpr const char* kAccountFile = "acme_account+key";
// Of a file that is being written; six characters follow.
constexpr std::string_view kDraftPrefix = ".new-";
constexpr size_t kDraftSuffixBytes = 6;
// A draft lives for as long as writing a small file takes, also in another process.
constexpr auto kDraftAgeMax = std::chrono::hours(1);

Error failed(const char* detail) {
  return {Code::kSystem, Source::kInternal, errno, detail};
}

// A descriptor with an owner.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

Result<void> Store::open() {
  if (::mkdir(folder_.c_str(), 0700) == 0) return {};
  struct stat status {};
  if (errno != EEXIST) return failed("the folder for certificates cannot be made");
  if (::stat(folder_.c_str(), &status) != 0) return failed("the folder for certificates");
  errno = ENOTDIR;
  if (!S_ISDIR(status.st_mode)) return failed("the folder for certificates");
  if (::access(folder_.c_str(), R_OK | W_OK | X_OK) != 0)
    return failed("the folder for certificates cannot be written to");
  remove_old_drafts();
  return {};
}

// They hold private keys that nobody needs any more.
void Store::remove_old_drafts() const {
  const auto now = std::filesystem::file_time_type::clock::now();
  std::vector<std::filesystem::path> old;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder_, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kDraftPrefix) || name.size() != kDraftPrefix.size() + kDraftSuffixBytes)
      continue;
    std::error_code unknown;
    const auto written = std::filesystem::last_write_time(entry->path(), unknown);
    if (!unknown && now - written > kDraftAgeMax) old.push_back(entry->path());
  }
  for (const std::filesystem::path& draft : old)
    ::unlink(draft.c_str());
}

bool Store::is_exposed() const {
  struct stat status {};
  return ::stat(folder_.c_str(), &status) == 0 && (status.st_mode & 077) != 0;
}

Result<tls::KeyPtr> Store::account_key() {
  const Result<std::string> stored = read(kAccountFile);
  if (stored) {
    tls::KeyPtr key = tls::key_from_pem(*stored);
    if (key && is_p256(key.get())) return key;
    return Error{Code::kBadConfig, Source::kInternal, 0,
                 "acme_account+key in the folder for certificates is no P-256 key"};
  }
  if (stored.error().sys_errno != ENOENT) return stored.error();
  tls::KeyPtr key = make_key();
  const std::string pem = key ? key_to_pem(key.get()) : std::string();
  if (pem.empty()) return Error{Code::kSystem, Source::kInternal, 0, "no account key can be made"};
  if (const Result<void> written = write(kAccountFile, pem); !written) return written.error();
  return key;
}

std::vector<std::string> Store::names(size_t names_max) const {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder_, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (names.size() == names_max) break;
    std::string name = entry->path().filename().string();
    if (canonical_host_name(name) == name) names.push_back(std::move(name));
  }
  return names;
}

Store::CertificatePtr Store::load(const std::string& name) const {
  const Result<std::string> pem = read(name);
  if (!pem) return nullptr;
  const auto certificate = tls::Certificate::parse(*pem, *pem);
  if (!certificate || !(*certificate)->matches(name)) return nullptr;
  return *certificate;
}

Result<void> Store::save(const std::string& name, std::string_view chain, std::string_view key) {
  return write(name, std::string(key).append(chain));
}

Result<std::string> Store::read(const std::string& file) const {
  const File opened(::open((folder_ + "/" + file).c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened.is_open()) return failed("a file in the folder for certificates cannot be read");
  std::string bytes(kFileBytesMax, '\0');
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = ::read(opened.fd(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("a file in the folder for certificates cannot be read");
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

// Under another name first, so that nobody ever reads half a file; both the file and the folder are
// synced, so that the CA is not asked again after a power cut.
Result<void> Store::write(const std::string& file, std::string_view bytes) {
  std::string draft = folder_ + "/" + std::string(kDraftPrefix) + "XXXXXX";
  const File opened(::mkostemp(draft.data(), O_CLOEXEC));
  if (!opened.is_open()) return failed("no file can be made in the folder for certificates");
  const std::string target = folder_ + "/" + file;
  if (::fchmod(opened.fd(), 0600) != 0 || !write_all(opened.fd(), bytes) ||
      ::fsync(opened.fd()) != 0 || ::rename(draft.c_str(), target.c_str()) != 0) {
    const Error error = failed("a file in the folder for certificates cannot be written");
    ::unlink(draft.c_str());
    return error;
  }
  const File folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open() || ::fsync(folder.fd()) != 0)
    return failed("the folder for certificates cannot be synced");
  return {};
}

}  // namespace httpteleport::acme
