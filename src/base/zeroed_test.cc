#include "base/zeroed.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "support/sanitized.h"

namespace httpteleport {
namespace {

struct Slot {
  uint32_t number = 0;
  bool used = false;
  std::array<char, 27> bytes;
};

TEST(ZeroedVector, HoldsZerosInMemoryThatHasBeenUsed) {
  for (int i = 0; i < 3; ++i) {
    ZeroedVector<Slot> slots(20);
    for (Slot& slot : slots) {
      EXPECT_EQ(slot.number, 0u);
      EXPECT_FALSE(slot.used);
      EXPECT_EQ(std::count(slot.bytes.begin(), slot.bytes.end(), '\0'), 27);
      slot.number = 7;
      slot.used = true;
      slot.bytes.fill('x');
    }
  }
}

TEST(ZeroedVector, TakesNoPageBeforeItIsUsed) {
  if (test::kSanitized) return;  // its allocator may touch them
  constexpr size_t kBytes = size_t{64} << 20;
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const ZeroedVector<Slot> slots(kBytes / sizeof(Slot));
  const auto first = reinterpret_cast<uintptr_t>(slots.data());
  const uintptr_t begin = (first + 2 * page) & ~(page - 1);
  const size_t pages = kBytes / page - 4;
  std::vector<unsigned char> present(pages);
  ASSERT_EQ(mincore(reinterpret_cast<void*>(begin), pages * page, present.data()), 0);
  const auto count = std::count_if(present.begin(), present.end(), [](auto c) { return c & 1; });
  // A system with huge pages has some around what stands beside it.
  EXPECT_LT(static_cast<size_t>(count), pages / 4);
}

}  // namespace
}  // namespace httpteleport
