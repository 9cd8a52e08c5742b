// Lines for the operator on standard error, in the form of Go's log package:
// "2006/01/02 15:04:05 text". Life cycle and faults only: nothing here is called for each request.
#pragma once

#include <string_view>

namespace httpteleport {

enum class LogLevel { kInfo, kWarn, kError };

// Writes one line with one system call, so that lines of several threads do not mix. Any thread.
// kWarn and kError put "warning: " and "error: " before `text`.
void log_line(LogLevel level, std::string_view text);

}  // namespace httpteleport
