// What a head says about its message's body and connection (RFC 9112 sections 3.2, 6 and 9.3).
//
// Called by the head parser. Fills `body`, `keep_alive`, `expects_continue`, `authority`,
// `declared_length`, turns an absolute-form target into origin-form, and marks as dropped every
// field that is about this connection only (RFC 9110 section 7.6.1), those that Connection names
// included.
//
// An offer to switch protocols (RFC 9110 section 7.8) is recognised and goes into `upgrade`. It is
// taken for absent, which the RFC allows a server, and the request is served as it stands: from
// HTTP/1.0; where Connection does not name it; with HEAD, or with a body, after whose end the
// switch would have to wait; in more than one Upgrade field, or in one that is no list of
// protocols; and if h2, h2c, HTTP or TLS of any version is among them, since requests inside such a
// tunnel would pass unseen. Laxer than the RFC: a 101 need not say "Connection: upgrade".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace httpteleport::http::h1 {

// Errors are those after which the end of the message is not known; what else is wrong with a
// request goes into its `refusal`. A message that has both Transfer-Encoding and Content-Length,
// several Content-Lengths (equal ones too) or one that is not a plain number is refused: RFC 9112
// section 6.3 allows repairing some of them, and repairs are where peers differ.
Result<void> frame_request(RequestHead& head);
// `upgrade_offer`: what the request offered. A 101 that does not name exactly one of these
// protocols is malformed.
Result<void> frame_response(Method request_method, std::string_view upgrade_offer,
                            ResponseHead& head);

// 1*DIGIT below 2^63, nothing else.
std::optional<uint64_t> parse_content_length(std::string_view value);

}  // namespace httpteleport::http::h1
