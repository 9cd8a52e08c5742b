// The input of the benchmarks: always the same.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace httpteleport::bench {

enum class HeadSize : int { kSmall, kTypical, kLarge };

// With the empty line. 63 and 40 bytes; what a browser sends and an application answers, 692 and
// 411 bytes; 60 fields, 7.5 KiB.
std::string_view request_head(HeadSize size);
std::string_view response_head(HeadSize size);

// Requests with bodies of JSON, `bytes` each, that differ as those of a service do.
const std::vector<std::string>& messages(size_t bytes);

// How many of them a batch holds.
inline constexpr size_t kBatchMessages = 16;

}  // namespace httpteleport::bench
