#include "base/append_file.h"

#include <fcntl.h>

#include <cerrno>

namespace httpteleport {

Result<int> open_for_append(const std::string& path) {
  const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const int fd = open(path.c_str(), flags, 0640);
  if (fd < 0) return Error{Code::kSystem, Source::kInternal, errno, "a file cannot be opened"};
  return fd;
}

}  // namespace httpteleport
