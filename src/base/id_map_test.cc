#include "base/id_map.h"

#include <gtest/gtest.h>

#include <deque>

namespace httpteleport {
namespace {

struct Thing : IdMapNode<Thing> {
  explicit Thing(uint32_t id) : own_id(id) {}
  uint32_t id() const { return own_id; }
  uint32_t own_id;
};

TEST(IdMap, FindsWhatIsThereAndNothingElse) {
  IdMap<Thing> map;
  std::deque<Thing> things;
  // Ids that would share one slot of a table that takes their low bits.
  for (uint32_t i = 1; i <= 1000; ++i)
    map.add(things.emplace_back(i * 4096));
  EXPECT_EQ(map.size(), 1000u);
  for (Thing& thing : things)
    EXPECT_EQ(map.find(thing.id()), &thing);
  EXPECT_EQ(map.find(0), nullptr);
  EXPECT_EQ(map.find(4097), nullptr);
}

TEST(IdMap, ForgetsWhatIsRemoved) {
  IdMap<Thing> map;
  std::deque<Thing> things;
  for (uint32_t id = 1; id <= 300; ++id)
    map.add(things.emplace_back(id));
  for (Thing& thing : things) {
    if (thing.id() % 3 != 0) map.remove(thing);
  }
  EXPECT_EQ(map.size(), 100u);
  for (Thing& thing : things)
    EXPECT_EQ(map.find(thing.id()), thing.id() % 3 == 0 ? &thing : nullptr) << thing.id();
}

TEST(IdMap, TakesAnIdAgainOnceItIsFree) {
  IdMap<Thing> map;
  Thing first(7);
  Thing second(7);
  map.add(first);
  map.remove(first);
  map.add(second);
  EXPECT_EQ(map.find(7), &second);
}

}  // namespace
}  // namespace httpteleport
