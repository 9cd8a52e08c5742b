// Where a session gets the answering side of its exchanges from.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "http/stream.h"
#include "net/address.h"

namespace httpteleport::proxy {

// Who is on the other side of a session, as far as the exchange needs it. Good as long as the
// session.
struct ClientInfo {
  // "10.0.0.1"; empty over a link, where the peer is not the client, and on a unix socket.
  std::string_view ip;
  std::string_view scheme = "http";
  uint16_t port = 0;           // of `ip`, or over a link of `peer_ip`; 0: not known
  bool over_link = false;      // requests come over a teleport link
  std::string_view peer_ip{};  // over a link: whose it is
  uint64_t link = 0;           // its number among the links of the worker, from 1; 0: no link
  // The client's end of its connection, and the one it has connected to; invalid over a link, and
  // the second one where nobody needs it.
  net::Address address{};
  net::Address local_address{};
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
