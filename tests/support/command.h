// Programs that do one thing and end: curl, openssl, a scanner.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/process.h"

namespace httpteleport::test {

struct CommandResult {
  ExitStatus status{};
  std::string output{};  // both of its outputs, mixed
  bool ended = false;    // by itself and in time; if not, it was killed
};

// Runs argv[0], a path, to its end. `input`: the path of a file that becomes its standard input; if
// empty, that of this process.
inline CommandResult run_command(std::vector<std::string> argv, const std::string& input = {},
                                 Deadline deadline = after(3 * kPatience)) {
  if (!input.empty()) {
    const std::vector<std::string> shell = {"/bin/sh", "-c", "exec \"$@\" <\"$0\"", input};
    argv.insert(argv.begin(), shell.begin(), shell.end());
  }
  Process process(std::move(argv));
  const auto status = process.wait_exit(deadline);
  CommandResult result;
  result.ended = status.has_value();
  result.status = status ? *status : process.terminate();
  // A marker that does not come in text: waits for the end of the output.
  process.wait_line(std::string_view("\0", 1), deadline);
  result.output = process.output();
  return result;
}

}  // namespace httpteleport::test
