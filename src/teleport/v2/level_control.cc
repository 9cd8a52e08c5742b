#include "teleport/v2/level_control.h"

#include <array>
#include <utility>

namespace httpteleport::teleport::v2 {

namespace {

constexpr std::array<int, 4> kLadder = {-1, 1, 3, 6};
constexpr int kUsualRung = 1;
// Of an interval that the thread has worked.
constexpr double kSaturated = 0.9;
constexpr double kIdle = 0.6;

}  // namespace

LevelControl::LevelControl() : rung_(kUsualRung) {}

int LevelControl::level() const {
  return kLadder[static_cast<size_t>(rung_)];
}

bool LevelControl::step(int rungs) {
  const int rung = rung_ + rungs;
  if (rung < 0 || rung >= static_cast<int>(kLadder.size())) return false;
  rung_ = rung;
  return true;
}

std::optional<int> LevelControl::update(TimePoint now, Duration cpu_time) {
  if (!is_due(now)) return {};
  const bool is_first = !begin_;
  const double share = is_first ? 0
                                : std::chrono::duration<double>(cpu_time - cpu_at_begin_) /
                                      std::chrono::duration<double>(now - *begin_);
  const bool blocked = std::exchange(was_blocked_, false);
  begin_ = now;
  cpu_at_begin_ = cpu_time;
  if (is_first) return {};
  bool changed = false;
  if (share >= kSaturated) {
    changed = step(-1);
  } else if (blocked && share < kIdle) {
    changed = step(1);
  } else if (!blocked && rung_ != kUsualRung) {
    changed = step(rung_ < kUsualRung ? 1 : -1);
  }
  if (!changed) return {};
  return level();
}

}  // namespace httpteleport::teleport::v2
