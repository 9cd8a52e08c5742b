#include "support/fd.h"

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

namespace httpteleport::test {

void die(const char* what) {
  std::perror(what);
  std::abort();
}

size_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) die("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) die("setrlimit");
  return limit.rlim_cur;
}

}  // namespace httpteleport::test
