// What is answered when a worker's buffers are over their budget (-maxMemory).
#pragma once

#include "base/error.h"

namespace httpteleport::proxy {

// 503: this proxy holds too much of other messages at the moment.
inline Error out_of_memory() {
  return {Code::kOverloaded, Source::kInternal, 0,
          "too much memory is taken by messages under way (-maxMemory)"};
}

}  // namespace httpteleport::proxy
