// The commands, one function each. They return the exit code.
#pragma once

#include "cli/session.h"

namespace httpteleport::cli {

int run_config(Session& session);
int run_update(Session& session);
int run_remove(Session& session);
int run_state(Session& session);
int run_maintenance(Session& session);
int run_history(Session& session);
int run_undo(Session& session);

// Of files of configuration.
int run_check(const CommandLine& line);
int run_diff(Session& session);
int run_apply(Session& session);

// Of what is going on.
int run_status(Session& session);
int run_top(Session& session);
int run_tail(Session& session);

}  // namespace httpteleport::cli
