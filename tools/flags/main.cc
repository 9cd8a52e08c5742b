// Prints the table of httptp's flags: `man` for the options section of its man page, `table` for
// tests of documents (one line a flag, tabs between the cells).
#include <cstdio>
#include <string_view>

#include "config/flag_texts.h"
#include "config/httptp_flags.h"

int main(int argc, char** argv) {
  using namespace httpteleport;  // NOLINT(google-build-using-namespace): the program is all of it
  config::HttptpOptions options;
  config::GoFlags flags;
  config::add_httptp_flags(options, flags);
  const std::string_view form = argc == 2 ? argv[1] : "";
  if (form == "man") {
    std::fputs(config::man_options(flags).c_str(), stdout);
  } else if (form == "table") {
    std::fputs(config::flag_table(flags).c_str(), stdout);
  } else {
    std::fputs("usage: httptp_flags man|table\n", stderr);
    return 2;
  }
  return 0;
}
