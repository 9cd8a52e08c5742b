// Values as people read them.
#pragma once

#include <ctime>
#include <string>

namespace httpteleport {

// "2026-01-31 12:00 UTC".
std::string utc_date(std::time_t time);

}  // namespace httpteleport
