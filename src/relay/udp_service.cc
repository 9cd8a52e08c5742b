#include "relay/udp_service.h"

#include "relay/udp_session.h"

namespace httpteleport::relay {

UdpService::UdpService(const UdpContext& context, std::shared_ptr<const net::Socket> socket,
                       const UdpOptions& options)
    : context_(context),
      socket_(std::move(socket)),
      options_(options),
      sender_{socket_ ? socket_->fd() : -1, context.metrics} {}

UdpService::~UdpService() {
  abort();
  context_.batches.replies.forget(sender_);
  if (socket_) context_.loop.unwatch(socket_->fd());
  context_.loop.delete_doomed();
}

Result<void> UdpService::start() {
  return context_.loop.watch_reading(socket_->fd(), *this);
}

void UdpService::abort() {
  for (UdpSession* session : sessions())
    session->end();
}

void UdpService::leave(const upstream::Endpoint& endpoint) {
  for (UdpSession* session : sessions())
    session->leave(endpoint);
}

void UdpService::leave_former() {
  for (UdpSession* session : sessions())
    session->leave_former();
}

void UdpService::on_ready(event::Readiness) {
  read_batches();
}

void UdpService::read_batches() {
  ReceiveBatch& batch = context_.batches.received;
  std::array<UdpSession*, kBatchDatagrams> touched;
  for (int round = 0; round < kBatchesPerTurn; ++round) {
    const size_t count = batch.receive(socket_->fd());
    size_t touched_count = 0;
    for (size_t i = 0; i < count; ++i) {
      UdpSession* session = session_for(i);
      if (session != nullptr && session->queue(batch, i)) touched[touched_count++] = session;
    }
    for (size_t i = 0; i < touched_count; ++i)
      touched[i]->send_queued(batch);
    if (count < kBatchDatagrams) return;
  }
  context_.loop.at_next_turn(*this);
}

UdpSession* UdpService::session_for(size_t index) {
  const ReceiveBatch& batch = context_.batches.received;
  if (batch.is_truncated(index)) {
    context_.metrics.dropped.add();
    return nullptr;
  }
  const Flow flow = batch.flow(index);
  const uint64_t hash = flows_.hash_of(flow);
  UdpSession* session = flows_.find(flow, hash);
  return session != nullptr ? session : open_session(flow, hash);
}

UdpSession* UdpService::open_session(const Flow& flow, uint64_t hash) {
  const std::optional<uint32_t> ticket = admit(flow.client_address());
  if (!ticket) return nullptr;
  auto* session = new UdpSession(*this, flow, hash, *ticket);
  flows_.insert(*session);
  note_begun();
  return session;
}

UdpSession* UdpService::start(DatagramClient& client, const net::Address& address) {
  const std::optional<uint32_t> ticket = admit(address);
  if (!ticket) return nullptr;
  auto* session = new UdpSession(*this, flow_of(address), client, *ticket);
  others_.insert(session);
  note_begun();
  return session;
}

std::optional<uint32_t> UdpService::admit(const net::Address& client) {
  const bool full = session_count() >= options_.sessions_max;
  std::optional<uint32_t> ticket = 0;
  if (!draining_ && !full && context_.gate != nullptr) ticket = context_.gate->admit(client);
  if (!draining_ && !full && ticket) return ticket;
  if (!draining_) context_.metrics.limited.add();
  context_.metrics.dropped.add();
  return {};
}

void UdpService::note_begun() {
  context_.metrics.connections.add();
  context_.metrics.active.add(1);
}

std::vector<UdpSession*> UdpService::sessions() const {
  std::vector<UdpSession*> all = flows_.sessions();
  all.insert(all.end(), others_.begin(), others_.end());
  return all;
}

void UdpService::remove(UdpSession& session) {
  if (session.is_of_flow()) {
    flows_.erase(session);
  } else {
    others_.erase(&session);
  }
  context_.metrics.active.add(-1);
  if (context_.gate != nullptr) context_.gate->leave(session.ticket());
  context_.loop.delete_later(std::unique_ptr<UdpSession>(&session));
}

}  // namespace httpteleport::relay
