#include "base/recycled.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "base/recycled_array.h"

namespace httpteleport {
namespace {

struct Small : Recycled<Small, 2> {
  int value = 7;
};

struct Base {
  virtual ~Base() = default;
};
struct Derived final : Base, Recycled<Derived> {
  char bytes[100]{};
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

TEST(Recycled, GivesThePlaceOfADeletedObjectToTheNextOne) {
  auto first = std::make_unique<Small>();
  const void* const place = first.get();
  first.reset();
  const auto second = std::make_unique<Small>();
  if (kKeeps) {
    EXPECT_EQ(second.get(), place);
  }
  EXPECT_EQ(second->value, 7);
}

TEST(Recycled, ObjectsThatLiveAtOneTimeHavePlacesOfTheirOwn) {
  std::vector<std::unique_ptr<Small>> all;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) {
      all.push_back(std::make_unique<Small>());
      all.back()->value = i;
    }
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(all[static_cast<size_t>(i)]->value, i);
    all.clear();
  }
}

TEST(Recycled, IsFoundThroughABaseWithAVirtualDestructor) {
  std::unique_ptr<Base> first = std::make_unique<Derived>();
  const void* const place = dynamic_cast<void*>(first.get());
  first.reset();
  const auto second = std::make_unique<Derived>();
  if (kKeeps) {
    EXPECT_EQ(static_cast<const void*>(second.get()), place);
  }
}

TEST(RecycledArray, GivesTheArrayOfAVectorToTheNextOneOfThatCapacity) {
  using Vector = std::vector<int, RecycledArrayAllocator<int, 8>>;
  Vector first;
  first.reserve(8);
  const void* const place = first.data();
  Vector().swap(first);
  Vector second;
  second.reserve(8);
  if (kKeeps) {
    EXPECT_EQ(static_cast<const void*>(second.data()), place);
  }
  Vector other;
  other.reserve(9);
  for (int i = 0; i < 20; ++i) {
    second.push_back(i);
    other.push_back(-i);
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(second[static_cast<size_t>(i)], i);
    EXPECT_EQ(other[static_cast<size_t>(i)], -i);
  }
}

TEST(Recycled, ObjectsMayEndOnAnotherThread) {
  auto object = std::make_unique<Small>();
  std::thread([&] { object.reset(); }).join();
  object = std::make_unique<Small>();
  EXPECT_EQ(object->value, 7);
}

}  // namespace
}  // namespace httpteleport
