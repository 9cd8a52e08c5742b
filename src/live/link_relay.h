// Where the streams of links go that carry no HTTP: to the relays of their service.
#pragma once

#include "proxy/request_handler_factory.h"
#include "relay/tcp_service.h"

namespace httpteleport::live {

class TcpLinkRelay final : public proxy::RequestHandlerFactory {
 public:
  // `service` outlives what is made.
  explicit TcpLinkRelay(relay::TcpService& service) : service_(service) {}

  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const proxy::ClientInfo& client) override;

 private:
  relay::TcpService& service_;
};

}  // namespace httpteleport::live
