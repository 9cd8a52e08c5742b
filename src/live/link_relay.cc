#include "live/link_relay.h"

#include "relay/link_datagrams.h"
#include "relay/link_side.h"

namespace httpteleport::live {

namespace {

// Invalid for a unix socket.
net::Address peer_of(const proxy::ClientInfo& client) {
  return net::literal_address({std::string(client.peer_ip), client.port});
}

}  // namespace

std::unique_ptr<http::RequestHandler> LinkRelay::make_handler(http::DownstreamStream& downstream,
                                                              const proxy::ClientInfo& client) {
  if (traffic_ == service::LinkTraffic::kUdp && relays_.udp)
    return std::make_unique<relay::LinkDatagramClient>(*relays_.udp, downstream, peer_of(client));
  return std::make_unique<relay::LinkClient>(relays_.tcp, downstream, peer_of(client));
}

}  // namespace httpteleport::live
