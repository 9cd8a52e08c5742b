// What the allocator does with large blocks: links and whatever else has large tables come and go,
// and their memory must go with them.
#pragma once

#include <malloc.h>

#include <cstddef>

namespace httpteleport {

inline constexpr int kLargeBlockBytes = 128 * 1024;

// From now on blocks of kLargeBlockBytes and more have pages of their own, which are zero and not
// there before they are used, and are the system's again when they are freed. That is where glibc
// begins, but the first such block that is freed makes it take all up to that size from its heap:
// there they are cleared by hand, lie between small ones, and are seldom given back. For main().
inline void give_large_blocks_pages() {
#ifdef M_MMAP_THRESHOLD
  mallopt(M_MMAP_THRESHOLD, kLargeBlockBytes);
#endif
}

}  // namespace httpteleport
