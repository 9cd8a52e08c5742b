// Characters of UTF-8 (RFC 3629).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace httpteleport::service {

// How many bytes the character that `text` begins with has: 1 to 4; 0 if it begins with none. No
// surrogates, nothing over U+10FFFF, nothing longer than it must be.
size_t utf8_length(std::string_view text);

// `code_point` is one of Unicode and no surrogate.
void append_utf8(std::string& out, uint32_t code_point);

inline constexpr uint32_t kReplacementCharacter = 0xfffd;

}  // namespace httpteleport::service
