// Files that the command line names.
#pragma once

#include <optional>
#include <string>

namespace httpteleport::cli {

// What the server takes at most.
inline constexpr size_t kFileBytesMax = size_t{64} << 20;

// All of `file`; "-" is standard input. Nothing, and why in `error`, when it cannot be read.
std::optional<std::string> read_file(const std::string& file, std::string& error);

}  // namespace httpteleport::cli
