// Prints the table of shuttle-cli's commands and flags: `man` for its man page, `table` for tests
// of documents (one line each, tabs between the cells).
#include <cstdio>
#include <string_view>

#include "cli/texts.h"

int main(int argc, char** argv) {
  using namespace httpteleport;  // NOLINT(google-build-using-namespace): the program is all of it
  const std::string_view form = argc == 2 ? argv[1] : "";
  if (form == "man") {
    std::fputs(cli::man_text().c_str(), stdout);
  } else if (form == "table") {
    std::fputs(cli::table_text().c_str(), stdout);
  } else {
    std::fputs("usage: shuttle_cli_flags man|table\n", stderr);
    return 2;
  }
  return 0;
}
