// Parts of a configuration's JSON that more than one file writes.
#pragma once

#include "service/config.h"
#include "service/json_writer.h"

namespace httpteleport::service {

// The members of a configuration before its services.
void append_global_members(JsonWriter& json, const Globals& globals);

}  // namespace httpteleport::service
