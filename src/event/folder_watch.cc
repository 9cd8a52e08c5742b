#include "event/folder_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace httpteleport::event {

namespace {

// Whole files and links: what is being written to is of no interest before it is closed.
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                             IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

}  // namespace

FolderWatch::FolderWatch(Loop& loop, std::string folder, const Options& options,
                         std::function<void()> on_change)
    : loop_(loop),
      folder_(std::move(folder)),
      options_(options),
      on_change_(std::move(on_change)),
      inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (inotify_ >= 0 && !loop_.watch_level(inotify_, *this)) close(std::exchange(inotify_, -1));
  watch_folder();
  loop_.set_timer(poll_timer_, options_.poll_interval);
}

FolderWatch::~FolderWatch() {
  if (inotify_ < 0) return;
  loop_.unwatch(inotify_);
  close(inotify_);
}

// The same folder gets the same number again.
void FolderWatch::watch_folder() {
  if (inotify_ < 0) return;
  const int watch = inotify_add_watch(inotify_, folder_.c_str(), kEvents);
  if (watch != watch_ && watch_ >= 0) inotify_rm_watch(inotify_, watch_);
  watch_ = watch;
}

void FolderWatch::on_ready(Readiness) {
  alignas(inotify_event) std::array<char, 4096> events;
  while (read(inotify_, events.data(), events.size()) > 0) {
  }
  const TimePoint now = loop_.now();
  if (!quiet_timer_.is_set()) first_event_at_ = now;
  loop_.set_timer_at(
      quiet_timer_,
      std::min(now + options_.quiet_time, first_event_at_ + kQuietTimesMax * options_.quiet_time));
}

void FolderWatch::on_quiet() {
  on_change_();
}

void FolderWatch::on_poll() {
  watch_folder();
  loop_.set_timer(poll_timer_, options_.poll_interval);
  on_change_();
}

}  // namespace httpteleport::event
