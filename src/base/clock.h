// Time as the engine sees it: a steady clock read once a loop turn. Durations are nanoseconds.
#pragma once

#include <chrono>

namespace httpteleport {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

}  // namespace httpteleport
