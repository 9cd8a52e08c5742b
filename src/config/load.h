// The values of the flags of httptp from all their layers: flags before the environment before a
// file before defaults.
#pragma once

#include <string>
#include <vector>

#include "config/httptp_options.h"
#include "config/problems.h"

namespace httpteleport::config {

struct LoadedOptions {
  enum class Outcome : uint8_t {
    kOk,
    kHelp,            // -help: nothing else was looked at
    kBadCommandLine,  // `errors` has one line; nothing else was looked at
    kBadValues,       // `errors` says what is wrong in the file and in the environment; the options
                      // are good to look for further errors only
  };

  Outcome outcome = Outcome::kOk;
  HttptpOptions options;
  std::vector<FlagValue> values;  // of every flag, in the order of the help
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

// `arguments`: the command line without the program's name; `environment`: "NAME=value". Reads the
// file that -config or HTTPTP_CONFIG names, and blocks on that. May be called again while the
// program runs, to see what has changed.
LoadedOptions load_httptp_options(const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment);

// For a running program that has loaded its flags again: what needs a restart gets the value in
// force back. Returns the names of the flags for which that made a difference.
std::vector<std::string> keep_what_needs_restart(const LoadedOptions& running,
                                                 LoadedOptions& loaded);

bool same_values(const LoadedOptions& a, const LoadedOptions& b);

}  // namespace httpteleport::config
