// The event loop: one a thread, epoll edge-triggered.
//
// A turn is: wait; readiness callbacks; timers; letters from other threads; turn-end tasks (they
// flush what the turn wrote, so that one turn costs one write a connection); deferred deletions.
//
// Only net/ registers descriptors here. Everything above it sees bytes that are valid until the
// callback returns and hands over bytes that the connection owns until they are sent, which is also
// what a completion-based backend (io_uring) needs: it would replace this file and net's sockets,
// and nothing else.
#pragma once

#include <memory>
#include <span>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/deletable.h"
#include "base/intrusive_list.h"
#include "base/result.h"
#include "event/mailbox.h"
#include "event/timer.h"

namespace httpteleport::event {

// What a descriptor is ready for; bits of Loop's readiness callbacks.
struct Readiness {
  bool readable = false;
  bool writable = false;
  bool peer_closed = false;  // the peer has sent its FIN; there may still be bytes to read
  bool failed = false;       // reset, or an asynchronous connect that failed
};

class IoHandler {
 public:
  // Edge-triggered: called once for each change. May unwatch its own descriptor.
  virtual void on_ready(Readiness readiness) = 0;

 protected:
  ~IoHandler() = default;
};

// Work to be done once at the end of the current turn, however often it was asked for.
class TurnEndTask : public IntrusiveNode {
 public:
  virtual void on_turn_end() = 0;

 protected:
  ~TurnEndTask() = default;
};

class Loop {
 public:
  // Throws std::system_error when the process has no descriptors left for it: at a start, where
  // that ends a program, and a program that embeds the library must live.
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs turns until stop(). The caller's thread is the loop's thread from here on.
  void run();
  // One turn that waits at most `wait_max`; for tests and for draining by hand.
  void run_once(Duration wait_max);
  // Ends run() after the current turn. The loop's thread; others post a letter.
  void stop() { stopped_ = true; }

  // Watches `fd` for reading and writing until unwatch(). Both stay the caller's. Errors: kSystem.
  Result<void> watch(int fd, IoHandler& handler);
  // The same, level-triggered and for reading only: for what stops short on purpose.
  Result<void> watch_level(int fd, IoHandler& handler);
  // The same for a listening socket, which several loops may watch: one is woken at a time, as a
  // rule. Not for descriptors of other kinds: those of signals, for one, share a queue of the
  // process, and the wrong one may be woken.
  Result<void> watch_shared(int fd, IoHandler& handler);
  // Edge-triggered for reading only: for datagrams, where every one that has left would be a change
  // of whether more can be written.
  Result<void> watch_reading(int fd, IoHandler& handler);
  // Must come before close(fd). Callbacks already collected for it in this turn may still come, so
  // the handler must live until the end of the turn (delete_later) and know that it is closed.
  void unwatch(int fd);

  // The time at the start of this turn's callbacks.
  TimePoint now() const { return now_; }

  void set_timer(Timer& timer, Duration after) { timers_.set(timer, now_ + after); }
  void set_timer_at(Timer& timer, TimePoint when) { timers_.set(timer, when); }

  // Queues `task` for the end of this turn; nothing happens if it is queued already.
  void at_turn_end(TurnEndTask& task) {
    if (!task.is_linked()) turn_end_.push_back(task);
  }
  // Queues `task` behind what others have to do now: for work that was cut short to be fair to
  // them. Called while turn-end tasks run, or between turns, it means the end of the next turn,
  // which then does not wait; called earlier in a turn, the end of that turn, behind its callbacks
  // and the tasks queued by at_turn_end() until then. Nothing happens if it is queued already.
  void at_next_turn(TurnEndTask& task) {
    if (!task.is_linked()) next_turn_.push_back(task);
  }

  void delete_later(std::unique_ptr<Deletable> object);
  // Deletes all that now, outside of a turn: for an owner of what those objects refer to, when it
  // ends before the loop does.
  void delete_doomed();

  // Any thread: runs `letter` on the loop's thread, soon.
  void post(Mailbox::Letter letter);

  BlockPool& pool() { return pool_; }

  // Scratch space that every read of this worker goes through: hot in the cache, and idle
  // connections own no buffer. What is in it is good until the reader's callback returns.
  std::span<char> read_buffer() { return {read_buffer_.get(), kReadBufferBytes}; }
  static constexpr size_t kReadBufferBytes = 64 * 1024;

 private:
  void wait(Duration wait_max);
  void run_turn_end_tasks();
  Result<void> add(int fd, IoHandler& handler, uint32_t events);

  BlockPool pool_;  // first: everything else may hold blocks of it
  std::unique_ptr<char[]> read_buffer_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  bool stopped_ = false;
  TimePoint now_;
  TimerWheel timers_;
  Mailbox mailbox_;
  IntrusiveList<TurnEndTask> turn_end_;
  IntrusiveList<TurnEndTask> next_turn_;
  std::unique_ptr<Deletable> doomed_;
};

}  // namespace httpteleport::event
