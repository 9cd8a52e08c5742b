#include "allocations.h"

#include <atomic>
#include <cstddef>

namespace {
std::atomic<uint64_t> count{0};
}

// glibc's own names of what stands behind malloc(3).
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* memory, size_t bytes);

void* malloc(size_t bytes) {
  count.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void* calloc(size_t elements, size_t bytes) {
  count.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(elements, bytes);
}
void* realloc(void* memory, size_t bytes) {
  count.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, bytes);
}
}

uint64_t allocations() {
  return count.load(std::memory_order_relaxed);
}
