// Errors as values: what went wrong, who caused it. 24 bytes, trivially copyable, never allocates,
// so it is returned and passed on the data path. The table in http/error_status.h turns one into
// the status for the client and says whether another endpoint may be tried.
#pragma once

#include <cstdint>

namespace httpteleport {

// Who caused it. Decides the status we send and the metric label.
enum class Source : uint8_t { kDownstream, kUpstream, kInternal };

enum class Code : uint16_t {
  kMalformed,       // the peer broke the wire format
  kUnsupported,     // well formed, but not something we carry (CONNECT, an unknown coding)
  kBadVersion,      // an HTTP version that is not 1.x
  kBadExpectation,  // an Expect that is not 100-continue
  kHeadTooLarge,    // request line and fields, or status line and fields, over the limit
  kTargetTooLong,   // the request target alone is over the limit
  kBodyTooLarge,    // a body over the limit where it must be held whole
  kTimeout,         // a deadline passed
  kOverloaded,      // our own limit of exchanges is reached
  kConnectFailed,   // no connection to the endpoint; nothing was sent
  kNotSent,         // the connection ended before a byte of this request went out
  kConnectionLost,  // the connection ended with the request sent and the answer not complete
  kTruncated,       // the body ended before its declared end
  kCancelled,       // the other side of the exchange went away
  kNoEndpoint,      // no endpoint left to try
  kSystem,          // a system call failed; sys_errno says how
  kBadConfig,       // a flag or a configuration field has a value that is not accepted
};

struct Error {
  Code code;
  Source source = Source::kInternal;
  int sys_errno = 0;        // 0 when no system call is involved
  const char* detail = "";  // static storage only: one line that says what and why
};

static_assert(sizeof(Error) <= 24);

// The enumerator in snake case ("head_too_large"), for metrics and logs.
const char* code_name(Code code);

}  // namespace httpteleport
