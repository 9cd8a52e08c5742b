// Files that logs are appended to.
#pragma once

#include <string>

#include "base/result.h"

namespace httpteleport {

// Opens `path` for appending, and creates it with permissions 0640 (less what the umask takes).
// The descriptor is the caller's. It does not block: a named pipe must have a reader already.
// Errors: kSystem.
Result<int> open_for_append(const std::string& path);

}  // namespace httpteleport
