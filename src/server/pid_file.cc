#include "server/pid_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

namespace httpteleport::server {

PidFile::~PidFile() {
  if (path_.empty()) return;
  pid_t named = 0;
  std::ifstream(path_) >> named;
  if (named == getpid()) unlink(path_.c_str());
}

Result<void> PidFile::write(const std::string& path) {
  const std::string fresh = path + "." + std::to_string(getpid());
  errno = 0;
  std::ofstream file(fresh);
  file << getpid() << "\n";
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0) {
    const int sys_errno = errno;
    unlink(fresh.c_str());
    return Error{Code::kSystem, Source::kInternal, sys_errno, "cannot write the file"};
  }
  path_ = path;
  return {};
}

}  // namespace httpteleport::server
