#include "event/refresher.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/random.h"

namespace httpteleport::event {

namespace {

TimePoint read_clock() {
  return std::chrono::steady_clock::now();
}

}  // namespace

struct Refresher::Shared : std::enable_shared_from_this<Refresher::Shared> {
  using Due = std::set<std::pair<TimePoint, Id>>;
  struct Entry {
    std::shared_ptr<RefreshJob> job;
    TimePoint due_at{};
    bool slow = false;
  };
  struct Thread {
    std::thread thread;
    bool runs_job = false;
  };

  explicit Shared(Loop& its_loop, const Options& its_options)
      : loop(&its_loop),
        options(its_options),
        random(static_cast<uint64_t>(read_clock().time_since_epoch().count())) {}

  void schedule(Id id, Entry& entry, TimePoint due_at);
  void start_thread();
  void run_thread(Thread& self);
  // The job to be run next, or nullptr, with the time to look again.
  std::shared_ptr<RefreshJob> take_due(Id& id, TimePoint now, TimePoint& next);
  void finish(Id id, RefreshJob::Outcome outcome, bool slow);
  void deliver(Id id, const Mailbox::Letter& letter);

  std::mutex mutex;
  std::condition_variable changed;
  // All of these are guarded.
  Loop* loop;  // nullptr once the refresher is gone
  const Options options;
  Random random;
  std::unordered_map<Id, Entry> entries;
  Due due;
  Due due_slow;  // those that took long
  size_t slow_running = 0;
  Id last_id = 0;
  std::vector<std::unique_ptr<Thread>> threads;
};

void Refresher::Shared::schedule(Id id, Entry& entry, TimePoint due_at) {
  entry.due_at = due_at;
  (entry.slow ? due_slow : due).emplace(due_at, id);
  changed.notify_all();
}

void Refresher::Shared::start_thread() {
  threads.push_back(std::make_unique<Thread>());
  Thread& self = *threads.back();
  // The objects outlive the threads, which own a share of them.
  self.thread = std::thread([shared = shared_from_this(), &self] { shared->run_thread(self); });
}

std::shared_ptr<RefreshJob> Refresher::Shared::take_due(Id& id, TimePoint now, TimePoint& next) {
  next = now + std::chrono::hours(1);
  for (Due* queue : {&due, &due_slow}) {
    if (queue->empty()) continue;
    // One that ends wakes the others.
    if (queue == &due_slow && slow_running + 1 >= options.threads_max) continue;
    const auto first = queue->begin();
    if (first->first > now) {
      next = std::min(next, first->first);
      continue;
    }
    id = first->second;
    queue->erase(first);
    return entries.at(id).job;
  }
  return nullptr;
}

void Refresher::Shared::run_thread(Thread& self) {
  std::unique_lock lock(mutex);
  while (loop != nullptr) {
    Id id = 0;
    const TimePoint begun_at = read_clock();
    TimePoint next;
    std::shared_ptr<RefreshJob> job = take_due(id, begun_at, next);
    if (!job) {
      changed.wait_until(lock, next);
      continue;
    }
    const bool was_slow = entries.at(id).slow;
    if (was_slow) ++slow_running;
    self.runs_job = true;
    lock.unlock();
    RefreshJob::Outcome outcome = job->run();
    job.reset();
    lock.lock();
    self.runs_job = false;
    if (was_slow) --slow_running;
    finish(id, std::move(outcome), read_clock() - begun_at > options.slow_after);
  }
}

void Refresher::Shared::finish(Id id, RefreshJob::Outcome outcome, bool slow) {
  const auto at = entries.find(id);
  if (loop == nullptr || at == entries.end()) return changed.notify_all();
  at->second.slow = slow;
  const Duration after =
      outcome.again_after > Duration::zero() ? outcome.again_after : options.interval;
  schedule(id, at->second, read_clock() + after / 1000 * (900 + random.below(201)));
  if (!outcome.letter) return;
  loop->post([shared = shared_from_this(), id, letter = std::move(outcome.letter)] {
    shared->deliver(id, letter);
  });
}

void Refresher::Shared::deliver(Id id, const Mailbox::Letter& letter) {
  {
    const std::lock_guard lock(mutex);
    if (loop == nullptr || !entries.contains(id)) return;
  }
  letter();
}

Refresher::Refresher(Loop& loop, const Options& options)
    : shared_(std::make_shared<Shared>(loop, options)) {
  HT_ASSERT(options.interval > Duration::zero() && options.threads_max >= 2);
}

Refresher::~Refresher() {
  std::vector<Shared::Thread*> running;
  std::vector<Shared::Thread*> others;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->loop = nullptr;
    for (auto& [id, entry] : shared_->entries)
      entry.job->cancel();
    for (const auto& thread : shared_->threads)
      (thread->runs_job && !shared_->options.wait_for_jobs ? running : others)
          .push_back(thread.get());
  }
  shared_->changed.notify_all();
  for (Shared::Thread* thread : running)
    thread->thread.detach();
  for (Shared::Thread* thread : others)
    thread->thread.join();
}

Refresher::Id Refresher::add(std::shared_ptr<RefreshJob> job, bool at_once) {
  Shared& shared = *shared_;
  const std::lock_guard lock(shared.mutex);
  const Id id = ++shared.last_id;
  Shared::Entry& entry = shared.entries[id];
  entry.job = std::move(job);
  // Before all that is due.
  shared.schedule(id, entry, at_once ? TimePoint() : read_clock() + shared.options.interval);
  if (shared.threads.size() < std::min(shared.options.threads_max, shared.entries.size()))
    shared.start_thread();
  return id;
}

void Refresher::remove(Id id) {
  Shared& shared = *shared_;
  const std::lock_guard lock(shared.mutex);
  const auto at = shared.entries.find(id);
  if (at == shared.entries.end()) return;
  at->second.job->cancel();
  (at->second.slow ? shared.due_slow : shared.due).erase({at->second.due_at, id});
  shared.entries.erase(at);
}

}  // namespace httpteleport::event
