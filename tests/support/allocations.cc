#include "support/allocations.h"

#include <atomic>
#include <cerrno>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HT_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HT_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef HT_COUNTS_ALLOCATIONS
#define HT_COUNTS_ALLOCATIONS 1
#endif

namespace httpteleport::test {
namespace {

std::atomic<uint64_t> all{0};
thread_local uint64_t here = 0;

}  // namespace

const bool kCountsAllocations = HT_COUNTS_ALLOCATIONS != 0;

uint64_t allocations() {
  return all.load(std::memory_order_relaxed);
}

uint64_t allocations_here() {
  return here;
}

void count_allocation() {
  all.fetch_add(1, std::memory_order_relaxed);
  ++here;
}

}  // namespace httpteleport::test

#if HT_COUNTS_ALLOCATIONS

// glibc's own, under the names that are meant for those who replace it (malloc(3) need not be
// found at run time then, which itself would allocate).
extern "C" {

void* __libc_malloc(size_t bytes);                      // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(size_t count, size_t bytes);        // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* memory, size_t bytes);       // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(size_t alignment, size_t bytes);  // NOLINT(bugprone-reserved-identifier)

void* malloc(size_t bytes) {
  httpteleport::test::count_allocation();
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  httpteleport::test::count_allocation();
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  httpteleport::test::count_allocation();
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  httpteleport::test::count_allocation();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  httpteleport::test::count_allocation();
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#endif
