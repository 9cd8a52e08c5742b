// How the descriptors of the process are shared out.
#pragma once

#include <cstddef>

#include "config/snapshot.h"

namespace httpteleport::server {

// So many may be open when a connection of a client is accepted; the rest is for what its requests
// need: a connection to an endpoint for each, or some links for all.
size_t descriptors_of_clients(const config::Snapshot& snapshot);

// The same of `limit` descriptors.
size_t descriptors_of_clients(const config::Snapshot& snapshot, size_t limit);

}  // namespace httpteleport::server
