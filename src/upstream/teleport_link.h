// One v0 teleport connection to an endpoint, near end (docs/protocol/teleport-v0.md).
#pragma once

#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/buffer.h"
#include "base/intrusive_list.h"
#include "net/connection.h"
#include "teleport/v0/frame_reader.h"
#include "upstream/link_sender.h"
#include "upstream/teleport_links.h"
#include "upstream/teleport_stream.h"
#include "upstream/teleport_stream_table.h"

namespace httpteleport::upstream {

// Connects when first needed, keeps the connection, reconnects after a pause that grows with each
// failure. Requests wait for the connection attempt under way and fail with it (kConnectFailed).
// When the connection dies, those not yet begun fail with kNotSent, the others with
// kConnectionLost, or kTruncated once the handler has the head. Owned by TeleportLinks.
class TeleportLink final : private net::ConnectionHandler,
                           private teleport::v0::ResponseEvents,
                           private BatchEvents,
                           private event::TurnEndTask {
 public:
  TeleportLink(const TransportContext& context, const TeleportOptions& options);
  ~TeleportLink();

  TeleportStream& open_stream(http::ResponseHandler& handler);
  size_t pending() const { return streams_.size(); }
  bool is_open() const { return state_ == State::kOpen; }
  // Has a connection, or is about to.
  bool is_up() const { return state_ != State::kDown && state_ != State::kPausing; }
  // Of the connection; good while is_up().
  const net::Address& address() const { return address_; }
  // Connects if the link is down and not pausing after a failure.
  void wake();
  void drain();

 private:
  friend class TeleportStream;

  enum class State : uint8_t { kDown, kPausing, kConnecting, kHandshake, kSecuring, kOpen };

  // From streams.
  void on_request_whole(TeleportStream& stream);
  void on_cancelled(TeleportStream& stream);
  void on_resumed(TeleportStream& stream);

  void connect();
  void read_handshake(std::string_view bytes);
  // Takes a step of reading, and lets the others have a turn when more is to be read.
  size_t read_frames(std::string_view wire);
  void go_on_reading();
  void open();
  void pass_held(uint32_t key);
  void pass_end(TeleportStream& stream, const http::Fields& trailers);
  // Takes the stream out of the table; it is deleted at the end of the turn. Returns its handler.
  http::ResponseHandler* forget(TeleportStream& stream);
  void reset_stream(TeleportStream& stream, const Error& error);
  Error failure_of(const TeleportStream& stream, const Error& cause) const;
  // The connection is no more: everything on it fails, and a pause begins.
  void on_down(const Error& error);
  void start_pause();
  void on_timer();
  event::Loop& loop() { return context_.loop; }

  void on_connected() override;
  void on_secured() override { open(); }
  size_t on_data(std::string_view bytes) override;
  void on_end() override;
  void on_closed(const Error& error) override;
  void on_write_unblocked() override;
  void on_turn_end() override;

  void on_frame_begun(teleport::v0::OutgoingFrame& frame) override;
  void on_batch_sent() override;

  http::Method method_of_request(uint32_t id) override;
  void on_response_frame(uint32_t id, http::ResponseHead& head, std::string_view raw) override;
  void on_response_frame_body(std::string_view bytes) override;
  void on_response_frame_end(const http::Fields& trailers) override;

  TransportContext context_;
  TeleportOptions options_;
  TeleportStreamTable streams_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<LinkSender> sender_;  // while the link is open
  std::unique_ptr<teleport::v0::ResponseReader> reader_;
  IntrusiveList<teleport::v0::OutgoingFrame>
      waiting_;  // whole requests, while there is no connection
  // Keys of requests refused and responses resumed in this turn: their handlers are called at its
  // end.
  std::vector<uint32_t> refused_;
  std::vector<uint32_t> resumed_;
  // HEAD requests that nobody waits for any more; their answers must still be read without a body.
  std::unordered_set<uint32_t> abandoned_heads_;
  TeleportStream* receiving_ = nullptr;  // whose response the bytes belong to; nullptr: skipped
  net::Address address_;
  size_t next_address_ = 0;
  uint32_t failures_ = 0;                 // connections that brought no answer, in a row
  bool has_answered_ = false;             // this connection has brought one
  bool awaits_answer_ = false;            // a request has gone out since the last bytes came
  std::optional<Error> connect_failure_;  // of a connection that could not even be begun
  bool cut_short_ = false;                // decompressed bytes wait to be read at the end of a turn
  TimePoint last_traffic_{};
  std::optional<TimePoint> unanswered_since_;  // requests went out, and nothing has come since
  State state_ = State::kDown;
  bool draining_ = false;
  event::MemberTimer<TeleportLink, &TeleportLink::on_timer> timer_{*this};  // pause, connect, idle
};

}  // namespace httpteleport::upstream
