// The commands and flags as text: help, man page, table for tests of documents, completions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/verbs.h"

namespace httpteleport::cli {

// What -help prints, at most 80 columns wide.
std::string help_text();
// What COMMAND -help prints.
std::string verb_help(const Verb& verb);

// The sections of commands and options of the man page, in scdoc's markup.
std::string man_text();

// One line a command ("command", name, arguments), and one a flag (group, name, kind, default),
// with tabs between.
std::string table_text();

// A script for bash, zsh or fish; nothing for another shell.
std::optional<std::string> completion_text(std::string_view shell);

}  // namespace httpteleport::cli
