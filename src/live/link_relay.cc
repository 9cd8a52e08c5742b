#include "live/link_relay.h"

#include "relay/link_side.h"

namespace httpteleport::live {

namespace {

// Invalid for a unix socket.
net::Address peer_of(const proxy::ClientInfo& client) {
  return net::literal_address({std::string(client.peer_ip), client.port});
}

}  // namespace

std::unique_ptr<http::RequestHandler> TcpLinkRelay::make_handler(http::DownstreamStream& downstream,
                                                                 const proxy::ClientInfo& client) {
  return std::make_unique<relay::LinkClient>(service_, downstream, peer_of(client));
}

}  // namespace httpteleport::live
