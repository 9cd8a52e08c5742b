// Points in time by which a wait of a test must be over. Every blocking call of tests/support takes
// one, so that a program under test that hangs fails a test instead of hanging it.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>

namespace httpteleport::test {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

// How long a test waits for something that should happen at once. Long, because a loaded machine
// with a sanitizer build is slow; a test that passes never waits that long.
inline constexpr std::chrono::seconds kPatience{10};

inline Deadline after(Clock::duration wait = kPatience) {
  return Clock::now() + wait;
}

// The time left as poll() wants it: rounded up, 0 when the deadline has passed.
inline int poll_timeout_ms(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 1'000'000));
}

// Waits until `condition()` holds, looking every 2 ms. False when the deadline passed first. For
// facts that nobody announces (a counter of another process); where there is an event, wait for it.
template <class Condition>
bool wait_until(Condition&& condition, Deadline deadline = after()) {
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

}  // namespace httpteleport::test
