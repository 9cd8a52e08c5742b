// What two other parsers make of the same bytes: llhttp, of Node.js, in its strict mode, and
// Boost.Beast. The targets diff_* ask them whether what we accept is accepted elsewhere too, and
// means the same there: what two parsers read differently is how requests are smuggled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace httpteleport::fuzz {

enum class MessageKind : uint8_t { kRequest, kResponse };

struct ReferenceHead {
  std::string error;   // empty: accepted, as a head that ends where the bytes end
  std::string target;  // of a request
  int status = 0;      // of a response
  bool chunked = false;
  std::optional<uint64_t> length;  // Content-Length
  bool keep_alive = false;
  // Values without the white space around them.
  std::vector<std::pair<std::string, std::string>> fields;
};

struct ReferenceBody {
  std::string error;  // empty: accepted, as a body that ends where the bytes end
  std::string body;
};

ReferenceHead llhttp_head(MessageKind kind, std::string_view bytes);
ReferenceHead beast_head(MessageKind kind, std::string_view bytes);

// A chunked body with its trailers.
ReferenceBody llhttp_chunked(std::string_view bytes);
ReferenceBody beast_chunked(std::string_view bytes);

inline constexpr std::string_view kChunkedRequest =
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace httpteleport::fuzz
