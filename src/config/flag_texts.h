// The table of flags as text: for people, for the man page, for tests of documents.
#pragma once

#include <string>
#include <string_view>

#include "config/go_flags.h"
#include "config/problems.h"

namespace httpteleport::config {

// What -help prints: the flags by group with their defaults, at most 80 columns wide.
std::string help_text(const GoFlags& flags);

// The options section of the man page, in scdoc's markup.
std::string man_options(const GoFlags& flags);

// One line a flag, with tabs between: group, name, kind, default, variable of the environment,
// which begins with `prefix`, and "restart" or nothing.
std::string flag_table(const GoFlags& flags, std::string_view prefix = "HTTPTP_");

// What -dumpConfig prints: a file that -config accepts, with the origin of each value as a comment.
// What a file may not or must not have is a comment altogether: secrets, whose values are not
// shown, and flags of the command line.
std::string dump_text(const std::vector<FlagValue>& values);

}  // namespace httpteleport::config
