// Where a session gets the answering side of its exchanges from.
#pragma once

#include <memory>
#include <string_view>

#include "http/stream.h"

namespace httpteleport::proxy {

// Who is on the other side of a session, as far as the exchange needs it. Good as long as the
// session.
struct ClientInfo {
  std::string_view ip;  // "10.0.0.1"; empty over a link, where the peer is not the client
  std::string_view scheme = "http";
};

// proxy::ExchangeFactory passes requests on; admin answers them itself.
class RequestHandlerFactory {
 public:
  // `downstream` and `client` live as long as http::DownstreamStream says.
  virtual std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                             const ClientInfo& client) = 0;

 protected:
  ~RequestHandlerFactory() = default;
};

}  // namespace httpteleport::proxy
