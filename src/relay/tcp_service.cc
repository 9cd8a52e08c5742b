#include "relay/tcp_service.h"

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
  std::optional<uint32_t> ticket = 0;
  if (context_.gate != nullptr) ticket = context_.gate->admit(client);
  if (!ticket) return context_.metrics.limited.add();
  TcpSession::start(*this, std::move(socket), client, local, *ticket);
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
