// Prints a table of flags: `man` for the options section of a man page, `table` for tests of
// documents (one line a flag, tabs between the cells).
#pragma once

#include <cstdio>
#include <string_view>

#include "config/flag_texts.h"

// The exit code of the program.
inline int print_flags(const httpteleport::config::GoFlags& flags, std::string_view prefix,
                       int argc, char** argv) {
  const std::string_view form = argc == 2 ? argv[1] : "";
  if (form == "man") {
    std::fputs(httpteleport::config::man_options(flags).c_str(), stdout);
  } else if (form == "table") {
    std::fputs(httpteleport::config::flag_table(flags, prefix).c_str(), stdout);
  } else {
    std::fprintf(stderr, "usage: %s man|table\n", argv[0]);
    return 2;
  }
  return 0;
}
