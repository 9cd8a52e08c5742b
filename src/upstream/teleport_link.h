// One teleport connection to an endpoint, near end: its life (docs/protocol/teleport-v0.md), and
// the streams on it. What is spoken on it is a LinkProtocol's.
#pragma once

#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "base/intrusive_list.h"
#include "net/connection.h"
#include "teleport/handshake.h"
#include "upstream/link_protocol.h"
#include "upstream/teleport_links.h"
#include "upstream/teleport_stream.h"
#include "upstream/teleport_stream_table.h"

namespace httpteleport::upstream {

// Connects when first needed, keeps the connection, reconnects after a pause that grows with each
// failure. Requests wait for the connection attempt under way and fail with it (kConnectFailed).
// When the connection dies, those not yet begun fail with kNotSent, the others with
// kConnectionLost, or kTruncated once the handler has the head. Owned by TeleportLinks.
class TeleportLink final : private net::ConnectionHandler, private event::TurnEndTask {
 public:
  // The references outlive the link.
  TeleportLink(const TransportContext& context, const TeleportOptions& options,
               PeerVersion& peer_version);
  ~TeleportLink();

  TeleportStream& open_stream(http::ResponseHandler& handler);
  size_t pending() const { return streams_.size(); }
  // How long a new stream would wait here; the lesser is better. What the kernel has is looked at
  // once in kLoadAgeMax.
  struct Load {
    bool is_closed = false;  // or not open yet
    bool is_stuck = false;   // the peer's host takes nothing
    size_t unsent_bytes = 0;
    size_t pending = 0;

    friend bool operator<(const Load& a, const Load& b) {
      return std::tie(a.is_closed, a.is_stuck, a.unsent_bytes, a.pending) <
             std::tie(b.is_closed, b.is_stuck, b.unsent_bytes, b.pending);
    }
  };
  static constexpr Duration kLoadAgeMax = std::chrono::milliseconds(1);
  Load load();
  bool is_open() const { return state_ == State::kOpen; }
  // Has a connection, or is about to.
  bool is_up() const { return state_ != State::kDown && state_ != State::kPausing; }
  // Of the connection; good while is_up().
  const net::Address& address() const { return address_; }
  // Connects if the link is down and not pausing after a failure.
  void wake();
  void drain();
  // The peer wants no new streams on this connection.
  bool is_leaving() const { return leaving_; }

  // ---- For its protocol.

  const TeleportOptions& options() const { return options_; }
  metrics::LinkMetrics& metrics() { return context_.of_links(); }
  // nullptr: nobody waits for a response of this id (any more).
  TeleportStream* find(uint32_t key) const { return streams_.find(key); }
  // LinkProtocol::on_turn_end() is to come.
  void call_at_turn_end() { loop().at_turn_end(*this); }
  void call_at_next_turn() { loop().at_next_turn(*this); }
  // Bytes are with the connection; something is expected to come back if `awaits_answer`.
  void on_sent(bool awaits_answer);
  // The peer has answered something, so that this connection has been worth its while.
  void on_answer() { has_answered_ = true; }
  // The response of a stream that has begun. Any of the calls may end the stream.
  void pass_head(TeleportStream& stream, http::ResponseHead& head);
  // Bytes that the handler does not take now are held, within a limit.
  void pass_body(TeleportStream& stream, std::string_view bytes);
  void pass_datagram(TeleportStream& stream, std::string_view bytes);
  void end_response(TeleportStream& stream, const http::Fields& trailers);
  // Whether pass_body() would pass bytes on rather than hold them.
  bool takes_body(const TeleportStream& stream) const;
  // The response is 101: its bytes and those of the request flow until both have ended.
  void begin_tunnel(TeleportStream& stream);
  void leave() { leaving_ = true; }
  // The request cannot go onto the link: it fails at the end of the turn.
  void refuse(TeleportStream& stream, const Error& error);
  // The stream fails, and nothing else does. Tells the protocol first.
  void reset_stream(TeleportStream& stream, const Error& error);

 private:
  friend class TeleportStream;

  enum class State : uint8_t { kDown, kPausing, kConnecting, kHandshake, kSecuring, kHello, kOpen };

  // From streams.
  void on_request_grown(TeleportStream& stream);
  void on_cancelled(TeleportStream& stream);
  void on_resumed(TeleportStream& stream);

  void connect();
  size_t read_handshake(std::string_view bytes);
  void take_handshake(std::string_view bytes);
  // Behind the handshake, and TLS.
  void on_secure();
  size_t read_hello(std::string_view bytes);
  void open(std::unique_ptr<LinkProtocol> protocol);
  // The peer does not know v2: begins anew with v0, if that is allowed.
  bool fall_back();
  void close_connection();
  void pass_held(uint32_t key);
  void pass_end(TeleportStream& stream, const http::Fields& trailers);
  // Takes the stream out of the table; it is deleted at the end of the turn. Returns its handler.
  http::ResponseHandler* forget(TeleportStream& stream);
  Error failure_of(const TeleportStream& stream, const Error& cause) const;
  // The connection is no more: everything on it fails, and a pause begins.
  void on_down(const Error& error);
  void start_pause();
  void on_timer();
  event::Loop& loop() { return context_.loop; }

  void on_connected() override;
  void on_secured() override { on_secure(); }
  size_t on_data(std::string_view bytes) override;
  void on_end() override;
  void on_closed(const Error& error) override;
  void on_write_unblocked() override;
  void on_turn_end() override;

  TransportContext context_;
  TeleportOptions options_;
  TeleportStreamTable streams_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<LinkProtocol> protocol_;  // while the link is open
  PeerVersion& peer_version_;
  teleport::Version tried_ = teleport::Version::kV0;  // what this connection asks for
  teleport::Handshake peer_;                          // what it said, once it has
  IntrusiveList<TeleportStream> waiting_;  // those that have begun, while there is no connection
  // Keys of requests refused and responses resumed in this turn: their handlers are called at its
  // end.
  std::vector<uint32_t> refused_;
  std::vector<uint32_t> resumed_;
  net::Address address_;
  size_t next_address_ = 0;
  uint32_t failures_ = 0;                 // connections that brought no answer, in a row
  bool has_answered_ = false;             // this connection has brought one
  std::optional<Error> connect_failure_;  // of a connection that could not even be begun
  TimePoint last_traffic_{};
  net::SendBacklog kernel_backlog_;
  TimePoint backlog_seen_{};
  std::optional<TimePoint> unanswered_since_;  // requests went out, and nothing has come since
  State state_ = State::kDown;
  bool draining_ = false;
  bool leaving_ = false;
  bool fell_back_ = false;  // this attempt at a connection has found no v2
  event::MemberTimer<TeleportLink, &TeleportLink::on_timer> timer_{*this};  // pause, connect, idle
};

}  // namespace httpteleport::upstream
