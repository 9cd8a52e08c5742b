// What an error means to an HTTP client.
#pragma once

#include "base/error.h"

namespace httpteleport::http {

// The status for an exchange that failed with `error` before its response began: 4xx when the
// client caused it, 5xx when an endpoint or we did.
int status_of(const Error& error);

// The endpoint has certainly not seen the request, so any request may go to another one.
bool was_not_executed(const Error& error);

}  // namespace httpteleport::http
