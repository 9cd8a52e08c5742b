// What begins a stream of a teleport link that carries no HTTP, but the bytes of a connection or
// datagrams (docs/protocol/teleport-v2.md, "Raw streams").
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"
#include "net/address.h"

namespace httpteleport::relay {

enum class RawKind : uint8_t { kTcp, kUdp };

// "tcp", "udp".
std::string_view name_of(RawKind kind);

// Who asks for it. Each may be invalid: it is not told.
struct RawClient {
  net::Address address{};
  net::Address connected_to{};
};

// The text that the views of a head point into: it must stay while that is used.
struct RawHeadText {
  std::string client;
  std::string server;
};

// The request for such a stream.
http::RequestHead make_raw_head(RawKind kind, const RawClient& client, RawHeadText& text);
// The answer, once the endpoint is connected.
http::ResponseHead make_raw_answer(RawKind kind);

// Whether the request asks for a stream of that kind; else the error says why it gets none. What it
// tells of the client is believed, as X-Forwarded-For is: whoever may connect a link is trusted.
Result<RawClient> parse_raw_head(const http::RequestHead& head, RawKind served);

}  // namespace httpteleport::relay
