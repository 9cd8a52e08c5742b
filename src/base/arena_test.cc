#include "base/arena.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace httpteleport {
namespace {

TEST(Arena, KeepsCopiesUntilItIsCleared) {
  BlockPool pool;
  Arena arena(pool);
  std::vector<std::pair<std::string, std::string_view>> copies;
  for (size_t i = 0; i < 3000; ++i) {
    std::string text(i % 97, static_cast<char>('a' + i % 26));
    const std::string_view copy = arena.copy(text);
    copies.emplace_back(std::move(text), copy);
  }
  for (const auto& [text, copy] : copies)
    EXPECT_EQ(copy, text);
  arena.clear();
  EXPECT_EQ(pool.bytes_in_use(), 0u);
  EXPECT_EQ(arena.copy("again"), "again");
}

TEST(Arena, TakesNoMemoryForNothing) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(arena.copy(""), "");
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(Arena, HoldsTextsLargerThanABlock) {
  BlockPool pool;
  {
    Arena arena(pool);
    const std::string small = "small";
    const std::string large(3 * BlockPool::kLargeBytes, 'x');
    const std::string_view first = arena.copy(small);
    const std::string_view second = arena.copy(large);
    const std::string_view third = arena.copy(small);
    EXPECT_EQ(first, small);
    EXPECT_EQ(second, large);
    EXPECT_EQ(third, small);
  }
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(Arena, GivesRoomThatDoesNotOverlap) {
  BlockPool pool;
  Arena arena(pool);
  std::vector<char*> places;
  for (int i = 0; i < 100; ++i) {
    char* place = arena.allocate(100);
    std::memset(place, i, 100);
    places.push_back(place);
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(places[static_cast<size_t>(i)][0], i);
    EXPECT_EQ(places[static_cast<size_t>(i)][99], i);
  }
}

}  // namespace
}  // namespace httpteleport
