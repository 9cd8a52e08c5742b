#include "proxy/link_session.h"

#include <algorithm>

namespace httpteleport::proxy {

LinkSession::LinkSession(SessionContext& context, std::unique_ptr<net::Connection> connection,
                         const net::Address& peer)
    : context_(context),
      peer_ip_(peer.ip()),
      client_{.ip = {},
              .port = peer.port(),
              .over_link = true,
              .peer_ip = peer_ip_,
              .link = ++context.links_started},
      connection_(std::move(connection)),
      last_traffic_(context.loop.now()) {
  connection_->set_handler(*this);
  context.of_links().open.add(1);
  loop().set_timer(timer_, context.teleport.idle_timeout);
}

void LinkSession::on_end() {
  if (!is_between_messages()) {
    return close_with({Code::kConnectionLost, Source::kDownstream, 0, "the peer closed the link"});
  }
  // Nobody reads the answers of a peer that is gone; those of one that only stopped asking are few.
  peer_ended_ = true;
  look_for_end();
}

// Behind its FIN, so that nobody waits for the answers: nothing else would tell before one is sent.
void LinkSession::on_peer_closing() {
  if (connection_->peer_reset())
    close_with({Code::kConnectionLost, Source::kDownstream, 0, "the peer reset the link"});
}

void LinkSession::on_timer() {
  const Duration idle_timeout = context_.teleport.idle_timeout;
  const Duration idle = loop().now() - last_traffic_;
  if (is_answering() || idle < idle_timeout) {
    return loop().set_timer(timer_,
                            std::max<Duration>(idle_timeout - idle, std::chrono::seconds(1)));
  }
  close_with({Code::kTimeout, Source::kDownstream, 0, "the link was idle"});
}

void LinkSession::abort() {
  close_with({Code::kCancelled, Source::kInternal, 0, "the proxy is shutting down"});
}

void LinkSession::look_for_end() {
  if (is_ending()) loop().at_turn_end(*this);
}

void LinkSession::leave() {
  open_ = false;
  context_.of_links().open.add(-1);
  timer_.cancel();
}

void LinkSession::finish() {
  leave();
  context_.lingering.take(std::move(connection_), !peer_ended_);
  context_.remove(*this);
}

void LinkSession::close_with(const Error& error) {
  if (!open_) return;
  context_.note_link_failure(peer_ip_, client_.port, error);
  leave();
  on_lost(error);
  connection_->close();
  context_.remove(*this);
}

}  // namespace httpteleport::proxy
