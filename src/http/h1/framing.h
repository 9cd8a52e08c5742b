// What a head says about its message's body and connection (RFC 9112 sections 3.2, 6 and 9.3).
//
// Called by the head parser. Fills `body`, `keep_alive`, `expects_continue`, `authority`,
// `declared_length`, turns an absolute-form target into origin-form, and marks as dropped every
// field that is about this connection only (RFC 9110 section 7.6.1), those that Connection names
// included.
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
Result<void> frame_response(Method request_method, ResponseHead& head);

// 1*DIGIT below 2^63, nothing else.
std::optional<uint64_t> parse_content_length(std::string_view value);

}  // namespace httpteleport::http::h1
