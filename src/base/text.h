// Values as people read them, and letters.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "base/error.h"

namespace httpteleport {

// "2026-01-31 12:00 UTC".
std::string utc_date(std::time_t time);

// What went wrong, with the system's reason if it has one: "cannot bind: Permission denied".
std::string in_words(const Error& error);

// With small letters for the capitals of ASCII; for host names, which are compared so.
std::string lower_case(std::string_view text);

}  // namespace httpteleport
