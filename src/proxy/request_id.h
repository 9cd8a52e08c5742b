// The id that a request has in the access log, and in a header if -requestIDHeader names one.
#pragma once

#include <array>
#include <random>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace httpteleport::proxy {

// Makes ids: 128 random bits in hexadecimal. One a worker, seeded by the kernel, so that ids of
// workers and of processes do not meet. They are for finding a request again, and no secret: who
// sees enough of them can tell the next.
class RequestIds {
 public:
  static constexpr size_t kIdBytes = 32;

  RequestIds();
  std::array<char, kIdBytes> next();

 private:
  std::mt19937_64 random_;
};

// Longer ids are not passed on.
inline constexpr size_t kRequestIdBytesMax = 128;

// The id of the request with `fields`, in `arena`. With a `field_name`, the one that comes in that
// field if it is a token (RFC 9110 section 5.6.2) of at most kRequestIdBytesMax bytes; else a new
// one, which then replaces whatever is in that field. `field_name` must live as long as `fields`.
std::string_view choose_request_id(http::Fields& fields, std::string_view field_name,
                                   RequestIds& ids, Arena& arena);

}  // namespace httpteleport::proxy
