// The requests of a soak run: all kinds that a client may send, each with an id of its own and an
// answer that follows from it.
#pragma once

#include <cstdint>
#include <string>

#include "support/content.h"
#include "support/http_message.h"

namespace httpteleport::test {

struct SoakRequest {
  std::string id;             // in the target and in X-Tag, which the origin repeats
  std::string method;         // GET, HEAD, POST or PUT
  std::string text;           // all of it, as it is sent
  bool closes = false;        // the connection ends behind the answer
  std::string body;           // that the answer must have
  uint64_t length_named = 0;  // by the answer to a HEAD, if any is
};

// The request that follows from `dice`, to the paths of origin.h. Bodies have up to `bytes_max`
// bytes, small ones much more often than large ones. `may_close`: it may be of HTTP/1.0, or say
// that the connection ends behind it.
SoakRequest make_soak_request(uint64_t dice, const std::string& id, uint64_t bytes_max,
                              bool may_close);

// What is wrong with a complete answer of status 200; empty: nothing.
std::string find_mismatch(const SoakRequest& request, const MessageHead& head,
                          const std::string& body);

}  // namespace httpteleport::test
