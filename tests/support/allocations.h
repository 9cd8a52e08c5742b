// Counts what a test program asks of the allocator, whoever asks: operator new and libraries in C
// come down to malloc(), which is replaced in every program that uses this header.
#pragma once

#include <cstdint>

namespace httpteleport::test {

// False under a sanitizer, which brings an allocator of its own: nothing is counted there.
extern const bool kCountsAllocations;

// Calls of malloc(), calloc(), realloc() and their like so far: by all threads, and by the
// caller's.
uint64_t allocations();
uint64_t allocations_here();
// The same of the other threads.
inline uint64_t allocations_elsewhere() {
  return allocations() - allocations_here();
}

}  // namespace httpteleport::test
