// shuttle-cli, but for its main().
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"

namespace httpteleport::cli {

// Carries a command line out, on standard output and standard error. Returns the exit code.
// `arguments`: without the program's name.
int run(const std::vector<std::string>& arguments, const Environment& environment,
        const std::string& version_line);

}  // namespace httpteleport::cli
