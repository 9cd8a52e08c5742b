#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace httpteleport {
namespace {

struct Element : IntrusiveNode {
  explicit Element(int number_in) : number(number_in) {}
  int number;
};

using List = IntrusiveList<Element>;

std::vector<int> numbers_of(List& list) {
  std::vector<int> numbers;
  list.for_each([&numbers](Element& element) { numbers.push_back(element.number); });
  return numbers;
}

TEST(IntrusiveList, KeepsTheOrderOfItsElements) {
  Element a(1), b(2), c(3);
  List list;
  EXPECT_TRUE(list.empty());
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  EXPECT_EQ(numbers_of(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.front().number, 1);
  EXPECT_EQ(list.back().number, 3);
  EXPECT_TRUE(a.is_linked());
  EXPECT_EQ(list.pop_front().number, 1);
  EXPECT_FALSE(a.is_linked());
  EXPECT_EQ(numbers_of(list), (std::vector<int>{2, 3}));
}

TEST(IntrusiveList, LosesAnElementThatUnlinksOrIsDestroyed) {
  Element a(1), c(3);
  auto b = std::make_unique<Element>(2);
  List list;
  list.push_back(a);
  list.push_back(*b);
  list.push_back(c);
  b.reset();
  EXPECT_EQ(numbers_of(list), (std::vector<int>{1, 3}));
  a.unlink();
  a.unlink();
  EXPECT_EQ(numbers_of(list), std::vector<int>{3});
  c.unlink();
  EXPECT_TRUE(list.empty());
  list.push_back(a);
  EXPECT_EQ(numbers_of(list), std::vector<int>{1});
}

TEST(IntrusiveList, LetsGoOfItsElementsWhenItIsDestroyed) {
  Element a(1), b(2);
  {
    List list;
    list.push_back(a);
    list.push_back(b);
  }
  EXPECT_FALSE(a.is_linked());
  EXPECT_FALSE(b.is_linked());
  List other;
  other.push_back(b);
  EXPECT_EQ(numbers_of(other), std::vector<int>{2});
}

TEST(IntrusiveList, TakesAllOfAnotherInOrder) {
  Element a(1), b(2), c(3), d(4);
  List list;
  List other;
  list.splice_back(other);
  EXPECT_TRUE(list.empty());
  other.push_back(a);
  other.push_back(b);
  list.splice_back(other);
  EXPECT_EQ(numbers_of(list), (std::vector<int>{1, 2}));
  EXPECT_TRUE(other.empty());
  other.push_back(c);
  list.splice_back(other);
  list.splice_back(other);
  EXPECT_EQ(numbers_of(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.back().number, 3);
  other.push_back(d);
  EXPECT_EQ(numbers_of(other), std::vector<int>{4});
}

TEST(IntrusiveList, MayLoseTheElementThatIsVisited) {
  Element a(1), b(2), c(3), d(4);
  List list;
  for (Element* element : {&a, &b, &c, &d})
    list.push_back(*element);
  list.for_each([](Element& element) {
    if (element.number % 2 == 0) element.unlink();
  });
  EXPECT_EQ(numbers_of(list), (std::vector<int>{1, 3}));
}

}  // namespace
}  // namespace httpteleport
