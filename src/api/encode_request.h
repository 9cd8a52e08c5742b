// A request as it goes over a v0 link.
#pragma once

#include <string>
#include <string_view>

#include "api/message_data.h"
#include "httpteleport/status.h"

namespace httpteleport::api {

struct EncodedRequest {
  std::string text;
  size_t head_bytes = 0;
  http::Method method = http::Method::kGet;
};

// Replaces what `to` holds, and keeps its memory. `default_host` is for a request without one.
// Errors: kInvalidArgument.
Status encode_request(const internal::MessageData& request, std::string_view default_host,
                      EncodedRequest& to);

}  // namespace httpteleport::api
