#include "server/name_refresher.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/log.h"

namespace httpteleport::server {

namespace {

constexpr Duration kWarnInterval = std::chrono::minutes(10);

// One name as the thread knows it.
struct WatchedName {
  EndpointName name;
  std::optional<TimePoint> warned_at{};  // set while lookups fail
};

// Resolvers turn the order with each answer; that is no change.
bool is_same_set(const std::vector<net::Address>& a, const std::vector<net::Address>& b) {
  return a.size() == b.size() && std::is_permutation(a.begin(), a.end(), b.begin());
}

void warn(WatchedName& watched, const Error& error) {
  const TimePoint now = std::chrono::steady_clock::now();
  if (watched.warned_at && now - *watched.warned_at < kWarnInterval) return;
  watched.warned_at = now;
  log_line(LogLevel::kWarn, "cannot look up a name; its last addresses stay in use",
           {{"name", watched.name.target.host}, {"detail", error.detail}});
}

}  // namespace

struct NameRefresher::Shared {
  event::Loop* loop;    // nullptr once the refresher is gone
  OnChange on_change;   // loop's thread
  Resolver resolver;    // the lookup thread
  Duration interval{};  // does not change
  std::mutex mutex;     // guards loop and what follows
  std::condition_variable changed;
  bool stopping = false;
  bool resolving = false;

  // False when it is time to end.
  bool wait_interval() {
    std::unique_lock lock(mutex);
    return !changed.wait_for(lock, interval, [this] { return stopping; });
  }
  bool set_resolving(bool now_resolving) {
    const std::lock_guard lock(mutex);
    resolving = now_resolving;
    return !stopping;
  }
  static void post_change(const std::shared_ptr<Shared>& shared, const EndpointName& name) {
    const std::lock_guard lock(shared->mutex);
    if (shared->loop == nullptr) return;
    shared->loop->post([shared, name] {
      if (shared->loop != nullptr) shared->on_change(name);
    });
  }
  // False when it is time to end.
  static bool refresh(const std::shared_ptr<Shared>& shared, WatchedName& watched) {
    if (!shared->set_resolving(true)) return false;
    Result<std::vector<net::Address>> found = shared->resolver(watched.name.target);
    if (!shared->set_resolving(false)) return false;
    if (!found) {
      warn(watched, found.error());
      return true;
    }
    if (std::exchange(watched.warned_at, std::nullopt))
      log_line(LogLevel::kInfo, "a name is found again", {{"name", watched.name.target.host}});
    if (found->empty() || is_same_set(*found, watched.name.addresses)) return true;
    watched.name.addresses = *std::move(found);
    post_change(shared, watched.name);
    return true;
  }
  static void run(const std::shared_ptr<Shared>& shared, std::vector<WatchedName> names) {
    while (shared->wait_interval()) {
      for (WatchedName& watched : names) {
        if (!refresh(shared, watched)) return;
      }
    }
  }
};

NameRefresher::NameRefresher(event::Loop& loop, std::vector<EndpointName> names, Duration interval,
                             Resolver resolver, OnChange on_change)
    : shared_(std::make_shared<Shared>()) {
  HT_ASSERT(interval > Duration::zero());
  shared_->loop = &loop;
  shared_->on_change = std::move(on_change);
  shared_->resolver = std::move(resolver);
  shared_->interval = interval;
  std::vector<WatchedName> watched;
  for (EndpointName& name : names)
    watched.push_back({.name = std::move(name)});
  thread_ = std::thread(
      [shared = shared_, watched = std::move(watched)] { Shared::run(shared, watched); });
}

NameRefresher::~NameRefresher() {
  bool resolving = false;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->loop = nullptr;
    resolving = shared_->resolving;
  }
  shared_->changed.notify_all();
  if (resolving) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

}  // namespace httpteleport::server
