#include "server/memory_share.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace httpteleport::server {

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "max" and what cannot be read are no limit.
uint64_t number_in(const std::string& path) {
  uint64_t number = 0;
  return std::ifstream(path) >> number ? number : UINT64_MAX;
}

}  // namespace

uint64_t memory_of_cgroup(const std::string& membership, const std::string& root) {
  const std::string mark = "0::/";  // of version 2
  const size_t at = membership.starts_with(mark) ? 0 : membership.find("\n" + mark);
  if (at == std::string::npos) return UINT64_MAX;
  const size_t begin = membership.find('/', at);
  std::string path = membership.substr(begin, membership.find('\n', begin) - begin);
  uint64_t least = UINT64_MAX;
  // Each group also has the limits of those that it is part of.
  for (; !path.empty(); path.erase(path.rfind('/')))
    least = std::min(least, number_in(root + path + "/memory.max"));
  return std::min(least, number_in(root + "/memory.max"));
}

uint64_t memory_of_process() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  uint64_t least = UINT64_MAX;
  if (pages > 0 && page_bytes > 0)
    least = static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes);
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    least = std::min<uint64_t>(least, limit.rlim_cur);
  return std::min(least, memory_of_cgroup(text_of("/proc/self/cgroup"), "/sys/fs/cgroup"));
}

size_t memory_of_messages(const config::Snapshot& snapshot) {
  static const uint64_t half = memory_of_process() / 2;
  return std::min<uint64_t>(snapshot.buffer_bytes_max, half) / snapshot.workers;
}

}  // namespace httpteleport::server
