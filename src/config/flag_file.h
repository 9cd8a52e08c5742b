// Files of flags: lines "name = value".
//
// Blank lines and what stands behind a '#' at the begin of a line or behind a blank are skipped. A
// value in double quotes may have blanks at its ends and '#' in it; \" \\ and \n stand for a quote,
// a backslash and a line end. A repeated name: the last one wins.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/go_flags.h"

namespace httpteleport::config {

inline constexpr size_t kFlagFileBytesMax = size_t{1} << 20;

// Sets flags from the contents of a file; `path` is its name for origins and errors. Adds a line
// "PATH:LINE: what is wrong" to `errors` for each line that cannot be taken, and takes the others.
void read_flag_lines(std::string_view contents, const std::string& path, GoFlags& flags,
                     std::vector<std::string>& errors);

// The same with what the file has. Blocks.
void read_flag_file(const std::string& path, GoFlags& flags, std::vector<std::string>& errors);

// The value as such a file must have it.
std::string quoted_if_needed(const std::string& value);

}  // namespace httpteleport::config
