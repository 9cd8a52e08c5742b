// Tells when files of a folder may have changed.
#pragma once

#include <functional>
#include <string>

#include "event/loop.h"

namespace httpteleport::event {

// Told by the kernel (inotify) as things happen, and asks to look again every poll_interval all the
// same: a folder may come into being later, be replaced, lie on a file system that tells nothing,
// or hold links to files elsewhere. Who is told looks for itself what has changed, if anything.
//
// The loop's thread; the loop outlives it.
class FolderWatch final : private IoHandler {
 public:
  struct Options {
    // From the last event to the call, so that a set of files is not read half written; but never
    // more than ten times that from the first one.
    Duration quiet_time = std::chrono::milliseconds(200);
    Duration poll_interval = std::chrono::seconds(10);
  };

  // `on_change` may end the watch.
  FolderWatch(Loop& loop, std::string folder, const Options& options,
              std::function<void()> on_change);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // The kernel tells; false: there is only polling.
  bool is_told() const { return watch_ >= 0; }

 private:
  static constexpr int kQuietTimesMax = 10;

  void on_ready(Readiness readiness) override;
  void watch_folder();
  void on_quiet();
  void on_poll();

  Loop& loop_;
  std::string folder_;
  Options options_;
  std::function<void()> on_change_;
  int inotify_ = -1;
  int watch_ = -1;
  TimePoint first_event_at_{};
  MemberTimer<FolderWatch, &FolderWatch::on_quiet> quiet_timer_{*this};
  MemberTimer<FolderWatch, &FolderWatch::on_poll> poll_timer_{*this};
};

}  // namespace httpteleport::event
