// Durations as people write them in documents: "10s", "1m30s", "250ms".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace httpteleport::service {

// Numbers with units (ms, s, m, h, d; a fraction is fine), or a "0" alone. Nothing for what is no
// duration, is not a whole number of milliseconds, or is longer than 100 years.
std::optional<int64_t> parse_duration_ms(std::string_view text);

}  // namespace httpteleport::service
