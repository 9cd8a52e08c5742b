// GET /_openapi.json: the API as an OpenAPI 3.0 document, made of the table that requests are
// dispatched by.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "admin/routes.h"

namespace httpteleport::admin {

std::string openapi_document(std::span<const RouteInfo> routes, std::string_view version);

}  // namespace httpteleport::admin
