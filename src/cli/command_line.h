// Reads a command line: flags of every command, a command, its arguments and flags in any order.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/verbs.h"

namespace httpteleport::cli {

struct CommandLine {
  enum class Outcome : uint8_t { kRun, kHelp, kError };

  Outcome outcome = Outcome::kRun;
  std::string error;           // one line; of kError
  const Verb* verb = nullptr;  // of kHelp: nullptr when all is asked for
  Options options;
  std::vector<std::string> arguments;
  std::vector<FieldValue> fields;  // of config and update: those that are given
};

// `arguments`: without the program's name.
CommandLine parse_command_line(const std::vector<std::string>& arguments,
                               const Environment& environment);

}  // namespace httpteleport::cli
