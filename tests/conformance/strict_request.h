// What an origin may demand of a request that a proxy sends: not only that it is well formed, but
// that no reader, however sloppy, could take it for anything else.
#pragma once

#include <string>
#include <string_view>

#include "support/http_message.h"

namespace httpteleport::test {

// Why a request that MessageParser has accepted is ambiguous all the same, or bears what belongs to
// one hop only; empty when it is none of it.
std::string fault_of(const MessageHead& head);
// The same for its trailers.
std::string fault_of_trailers(const MessageHead& head);
// For the framing of a chunked body as it came: no extensions, no leading zeros. `line` is without
// its CRLF.
bool is_plain_chunk_size(std::string_view line);

}  // namespace httpteleport::test
