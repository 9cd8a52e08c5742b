// Prints the table of shuttle's flags.
#include "config/shuttle_flags.h"
#include "print_flags.h"

int main(int argc, char** argv) {
  httpteleport::config::ShuttleOptions options;
  httpteleport::config::GoFlags flags;
  httpteleport::config::add_shuttle_flags(options, flags);
  return print_flags(flags, httpteleport::config::kShuttleVariables, argc, argv);
}
