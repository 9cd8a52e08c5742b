#include "service/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace httpteleport::service {

namespace {

constexpr int kBrokenMax = 1000;
constexpr size_t kBufferBytes = size_t{256} * 1024;

// Closes what it holds.
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

std::string failed(const char* what, const std::string& path) {
  const int error = errno;
  return std::string("cannot ") + what + " " + path + ": " + std::strerror(error);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// In few system calls, without holding the document twice.
bool write_document(int fd, const ConfigDocument& document) {
  std::string buffer;
  buffer.reserve(kBufferBytes);
  bool good = true;
  document.for_each_piece([&](std::string_view piece) {
    if (buffer.size() + piece.size() > kBufferBytes) {
      good = good && write_all(fd, buffer);
      buffer.clear();
    }
    if (piece.size() >= kBufferBytes) {
      good = good && write_all(fd, piece);
    } else {
      buffer += piece;
    }
  });
  return good && write_all(fd, buffer);
}

// No other process has it.
std::string temporary_of(const std::string& path) {
  return path + '.' + std::to_string(::getpid()) + ".tmp";
}

std::string write_temporary(const std::string& temporary, const std::string& target,
                            const ConfigDocument& document) {
  ::unlink(temporary.c_str());  // of a program of that number that was killed
  const File file(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file.is_open()) return failed("create", temporary);
  struct stat before {};
  if (::stat(target.c_str(), &before) == 0 && ::fchmod(file.fd(), before.st_mode & 0777) != 0)
    return failed("set the permissions of", temporary);
  if (!write_document(file.fd(), document)) return failed("write", temporary);
  if (::fsync(file.fd()) != 0) return failed("sync", temporary);
  return {};
}

// A second name for the file, so that the first one is never missing.
void keep_backup(const std::string& target) {
  const std::string backup = target + ".bak";
  const std::string temporary = temporary_of(backup);
  ::unlink(temporary.c_str());
  if (::link(target.c_str(), temporary.c_str()) != 0) return;  // there is none, or no hard links
  ::rename(temporary.c_str(), backup.c_str());
  // Both are one file already if the last write ended here: then the rename did nothing.
  ::unlink(temporary.c_str());
}

bool is_same_file(const std::string& a, const std::string& b) {
  struct stat first {};
  struct stat second {};
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace

std::string sync_folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.is_open()) return failed("open", folder);
  if (::fsync(file.fd()) != 0) return failed("sync", folder);
  return {};
}

std::string followed(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (!real) return path;
  std::string target = real;
  std::free(real);
  return target;
}

std::string write_whole(const std::string& path, const ConfigDocument& document,
                        Replaced replaced) {
  const std::string target = followed(path);
  const std::string temporary = temporary_of(target);
  std::string problem = write_temporary(temporary, target, document);
  if (!problem.empty()) {
    ::unlink(temporary.c_str());
    return problem;
  }
  if (replaced == Replaced::kKeepAsBackup) keep_backup(target);
  if (::rename(temporary.c_str(), target.c_str()) != 0) {
    problem = failed("rename", temporary);
    ::unlink(temporary.c_str());
    return problem;
  }
  return sync_folder_of(target);
}

std::string keep_as_broken(const std::string& path) {
  const std::string target = followed(path);
  for (int number = 0; number < kBrokenMax; ++number) {
    std::string name = target + ".broken";
    if (number > 0) name += "." + std::to_string(number);
    if (::link(target.c_str(), name.c_str()) == 0 || errno == ENOENT) return {};
    if (errno == EEXIST && is_same_file(target, name)) return {};
    if (errno != EEXIST) return failed("make another name for", target);
  }
  return "cannot make another name for " + target + ": there are " + std::to_string(kBrokenMax) +
         " broken ones already";
}

Result<std::string> read_whole(const std::string& path, size_t bytes_max) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) {
    return Error{.code = Code::kSystem, .sys_errno = errno, .detail = "cannot open"};
  }
  std::string text;
  std::string buffer(kBufferBytes, '\0');
  for (;;) {
    const ssize_t got = ::read(file.fd(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{.code = Code::kSystem, .sys_errno = errno, .detail = "cannot read"};
    if (got == 0) return text;
    text.append(buffer, 0, static_cast<size_t>(got));
    if (text.size() > bytes_max)
      return Error{.code = Code::kBodyTooLarge, .detail = "larger than 64 MiB"};
  }
}

}  // namespace httpteleport::service
