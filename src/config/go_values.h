// Values of flags as Go's packages read and write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace httpteleport::config {

// Go's time.ParseDuration: "300ms", "1h2m3.5s", "-1.5h", "0". False when `text` is none, or does
// not fit into 64 bits of nanoseconds.
bool parse_duration(std::string_view text, Duration& duration);
// As Go prints it: "1.5s", "1m30s", "500ms", "1h0m0s".
std::string format_duration(Duration duration);

// Go's strconv.ParseInt with base 0: "10", "-5", "0x10", "0b1", "0o17", "017", "1_000".
bool parse_int(std::string_view text, int64_t& number);

// Go's strconv.ParseBool.
bool parse_bool(std::string_view text, bool& value);

}  // namespace httpteleport::config
