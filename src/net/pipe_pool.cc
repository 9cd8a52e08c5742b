#include "net/pipe_pool.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

namespace httpteleport::net {

namespace {

// No pipe is made when more than this part of the process's descriptors are in use: connections go
// before.
constexpr rlim_t kDescriptorsPart = 8;

bool ignores_sigpipe() {
  struct sigaction action {};
  sigaction(SIGPIPE, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

// The kernel gives the lowest number that is free, so a high one says that many are in use.
bool is_for_connections(int fd) {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
         static_cast<rlim_t>(fd) >= limit.rlim_cur / kDescriptorsPart;
}

}  // namespace

Pipe PipePool::take() {
  if (out_ == kPipesMax) return {};
  Pipe pipe;
  if (!idle_.empty()) {
    pipe = std::move(idle_.back());
    idle_.pop_back();
  } else {
    int ends[2];
    if (!ignores_sigpipe() || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return {};
    pipe = {net::Socket(ends[0]), net::Socket(ends[1])};
    if (is_for_connections(ends[1])) return {};
    // Refused where this user has many large ones; the usual size does as well.
    fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
  }
  ++out_;
  ++taken_;
  return pipe;
}

void PipePool::give_back(Pipe pipe, bool empty) {
  --out_;
  if (empty && idle_.size() < kIdlePipesMax) idle_.push_back(std::move(pipe));
}

}  // namespace httpteleport::net
