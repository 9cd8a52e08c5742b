// How another thread gets work done on a loop's thread.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace httpteleport::event {

// A queue of calls with a lock around it. For control work (a new listener socket, a snapshot, the
// order to stop): never on the path of a request. At most as many letters as the control thread
// writes; it writes a bounded number for each operator's action or accepted link.
class Mailbox {
 public:
  using Letter = std::function<void()>;

  // Any thread. True when the box was empty, so that the loop must be woken.
  bool post(Letter letter);
  // The loop's thread: runs all letters that are there, in order.
  void deliver();

 private:
  std::mutex mutex_;
  std::vector<Letter> letters_;
  std::vector<Letter> delivered_;  // empty but for the time of deliver(): keeps its memory
};

}  // namespace httpteleport::event
