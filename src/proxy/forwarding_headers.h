// The fields a proxy adds to what it passes on: who asked, how, and through whom.
//
// Fields about one connection only are dropped by the codec (http/h1/framing.h), so that what is
// added here cannot be removed by a client that names it in Connection.
#pragma once

#include <optional>
#include <string>

#include "base/arena.h"
#include "http/message.h"
#include "proxy/request_handler_factory.h"

namespace httpteleport::proxy {

struct ForwardingOptions {
  // The client's address goes into this field. X-Forwarded-For is a list and is appended to; any
  // other field is replaced. Empty: none.
  std::string client_ip_field;
  // Append X-Forwarded-For, set X-Forwarded-Proto and X-Forwarded-Host.
  bool x_forwarded = false;
  // What a proxy before us says in X-Forwarded-Proto and -Host is passed on.
  bool keeps_x_forwarded = false;
  // Append "1.1 NAME" to Via in both directions (RFC 9110 section 7.6.3). Empty: none.
  std::string via_name;
  // The request's id is in this field: one that comes is passed on, if it is a token of at most 128
  // bytes, otherwise one is made (proxy/request_id.h). Empty: none.
  std::string request_id_field{};
};

// Changes `head`; what it adds is kept in `arena` or is `options`' own text.
void add_request_fields(http::RequestHead& head, const ForwardingOptions& options,
                        const ClientInfo& client, Arena& arena);
void add_response_fields(http::ResponseHead& head, const ForwardingOptions& options, Arena& arena);

// Max-Forwards of OPTIONS and TRACE (RFC 9110 section 7.6.2): counts it down by one, or returns the
// status to answer with when this is the last hop. A value that is no number is passed on.
std::optional<int> count_down_max_forwards(http::RequestHead& head, Arena& arena);

}  // namespace httpteleport::proxy
