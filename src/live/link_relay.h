// Where the streams of links go that carry no HTTP: to the relays of their service.
#pragma once

#include <memory>
#include <optional>

#include "proxy/request_handler_factory.h"
#include "relay/tcp_service.h"
#include "relay/udp_service.h"
#include "service/listening.h"

namespace httpteleport::live {

// The relays that a service's listeners share.
struct Relays {
  relay::TcpService tcp;
  std::optional<relay::UdpService> udp;  // for clients at links; none: nothing of it comes there
};

// Connections or datagrams, whichever the service's links carry.
class LinkRelay final : public proxy::RequestHandlerFactory {
 public:
  // `relays` outlive what is made.
  explicit LinkRelay(Relays& relays) : relays_(relays) {}

  void set_traffic(service::LinkTraffic traffic) { traffic_ = traffic; }
  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const proxy::ClientInfo& client) override;

 private:
  Relays& relays_;
  service::LinkTraffic traffic_ = service::LinkTraffic::kTcp;
};

}  // namespace httpteleport::live
