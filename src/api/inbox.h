// Objects handed over to a loop's thread, many at a time for one wake-up.
#pragma once

#include <atomic>

namespace httpteleport::api {

// T has a member `T* next_in_inbox`. Objects stay their owners'; one is in at most one inbox, once.
template <class T>
class Inbox {
 public:
  // Any thread. True when the inbox was empty: the taker must be told.
  bool push(T& object) {
    T* head = head_.load(std::memory_order_relaxed);
    do {
      object.next_in_inbox = head;
    } while (!head_.compare_exchange_weak(head, &object, std::memory_order_release,
                                          std::memory_order_relaxed));
    return head == nullptr;
  }

  // The taker's thread: calls `visit(T&)` for all that is there, in order of arrival. `visit` may
  // push.
  template <class Visit>
  void take_all(Visit&& visit) {
    T* newest = head_.exchange(nullptr, std::memory_order_acquire);
    T* oldest = nullptr;
    while (newest != nullptr) {
      T* const object = newest;
      newest = object->next_in_inbox;
      object->next_in_inbox = oldest;
      oldest = object;
    }
    while (oldest != nullptr) {
      T* const object = oldest;
      oldest = object->next_in_inbox;
      visit(*object);
    }
  }

 private:
  std::atomic<T*> head_{nullptr};
};

}  // namespace httpteleport::api
