#include "server/pid_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "net/socket.h"

namespace httpteleport::server {

namespace {

constexpr mode_t kMode = 0644;

}  // namespace

void PidFile::remove() {
  if (path_.empty()) return;
  const std::string path = std::exchange(path_, {});
  pid_t named = 0;
  std::ifstream(path) >> named;
  if (named == getpid()) unlink(path.c_str());
}

Result<void> PidFile::write(const std::string& path) {
  std::string fresh = path + ".XXXXXX";
  const net::Socket file(mkostemp(fresh.data(), O_CLOEXEC));  // an owned descriptor
  if (!file.is_open())
    return Error{Code::kSystem, Source::kInternal, errno, "cannot write the file"};
  const std::string text = std::to_string(getpid()) + "\n";
  errno = 0;
  const bool written = fchmod(file.fd(), kMode) == 0 &&
                       ::write(file.fd(), text.data(), text.size()) == ssize_t(text.size());
  if (!written || std::rename(fresh.c_str(), path.c_str()) != 0) {
    const int sys_errno = errno;
    unlink(fresh.c_str());
    return Error{Code::kSystem, Source::kInternal, sys_errno, "cannot write the file"};
  }
  path_ = path;
  return {};
}

}  // namespace httpteleport::server
