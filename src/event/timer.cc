#include "event/timer.h"

#include <algorithm>
#include <bit>

namespace httpteleport::event {

TimerWheel::TimerWheel(TimePoint start) : start_(start) {}

void TimerWheel::set(Timer& timer, TimePoint when) {
  timer.unlink();
  const Duration ahead = std::max(when - start_, Duration::zero());
  // Rounded up: never early.
  const auto tick = static_cast<uint64_t>((ahead + kTick - Duration(1)) / kTick);
  timer.expiry_tick_ = std::max(tick, current_tick_ + 1);
  place(timer);
}

// A timer goes into the lowest level whose span covers the distance from now. A distance of 64^6
// ticks or more (79 days) waits in the last slot of the top level and is placed again from there.
void TimerWheel::place(Timer& timer) {
  const uint64_t difference = timer.expiry_tick_ ^ current_tick_;
  int level = difference == 0 ? 0 : (63 - std::countl_zero(difference)) / kSlotBits;
  level = std::min(level, kLevels - 1);
  const auto slot = static_cast<unsigned>(timer.expiry_tick_ >> (level * kSlotBits)) & (kSlots - 1);
  Level& home = levels_[static_cast<size_t>(level)];
  home.slots[slot].push_back(timer);
  home.occupied |= uint64_t{1} << slot;
}

std::optional<uint64_t> TimerWheel::next_tick() const {
  std::optional<uint64_t> earliest;
  for (int level = 0; level < kLevels; ++level) {
    Level& here = levels_[static_cast<size_t>(level)];
    const int shift = level * kSlotBits;
    const auto position = static_cast<unsigned>(current_tick_ >> shift) & (kSlots - 1);
    while (here.occupied != 0) {
      // Slots after the current position, in the order in which they come up.
      const uint64_t rotated =
          std::rotr(here.occupied, static_cast<int>((position + 1) & (kSlots - 1)));
      const auto ahead = static_cast<unsigned>(std::countr_zero(rotated)) + 1;
      const unsigned slot = (position + ahead) & (kSlots - 1);
      if (here.slots[slot].empty()) {
        here.occupied &= ~(uint64_t{1} << slot);
        continue;
      }
      const uint64_t tick = ((current_tick_ >> shift) + ahead) << shift;
      if (!earliest || tick < *earliest) earliest = tick;
      break;
    }
  }
  return earliest;
}

std::optional<TimePoint> TimerWheel::next_expiry() const {
  const std::optional<uint64_t> tick = next_tick();
  if (!tick) return std::nullopt;
  return start_ + static_cast<int64_t>(*tick) * kTick;
}

void TimerWheel::advance(TimePoint now) {
  if (now < start_) return;
  const auto target = static_cast<uint64_t>((now - start_) / kTick);
  while (current_tick_ < target) {
    const std::optional<uint64_t> tick = next_tick();
    if (!tick || *tick > target) {
      current_tick_ = target;
      return;
    }
    current_tick_ = *tick;
    run_tick();
  }
}

// Higher levels first: what comes down from them may be due in this very tick.
void TimerWheel::run_tick() {
  for (int level = kLevels - 1; level > 0; --level) {
    const int shift = level * kSlotBits;
    if ((current_tick_ & ((uint64_t{1} << shift) - 1)) != 0) continue;
    IntrusiveList<Timer> down;
    down.splice_back(
        levels_[static_cast<size_t>(level)].slots[(current_tick_ >> shift) & (kSlots - 1)]);
    while (!down.empty()) {
      Timer& timer = down.pop_front();
      place(timer);
    }
  }
  IntrusiveList<Timer> due;
  due.splice_back(levels_[0].slots[current_tick_ & (kSlots - 1)]);
  while (!due.empty()) {
    Timer& timer = due.pop_front();
    if (timer.expiry_tick_ > current_tick_) {
      place(timer);
    } else {
      timer.fire();
    }
  }
}

}  // namespace httpteleport::event
