// The engine's errors as the library's statuses.
#pragma once

#include "base/error.h"
#include "httpteleport/status.h"

namespace httpteleport::api {

// `request_was_seen`: where the error itself does not tell.
Status status_of(const Error& error, bool request_was_seen);

}  // namespace httpteleport::api
