#include "base/heap.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "support/sanitized.h"

namespace httpteleport {
namespace {

// A sanitizer has an allocator of its own.
TEST(Heap, GivesLargeBlocksPagesOfTheirOwnAfterOneWasFreed) {
  give_large_blocks_pages();
  std::free(std::malloc(8 << 20));
  const size_t before = mallinfo2().hblks;
  // More than other tests have left free in the heap.
  void* const block = std::malloc(4 << 20);
  void* volatile kept = block;
  EXPECT_EQ(mallinfo2().hblks, before + (test::kSanitized ? 0 : 1));
  std::free(kept);
  EXPECT_EQ(mallinfo2().hblks, before);
}

}  // namespace
}  // namespace httpteleport
