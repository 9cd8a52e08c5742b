#include "net/pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace httpteleport::net {

namespace {

bool ignores_sigpipe() {
  struct sigaction action {};
  sigaction(SIGPIPE, nullptr, &action);
  return action.sa_handler == SIG_IGN;
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
