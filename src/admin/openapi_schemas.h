// The shapes of the API's documents, as OpenAPI schemas.
#pragma once

#include "service/json_writer.h"

namespace httpteleport::admin {

// The members of "schemas": Config, ServiceConfig and so on.
void append_schemas(service::JsonWriter& json);

}  // namespace httpteleport::admin
