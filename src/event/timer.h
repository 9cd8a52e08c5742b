// Timers and the wheel that holds them.
//
// Timer wheel: six levels of 64 slots, tick 100 us, so that setting, cancelling and firing are O(1)
// and an expiry up to 79 days away is possible. A timer never fires early and at most one tick plus
// one loop turn late. One worker, one wheel; not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/intrusive_list.h"

namespace httpteleport::event {

// Embedded in the object that waits. Destroying it cancels it.
class Timer : public IntrusiveNode {
 public:
  bool is_set() const { return is_linked(); }
  void cancel() { unlink(); }

 protected:
  virtual ~Timer() = default;

 private:
  friend class TimerWheel;
  virtual void fire() = 0;
  uint64_t expiry_tick_ = 0;
};

// A timer that calls a member function of its owner: MemberTimer<Session, &Session::on_idle>.
template <class Owner, void (Owner::*Method)()>
class MemberTimer final : public Timer {
 public:
  explicit MemberTimer(Owner& owner) : owner_(owner) {}

 private:
  void fire() override { (owner_.*Method)(); }
  Owner& owner_;
};

class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::microseconds(100);

  explicit TimerWheel(TimePoint start);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Fires `timer` once at `when`, or on the next advance() if that is past. Replaces a setting that
  // it already has.
  void set(Timer& timer, TimePoint when);

  // Fires all timers due at `now`, in order of ticks. A timer set by another that fires is
  // considered from the next tick on.
  void advance(TimePoint now);

  // When advance() is next needed; nullopt when no timer is set. May be earlier than the earliest
  // timer (never later) when that is far away.
  std::optional<TimePoint> next_expiry() const;

 private:
  static constexpr int kLevels = 6;
  static constexpr int kSlotBits = 6;
  static constexpr int kSlots = 1 << kSlotBits;

  struct Level {
    // Bit i: slot i may hold timers. Cleared lazily, since timers unlink themselves.
    uint64_t occupied = 0;
    std::array<IntrusiveList<Timer>, kSlots> slots;
  };

  void place(Timer& timer);
  // First tick after current_tick_ at which a slot that may hold timers comes up.
  std::optional<uint64_t> next_tick() const;
  void run_tick();

  TimePoint start_;
  uint64_t current_tick_ = 0;  // everything up to and including this tick has fired
  mutable std::array<Level, kLevels> levels_;
};

}  // namespace httpteleport::event
