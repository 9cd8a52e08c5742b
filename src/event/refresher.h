// Work that blocks, done again and again for each of a changing set of jobs, on threads of its own;
// what comes of it is told on a loop's thread. For lookups of names, pages that are fetched, and
// the like.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "event/loop.h"

namespace httpteleport::event {

class RefreshJob {
 public:
  struct Outcome {
    // To be run on the loop's thread, unless the job has been removed by then. May be empty.
    Mailbox::Letter letter{};
    // When to run again, instead of after the interval; zero: after the interval.
    Duration again_after{};
  };

  virtual ~RefreshJob() = default;
  // On one of the threads, never on two at a time. Must not refer to what may be gone by then: it
  // may still run when the refresher is gone, unless Options::wait_for_jobs is set.
  virtual Outcome run() = 0;
  // Any thread, once: nobody wants to know any more, so run() should return soon if it can.
  virtual void cancel() {}
};

// Jobs that took long the last time never take all threads, so that the others are not held up by
// them. All methods on the loop's thread; the loop outlives it.
class Refresher {
 public:
  using Id = uint64_t;

  struct Options {
    Duration interval = std::chrono::seconds(30);  // +-10 %, from the end of one run to the next
    size_t threads_max = 4;                        // as many as there are jobs, at most; 2 or more
    Duration slow_after = std::chrono::seconds(1);
    // The destructor waits for jobs that run, which must know how to be cancelled. Otherwise they
    // are left to end by themselves.
    bool wait_for_jobs = false;
  };

  Refresher(Loop& loop, const Options& options);
  ~Refresher();
  Refresher(const Refresher&) = delete;
  Refresher& operator=(const Refresher&) = delete;

  // Runs first at once, before others that are due, or after one interval.
  Id add(std::shared_ptr<RefreshJob> job, bool at_once = true);
  // Idempotent.
  void remove(Id id);

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

}  // namespace httpteleport::event
