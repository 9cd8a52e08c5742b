// The origin server of origin.h as a process of its own, for tests whose clients and origin
// together have more connections than one process may have. Prints `listening on <ip>:<port>` and
// serves until SIGTERM; its counters and its gate are under /counters and /control/.
#include <csignal>
#include <cstdio>

#include "support/fd.h"
#include "support/origin.h"

int main() {
  // NOLINTNEXTLINE(google-build-using-namespace): the program is all of it.
  using namespace httpteleport::test;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  if (::pthread_sigmask(SIG_BLOCK, &ends, nullptr) != 0) die("pthread_sigmask");
  raise_file_limit();
  const Origin origin;
  std::fprintf(stderr, "listening on %s\n", origin.address().text().c_str());
  int signal = 0;
  return ::sigwait(&ends, &signal) == 0 ? 0 : 1;
}
