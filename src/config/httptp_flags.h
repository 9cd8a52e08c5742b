// The flags of httptp, each declared once. The help, the man page and a test of docs/flags.md take
// them from here.
#pragma once

#include "config/go_flags.h"
#include "config/httptp_options.h"

namespace httpteleport::config {

// Binds every flag to its field; `options` outlives `flags`.
void add_httptp_flags(HttptpOptions& options, GoFlags& flags);

}  // namespace httpteleport::config
