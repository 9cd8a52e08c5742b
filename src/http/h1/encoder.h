// HTTP/1.1 messages, send side: heads, chunks and trailers appended to a buffer.
//
// The encoders write the framing themselves and never repeat a peer's: dropped fields, and whatever
// Connection, Content-Length, Transfer-Encoding and Upgrade a head carries, are left out. Used by
// proxy/http1_session, upstream/http1_connection and teleport/v0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "http/message.h"

namespace httpteleport::http::h1 {

// How the message that follows a head is delimited, and what the head says about the connection.
struct OutgoingFraming {
  std::optional<uint64_t> content_length{};  // sent as Content-Length
  bool chunked = false;                      // Transfer-Encoding: chunked
  bool close = false;                        // Connection: close
  bool keep_alive = false;                   // Connection: keep-alive, for HTTP/1.0 clients
  std::string_view upgrade{};                // Connection: upgrade, and these protocols
};

// The framing of a request toward an HTTP/1.1 server: a body of unknown length is chunked; methods
// that are expected to have a body say Content-Length: 0 when they have none; an offer to switch
// protocols is made anew.
OutgoingFraming framing_of(const RequestHead& head);

void encode_request_head(const RequestHead& head, const OutgoingFraming& framing, BufferChain& out);
// `date` is added when the head has no Date; empty: not added.
void encode_response_head(const ResponseHead& head, const OutgoingFraming& framing,
                          std::string_view date, BufferChain& out);

// The same in two parts, for messages whose length is known only at their end: the start line and
// the fields, then, onto the same buffer, the framing fields and the empty line.
void encode_request_fields(const RequestHead& head, BufferChain& out);
void encode_response_fields(const ResponseHead& head, std::string_view date, BufferChain& out);
void encode_framing(const OutgoingFraming& framing, BufferChain& out);

// "1f40\r\n"; the data and "\r\n" follow. `bytes` > 0.
struct ChunkHead {
  char text[20];
  size_t size;
  std::string_view view() const { return {text, size}; }
};
ChunkHead make_chunk_head(uint64_t bytes);

// The last chunk, the trailers that are not dropped, and the empty line.
void encode_last_chunk(const Fields& trailers, BufferChain& out);

// The trailers that are not dropped, each with its line end, and the empty line; "" for none.
std::string trailer_text(const Fields& trailers);

}  // namespace httpteleport::http::h1
