// From the flags as given to the snapshot that a server runs.
#pragma once

#include <memory>
#include <string>

#include "config/httptp_options.h"
#include "config/problems.h"
#include "config/snapshot.h"

namespace httpteleport::config {

// Checks everything, resolves the names and reads the certificates (blocks on both). When there are
// errors, all of them are in `problems`, and the result is nullptr.
//
// `running`: the snapshot in force, if there is one. What it has made for itself, ticket keys and
// certificates that are obtained, goes on in the new one, as do the addresses of names that it has:
// only new names of -out are looked up. `options` differs from its options in nothing that needs a
// restart.
std::shared_ptr<const Snapshot> make_snapshot(const HttptpOptions& options, Problems& problems,
                                              const Snapshot* running = nullptr);

// One line about a good configuration, for -check.
std::string summary(const HttptpOptions& options, const Snapshot& snapshot);

}  // namespace httpteleport::config
