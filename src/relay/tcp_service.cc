#include "relay/tcp_service.h"

#include "relay/link_side.h"
#include "relay/tcp_session.h"

namespace httpteleport::relay {

TcpService::TcpService(const TcpContext& context, const TcpOptions& options)
    : context_(context), options_(std::make_shared<const TcpOptions>(options)) {}

TcpService::~TcpService() {
  abort();
  // Their connections refer to what may be gone when the loop gets to it.
  context_.loop.delete_doomed();
}

void TcpService::start(net::Socket socket, const net::Address& client, const net::Address& local) {
  const std::optional<uint32_t> ticket = admit(client);
  if (!ticket) return;
  RawClient from{client, local};
  if (!local.is_valid() && options_->proxy_header)
    from.connected_to = net::local_address(socket.fd());
  TcpSession::start(*this, std::move(socket), from, *ticket);
}

void TcpService::start(LinkClient& link, const RawClient& client) {
  const std::optional<uint32_t> ticket = admit(client.address);
  if (!ticket) {
    return link.refuse(
        {Code::kOverloaded, Source::kInternal, 0, "the limits of the service are reached"});
  }
  TcpSession::start(*this, link, client, *ticket);
}

std::optional<uint32_t> TcpService::admit(const net::Address& client) {
  if (context_.gate == nullptr) return 0;
  const std::optional<uint32_t> ticket = context_.gate->admit(client);
  if (!ticket) context_.metrics.limited.add();
  return ticket;
}

void TcpService::set_options(const TcpOptions& options) {
  options_ = std::make_shared<const TcpOptions>(options);
}

void TcpService::drain() {
  sessions_.for_each([](net::Session& session) { session.drain(); });
}

void TcpService::abort() {
  while (!sessions_.empty())
    sessions_.front().abort();
}

}  // namespace httpteleport::relay
