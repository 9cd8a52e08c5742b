// HTTP/1.1 message heads and trailer sections, receive side (RFC 9112 sections 2 to 5).
//
// Sans-I/O: a whole head in one buffer, views out, nothing copied. Used by proxy/http1_session,
// upstream/http1_connection and teleport/v0.
//
// Stricter than the RFC on purpose, because peers disagree about these and disagreement is how
// requests are smuggled: bare LF and bare CR end no line (section 2.2 allows LF), obs-fold is
// refused everywhere (5.2 allows replacing it in responses), white space before the colon is
// refused in responses too (5.1 asks for its removal). Laxer: the status line may end right after
// the code, which many servers send.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace httpteleport::http::h1 {

struct HeadLimits {
  size_t head_bytes_max = 4096;  // start line and fields with all line ends, and the empty line
  size_t fields_max = 200;
};

// Parses the head at the front of `bytes` into `head` (its framing members included, see framing.h)
// and returns its length, or 0 when it is not complete yet. The views in `head` point into `bytes`.
//
// Errors (source kDownstream), after which nothing more can be read from this peer:
//   kMalformed      the bytes break the grammar, or the framing rules of RFC 9112 section 6
//   kHeadTooLarge   not complete within the limit, or too many fields
//   kTargetTooLong  the request line alone is over the limit
//   kBadVersion     HTTP, but not version 1.x
//   kUnsupported    a transfer coding other than chunked
// A request that is well delimited, but wrong otherwise, has `head.refusal` set.
Result<size_t> parse_request_head(std::string_view bytes, const HeadLimits& limits,
                                  RequestHead& head);

// The same for a response to a request with `request_method`, which offered to switch to
// `upgrade_offer`. Errors (source kUpstream): kMalformed, kHeadTooLarge, kBadVersion, kUnsupported.
Result<size_t> parse_response_head(std::string_view bytes, const HeadLimits& limits,
                                   Method request_method, ResponseHead& head,
                                   std::string_view upgrade_offer = {});

// Parses a trailer section with its empty line (RFC 9112 section 7.1.2); the same conventions.
// Fields that must not stand in trailers (framing, routing, hop by hop) are marked dropped.
Result<size_t> parse_trailers(std::string_view bytes, const HeadLimits& limits, Source peer,
                              Fields& trailers);

// Avoids parsing a head again for each byte that a slow peer sends: says whether it is worth
// trying.
class HeadScanner {
 public:
  // True when `bytes` may hold a complete head, or is longer than any may be, or is a first try, or
  // has a line end that is none: who ends its head with one waits for an answer.
  bool worth_parsing(std::string_view bytes, const HeadLimits& limits);
  void reset() { seen_ = 0; }

 private:
  size_t seen_ = 0;  // bytes that were there at the last try
};

}  // namespace httpteleport::http::h1
