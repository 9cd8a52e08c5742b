// Answers that the proxy makes itself: a status and one line that says why.
#pragma once

#include <string_view>

#include "base/error.h"
#include "http/stream.h"
#include "proxy/route.h"

namespace httpteleport::proxy {

// Sends a whole response with `body`; last call on `downstream`. A HEAD request gets the head
// alone: the session sees to that.
void send_local_reply(http::DownstreamStream& downstream, int status, std::string_view body,
                      std::string_view content_type = "text/plain; charset=utf-8");

// 405 that names the methods which are served (RFC 9110 section 15.5.6); last call on `downstream`.
// `allow` is a list: "GET, HEAD".
void send_method_not_allowed(http::DownstreamStream& downstream, std::string_view allow);

// A redirection (`status` 308, or another of RFC 9110 section 15.4) to `location`; last call on
// `downstream`.
void send_redirect(http::DownstreamStream& downstream, int status, std::string_view location);

// `answer` as it is; last call on `downstream`.
void send_local_answer(http::DownstreamStream& downstream, const LocalAnswer& answer);

// The status that fits `error`, with its detail as the line.
void send_error_reply(http::DownstreamStream& downstream, const Error& error);

}  // namespace httpteleport::proxy
