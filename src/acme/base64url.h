// Base64url without padding (RFC 4648 section 5), as RFC 8555 writes everything binary.
#pragma once

#include <string>
#include <string_view>

namespace httpteleport::acme {

std::string base64url(std::string_view bytes);

// One character at least, and none outside the alphabet: tokens and nonces of a CA.
bool is_base64url(std::string_view text);

}  // namespace httpteleport::acme
