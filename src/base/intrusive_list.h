// Doubly linked list whose links live in the elements: no allocation, O(1) removal from anywhere.
// The list does not own its elements. An element is in at most one list per node base.
#pragma once

#include <cstddef>

#include "base/assert.h"

namespace httpteleport {

class IntrusiveNode {
 public:
  IntrusiveNode() = default;
  IntrusiveNode(const IntrusiveNode&) = delete;
  IntrusiveNode& operator=(const IntrusiveNode&) = delete;
  ~IntrusiveNode() { unlink(); }

  bool is_linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T>
  friend class IntrusiveList;
  IntrusiveNode* next_ = nullptr;
  IntrusiveNode* previous_ = nullptr;
};

// T derives from IntrusiveNode. Elements unlink themselves when destroyed.
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() { sentinel_.next_ = sentinel_.previous_ = &sentinel_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty())
      sentinel_.next_->unlink();
    sentinel_.next_ = sentinel_.previous_ = nullptr;
  }

  bool empty() const { return sentinel_.next_ == &sentinel_; }
  T& front() { return *static_cast<T*>(sentinel_.next_); }
  T& back() { return *static_cast<T*>(sentinel_.previous_); }

  void push_back(T& element) { insert_before(sentinel_, element); }
  void push_front(T& element) { insert_before(*sentinel_.next_, element); }
  // Removes and returns the first element; the list must not be empty.
  T& pop_front() {
    HT_DASSERT(!empty());
    T& element = front();
    static_cast<IntrusiveNode&>(element).unlink();
    return element;
  }

  // Moves all elements of `other` to the back, in order. O(1).
  void splice_back(IntrusiveList& other) {
    if (other.empty()) return;
    IntrusiveNode* first = other.sentinel_.next_;
    IntrusiveNode* last = other.sentinel_.previous_;
    first->previous_ = sentinel_.previous_;
    sentinel_.previous_->next_ = first;
    last->next_ = &sentinel_;
    sentinel_.previous_ = last;
    other.sentinel_.next_ = other.sentinel_.previous_ = &other.sentinel_;
  }

  // Calls `visit(T&)` for each element; `visit` may unlink the element it was given, no other.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (IntrusiveNode* node = sentinel_.next_; node != &sentinel_;) {
      IntrusiveNode* next = node->next_;
      visit(*static_cast<T*>(node));
      node = next;
    }
  }

 private:
  void insert_before(IntrusiveNode& position, T& element) {
    IntrusiveNode& node = element;
    HT_ASSERT(!node.is_linked());
    node.next_ = &position;
    node.previous_ = position.previous_;
    position.previous_->next_ = &node;
    position.previous_ = &node;
  }

  IntrusiveNode sentinel_;
};

}  // namespace httpteleport
