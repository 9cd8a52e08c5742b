// The origin of a soak run: origin.h on a given port of 127.0.0.1, which writes down every request
// that it begins to serve, so that the run can tell which one came twice.
//
//   soak_origin PORT FILE
//
// FILE gets a line "METHOD ID" for each request with an X-Tag, by one write() that appends, before
// a byte of its answer leaves: a process that is killed has told of all that anybody was answered.
#include "support/origin.h"

#include <fcntl.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "support/fd.h"

namespace httpteleport::test {
namespace {

void write_down(int file, const MessageHead& head) {
  const auto tag = head.find("x-tag");
  if (!tag) return;
  const std::string line = head.method + " " + *tag + "\n";
  if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) die("write");
}

int serve(uint16_t port, const char* path) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  if (::pthread_sigmask(SIG_BLOCK, &ends, nullptr) != 0) die("pthread_sigmask");
  const Fd file(::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!file) die(path);
  const Origin origin({.port = port, .on_request = [&file](const MessageHead& head) {
                         write_down(file.get(), head);
                       }});
  std::fprintf(stderr, "listening on %s\n", origin.address().text().c_str());
  int signal = 0;
  return ::sigwait(&ends, &signal) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace httpteleport::test

int main(int argc, char** argv) {
  const int port = argc == 3 ? std::atoi(argv[1]) : 0;
  if (port <= 0 || port > 65535) {
    std::fprintf(stderr, "usage: soak_origin PORT FILE\n");
    return 2;
  }
  return httpteleport::test::serve(static_cast<uint16_t>(port), argv[2]);
}
