// Pipes through which bytes go from socket to socket without being copied.
#pragma once

#include <cstddef>
#include <vector>

#include "net/socket.h"

namespace httpteleport::net {

struct Pipe {
  net::Socket out;  // to be read from
  net::Socket in;   // to be written to

  bool is_open() const { return in.is_open(); }
};

// One a worker. Not thread safe. Where the process does not ignore SIGPIPE there are no pipes:
// splice(2) cannot be told to do without.
class PipePool {
 public:
  // What a pipe holds at most, if the kernel allows so much.
  static constexpr size_t kPipeBytes = 1024 * 1024;
  // Pipes that are out at a time; who gets none copies its bytes.
  static constexpr size_t kPipesMax = 256;
  static constexpr size_t kIdlePipesMax = 16;

  // An empty pipe, or one that is not open when there is none to be had.
  Pipe take();
  // `empty`: nothing is in it; else it is closed.
  void give_back(Pipe pipe, bool empty);

  size_t out() const { return out_; }
  uint64_t taken_for_test() const { return taken_; }

 private:
  std::vector<Pipe> idle_;
  size_t out_ = 0;
  uint64_t taken_ = 0;
};

}  // namespace httpteleport::net
