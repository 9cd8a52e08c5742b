// HTTP/1.1 message bodies, receive side (RFC 9112 sections 6.3 and 7.1).
//
// Sans-I/O: bytes in, views out; no socket, no clock, no allocation. One decoder serves one body at
// a time. Used by proxy/http1_session (requests), upstream/http1_connection (responses) and
// teleport/v0.
//
// Stricter than the RFC on purpose: no white space around the chunk size, no bare LF or CR in
// extensions, because peers disagree about them and disagreement is how requests are smuggled.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "http/h1/head_parser.h"
#include "http/message.h"

namespace httpteleport::http::h1 {

enum class BodyFraming : uint8_t { kNone, kLength, kChunked, kUntilClose };

class BodyDecoder {
 public:
  struct Limits {
    uint64_t chunk_bytes_max = uint64_t{1} << 40;
    uint32_t extension_bytes_max = 16 * 1024;  // all chunk extensions of one body
    HeadLimits trailers;
  };

  struct Step {
    size_t consumed = 0;    // bytes used up from the front of `input`
    std::string_view body;  // view into `input`: valid as long as `input` is
    bool done = false;      // the body is over; trailers(), if any, point into `input` too
  };

  // `peer` is who sends the body; it goes into the errors.
  BodyDecoder(Source peer, const Limits& limits) : limits_(limits), peer_(peer) {}

  // Begins a body. `length` counts for kLength only.
  void start(BodyFraming framing, uint64_t length = 0);

  // Decodes up to the first run of body bytes, the end of the body, or the end of `input`,
  // whichever comes first. Call again with the rest while `consumed > 0` and not `done`; a step
  // with nothing consumed means "read more from the peer and offer the same bytes again with more
  // behind". A body of length 0 is done without input.
  //
  // Errors (all end the connection; start() must come before the next use):
  //   kMalformed      not 1*HEXDIG, bare CR or LF, missing CRLF after the data, bad trailers
  //   kHeadTooLarge   extensions or trailers over their limit
  //   kBodyTooLarge   a chunk over its limit
  Result<Step> decode(std::string_view input);

  // The peer has closed the connection. True when that ends this body properly.
  bool may_end_here() const { return state_ == State::kDone || state_ == State::kUntilClose; }
  bool is_done() const { return state_ == State::kDone; }

  // How many bytes are certainly the body's, whatever they are, and may pass without decode().
  uint64_t plain_bytes() const {
    return state_ == State::kUntilClose ? UINT64_MAX : state_ == State::kLength ? left_ : 0;
  }
  // So many of them have passed: fewer than plain_bytes().
  void skip(uint64_t bytes) {
    HT_ASSERT(bytes < plain_bytes());
    if (state_ == State::kLength) left_ -= bytes;
  }

  // Of the step that was `done`.
  const Fields& trailers() const { return trailers_; }

 private:
  enum class State : uint8_t {
    kLength,
    kUntilClose,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailers,
    kDone,
  };

  const char* on_framing_byte(char c);
  Result<Step> decode_chunked(std::string_view input);
  Step take_data(std::string_view input, size_t used);
  Result<Step> decode_trailers(std::string_view input, size_t used);

  Limits limits_;
  uint64_t left_ = 0;  // bytes left of the body (kLength) or of the chunk
  uint32_t extension_bytes_ = 0;
  uint32_t size_digits_ = 0;
  State state_ = State::kDone;
  Source peer_;
  HeadScanner trailer_scanner_;
  Fields trailers_;
};

}  // namespace httpteleport::http::h1
