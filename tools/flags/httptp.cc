// Prints the table of httptp's flags.
#include "config/httptp_flags.h"
#include "print_flags.h"

int main(int argc, char** argv) {
  httpteleport::config::HttptpOptions options;
  httpteleport::config::GoFlags flags;
  httpteleport::config::add_httptp_flags(options, flags);
  return print_flags(flags, "HTTPTP_", argc, argv);
}
