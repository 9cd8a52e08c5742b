// An open teleport link from a peer, far end: what holds for whatever is spoken on it.
#pragma once

#include <memory>
#include <string>

#include "net/connection.h"
#include "proxy/session_context.h"
#include "teleport/handshake.h"
#include "teleport/v2/hello.h"

namespace httpteleport::proxy {

// A link that may carry messages.
struct AcceptedLink {
  std::unique_ptr<net::Connection> connection;
  net::Address peer;
  teleport::Version version = teleport::Version::kV0;
  teleport::Coding coding = teleport::Coding::kNone;  // of what the peer sends
  // Of v2: what each end has told the other.
  teleport::v2::Hello own{};
  teleport::v2::Hello peer_hello{};
};

// Has the connection, knows whose it is, and sees to its end: when the peer breaks it off, when it
// is idle, or when we drain. What is said on it is the derived class's matter, which finishes it
// when there is nothing left to do.
class LinkSession : public Session, protected net::ConnectionHandler, protected event::TurnEndTask {
 public:
  void drain() override { loop().at_turn_end(*this); }
  void abort() override;

 protected:
  // `connection`, which is open, calls back from here on.
  LinkSession(SessionContext& context, std::unique_ptr<net::Connection> connection,
              const net::Address& peer);

  event::Loop& loop() { return context_.loop; }
  SessionContext& context() { return context_; }
  const ClientInfo& client() const { return client_; }
  net::Connection& connection() { return *connection_; }
  bool is_open() const { return open_; }
  // It asks for nothing more.
  bool has_peer_ended() const { return peer_ended_; }

  // Messages have come or gone: the link is not idle.
  void note_traffic() { last_traffic_ = loop().now(); }
  // Once what has come is answered and sent, the link is to be finished.
  bool is_ending() const { return peer_ended_ || context_.draining; }
  // Looks at the end of the turn whether that is so.
  void look_for_end();
  // Nothing is left to be done: what has been written still reaches the peer. The connection is not
  // ours any more, and the session is deleted at the end of the turn.
  void finish();
  // The link ends for `error`, unless it has ended: calls on_lost(), and then nothing more.
  void close_with(const Error& error);

 private:
  // Requests wait for their answers: the link is not idle.
  virtual bool is_answering() const = 0;
  // Where a peer may stop asking.
  virtual bool is_between_messages() const = 0;
  // No bytes pass any more; who waits for some must hear of it.
  virtual void on_lost(const Error& error) = 0;

  void on_end() override;
  void on_peer_closing() override;
  void on_closed(const Error& error) override { close_with(error); }
  void on_timer();
  void leave();

  SessionContext& context_;
  const std::string peer_ip_;
  const ClientInfo client_;
  std::unique_ptr<net::Connection> connection_;
  TimePoint last_traffic_;
  bool open_ = true;
  bool peer_ended_ = false;  // FIN has come: answer what is pending, then close
  event::MemberTimer<LinkSession, &LinkSession::on_timer> timer_{*this};  // idle
};

}  // namespace httpteleport::proxy
