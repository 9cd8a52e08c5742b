#include "counters.h"

#include <sys/mman.h>

#include "relay/sockets.h"

namespace httpteleport::bench {

volatile Counters* map_counters(const std::string& path) {
  if (path.empty()) {
    static Counters counters;
    return &counters;
  }
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  check(fd >= 0 && ftruncate(fd, sizeof(Counters)) == 0, path.c_str());
  void* place = mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  check(place != MAP_FAILED, "mmap");
  close(fd);
  return static_cast<Counters*>(place);
}

}  // namespace httpteleport::bench
