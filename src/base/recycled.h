// Memory for objects of one type that come and go all the time, such as exchanges.
#pragma once

#include <cstddef>
#include <new>

namespace httpteleport {

// Derive T from Recycled<T>: what a deleted T leaves behind is kept, up to kKept objects a thread,
// for the next one of the same thread, so that a steady state asks the allocator for nothing. O(1).
// Under a sanitizer nothing is kept, so that use after deletion is seen.
template <class T, size_t kKept = 4096>
class Recycled {
 public:
  static void* operator new(size_t bytes) {
    FreeList& list = free_;
    if (list.head == nullptr || bytes != sizeof(T)) return ::operator new(bytes);
    Free* place = list.head;
    list.head = place->next;
    --list.count;
    return place;
  }
  static void operator delete(void* place, size_t bytes) {
    FreeList& list = free_;
    if (bytes != sizeof(T) || list.count >= list.max) return ::operator delete(place);
    if (list.count == 0) cleaner_.is_used = true;  // makes it, which registers its destructor
    list.head = ::new (place) Free{list.head};
    ++list.count;
  }

 protected:
  ~Recycled() = default;

 private:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr size_t kMax = 0;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  static constexpr size_t kMax = 0;
#else
  static constexpr size_t kMax = kKept;
#endif
#else
  static constexpr size_t kMax = kKept;
#endif

  struct Free {
    Free* next;
  };
  struct FreeList {
    Free* head = nullptr;
    size_t count = 0;
    size_t max = kMax;
  };
  // Frees the list at the end of the thread. Apart from the list, which then needs no check of
  // whether it has been made each time it is used.
  struct Cleaner {
    bool is_used = false;

    ~Cleaner() {
      FreeList& list = free_;
      list.max = 0;  // what is deleted later in the thread's end goes to the allocator
      while (list.head != nullptr) {
        Free* place = list.head;
        list.head = place->next;
        ::operator delete(place);
      }
    }
  };

  static inline constinit thread_local FreeList free_{};
  static inline thread_local Cleaner cleaner_{};
};

}  // namespace httpteleport
