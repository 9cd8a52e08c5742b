#include "proxy/link_acceptor.h"

#include "proxy/teleport_session.h"
#include "proxy/teleport_v2_session.h"
#include "teleport/handshake.h"

namespace httpteleport::proxy {

namespace {

// Of what we send.
teleport::Coding coding_for(teleport::Version version, const TeleportSessionOptions& options) {
  using Method = teleport::v2::EncoderOptions::Method;
  if (version == teleport::Version::kV0) return teleport::coding_of(options.compression.method);
  return options.v2.method == Method::kZstd ? teleport::Coding::kZstd : teleport::Coding::kNone;
}

}  // namespace

void LinkAcceptor::start(SessionContext& context, net::Socket socket, const net::Address& peer) {
  net::set_dead_peer_timeout(socket.fd(), context.teleport.dead_peer_timeout);
  auto* acceptor = new LinkAcceptor(context, std::move(socket), peer);
  context.sessions.push_back(*acceptor);
  if (!acceptor->link_.connection->start(*acceptor)) return acceptor->refuse({Code::kSystem});
  context.loop.set_timer(acceptor->timer_, context.teleport.handshake_timeout);
}

LinkAcceptor::LinkAcceptor(SessionContext& context, net::Socket socket, const net::Address& peer)
    : context_(context),
      link_{.connection = std::make_unique<net::Connection>(context.loop, std::move(socket),
                                                            context.metrics.downstream_sockets,
                                                            Source::kDownstream),
            .peer = peer} {}

size_t LinkAcceptor::on_data(std::string_view bytes) {
  return awaits_hello_ ? read_hello(bytes) : read_handshake(bytes);
}

size_t LinkAcceptor::read_handshake(std::string_view bytes) {
  if (!teleport::may_be_handshake(bytes)) {
    refuse({Code::kMalformed, Source::kDownstream, 0, "the peer does not speak teleport"});
    return bytes.size();
  }
  if (bytes.size() < teleport::kHandshakeBytes) return 0;
  if (const auto answered = answer(bytes.substr(0, teleport::kHandshakeBytes)); !answered) {
    refuse(answered.error());
    return bytes.size();
  }
  return teleport::kHandshakeBytes;
}

Result<void> LinkAcceptor::answer(std::string_view handshake) {
  const Result<teleport::Handshake> peer =
      teleport::parse_handshake(handshake, context_.teleport.versions, Source::kDownstream);
  if (!peer) return peer.error();
  const TeleportSessionOptions& options = context_.teleport;
  if (!peer->tls && context_.tls != nullptr && options.tls_required) {
    return Error{Code::kUnsupported, Source::kDownstream, 0,
                 "the peer does not ask for TLS (-inAllowPlaintext takes it)"};
  }
  // A peer that asks for TLS reads from a 0 in our answer that there is none, and gives up.
  const bool secure = peer->tls && context_.tls != nullptr;
  const auto answer = teleport::encode_handshake(
      {.version = peer->version, .coding = coding_for(peer->version, options), .tls = secure});
  link_.connection->write({answer.data(), answer.size()});
  link_.version = peer->version;
  link_.coding = peer->coding;
  if (secure) {
    context_.loop.set_timer(timer_, options.handshake_timeout);
    link_.connection->secure(context_.tls->accept());
  } else {
    open();
  }
  return {};
}

// What the peer has sent behind its handshake is offered again, to whoever is the handler then.
void LinkAcceptor::open() {
  if (link_.version == teleport::Version::kV0) return hand_over();
  link_.own = context_.teleport.v2.hello;
  link_.connection->write(teleport::v2::encode_hello(link_.own));
  awaits_hello_ = true;
}

size_t LinkAcceptor::read_hello(std::string_view bytes) {
  size_t consumed = 0;
  const auto hello = teleport::v2::parse_hello(bytes, Source::kDownstream, consumed);
  if (!hello) {
    refuse(hello.error());
    return bytes.size();
  }
  if (consumed == 0) return 0;
  link_.peer_hello = *hello;
  hand_over();
  return consumed;
}

// The connection offers what it still has to the session, which is its handler then.
void LinkAcceptor::hand_over() {
  timer_.cancel();
  if (link_.version == teleport::Version::kV2) {
    TeleportV2Session::start(context_, std::move(link_));
  } else {
    TeleportSession::start(context_, std::move(link_));
  }
  context_.remove(*this);
}

void LinkAcceptor::on_end() {
  refuse({Code::kConnectionLost, Source::kDownstream, 0, "the peer closed the link"});
}

void LinkAcceptor::on_timer() {
  refuse({Code::kTimeout, Source::kDownstream, 0, "the handshake did not come in time"});
}

void LinkAcceptor::abort() {
  refuse({Code::kCancelled, Source::kInternal, 0, "the proxy is shutting down"});
}

void LinkAcceptor::refuse(const Error& error) {
  timer_.cancel();
  context_.note_link_failure(link_.peer.ip(), link_.peer.port(), error);
  link_.connection->close();
  context_.remove(*this);
}

}  // namespace httpteleport::proxy
