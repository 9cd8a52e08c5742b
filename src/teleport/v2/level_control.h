// Which level a link is to compress at, by how its time goes.
#pragma once

#include <optional>

#include "base/clock.h"

namespace httpteleport::teleport::v2 {

// A level that is changed costs a new zstd frame, so it changes on a scale of seconds: up while the
// connection cannot take what there is and the thread has time to spare, down while the thread has
// none, and back to where it began when neither is so. Not thread safe.
class LevelControl {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);

  LevelControl();

  // The connection cannot take what there is.
  void note_blocked() { was_blocked_ = true; }
  // Whether it is time for update().
  bool is_due(TimePoint now) const { return !begin_ || now - *begin_ >= kInterval; }
  // `cpu_time` is what the thread has used so far. The level to change to, if there is one.
  std::optional<int> update(TimePoint now, Duration cpu_time);
  int level() const;

 private:
  // Steps up or down that many rungs of the ladder, if they are there.
  bool step(int rungs);

  std::optional<TimePoint> begin_;  // of the interval
  Duration cpu_at_begin_{};
  bool was_blocked_ = false;
  int rung_;
};

}  // namespace httpteleport::teleport::v2
