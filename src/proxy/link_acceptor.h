// A connection that is to become a teleport link, far end: everything before it may carry messages
// (docs/protocol/teleport-v0.md, "Handshake" and "TLS"; teleport-v2.md, "Hello").
#pragma once

#include "proxy/link_session.h"

namespace httpteleport::proxy {

// Reads the peer's handshake, answers it, and does that of TLS if both ends want it; with v2 the
// ends then tell each other their hello. Then a session of the version that was agreed has the
// connection, with what has come behind that. Each of the first two steps has `handshake_timeout`;
// the hello must come within that of the last one. Bytes that are no handshake end it at the first
// that differs. Nothing of a peer is held but the 15 bytes, or the hello.
class LinkAcceptor final : public Session, private net::ConnectionHandler {
 public:
  // Owned by `context.sessions` from here on, as is the session that comes of it.
  static void start(SessionContext& context, net::Socket socket, const net::Address& peer);

  // Nothing is under way yet.
  void drain() override { abort(); }
  void abort() override;

 private:
  LinkAcceptor(SessionContext& context, net::Socket socket, const net::Address& peer);

  size_t on_data(std::string_view bytes) override;
  void on_secured() override { open(); }
  void on_end() override;
  void on_closed(const Error& error) override { refuse(error); }

  // Answers a handshake, and says how the link goes on. Errors: as of parse_handshake(), and
  // kUnsupported for a link in the clear where TLS is a must.
  Result<void> answer(std::string_view handshake);
  size_t read_handshake(std::string_view bytes);
  size_t read_hello(std::string_view bytes);
  // The connection may carry what belongs to the version.
  void open();
  void hand_over();
  // The link does not come to be.
  void refuse(const Error& error);
  void on_timer();

  SessionContext& context_;
  AcceptedLink link_;  // without its connection once that is handed over
  bool awaits_hello_ = false;
  event::MemberTimer<LinkAcceptor, &LinkAcceptor::on_timer> timer_{*this};
};

}  // namespace httpteleport::proxy
