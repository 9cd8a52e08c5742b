// Version 2 on a link, near end (docs/protocol/teleport-v2.md): requests and responses in pieces,
// each stream with windows of its own.
#pragma once

#include "base/intrusive_list.h"
#include "base/recycled.h"
#include "http/message.h"
#include "teleport/v2/multiplexer.h"
#include "upstream/link_protocol.h"
#include "upstream/v2_link_sender.h"

namespace httpteleport::upstream {

class TeleportLink;
class V2LinkProtocol;

// What a TeleportStream has on a v2 link: one of the multiplexer's streams.
class V2Lane final : public IntrusiveNode,
                     public Recycled<V2Lane, 16 * 1024>,
                     private teleport::v2::StreamOwner {
 public:
  V2Lane(V2LinkProtocol& protocol, TeleportStream& stream);

  // Sends what the stream has gathered.
  void send();
  // False: it was dropped.
  bool send_datagram(std::string_view bytes);
  bool has_begun() const { return wire_ != nullptr && wire_->has_begun(); }
  void on_held_passed(size_t bytes);
  // The stream is gone, and nobody waits for its response.
  void abandon();

 private:
  friend class V2LinkProtocol;

  // The stream outlives the lane, or what the lane knows.
  void note_begun();
  void send_head();
  teleport::v2::Terms terms() const;
  void send_end(std::string_view trailers);
  void send_held_datagrams();
  // Of a response that cannot be used: the stream fails.
  void fail(const Error& error);
  // The response is complete. May destroy the lane.
  void finish(const http::Fields& trailers);
  // Whether the body may go on so; else the stream has failed.
  bool count_body(size_t bytes, bool end);
  void end_offer();
  TeleportLink& link() const;

  void on_stream_head(std::string_view text, bool end) override;
  void on_stream_body(std::string_view bytes, bool end) override;
  void on_stream_trailers(std::string_view text) override;
  void on_stream_reset(teleport::v2::EndCode code) override;
  void on_stream_room() override;
  void on_stream_datagram(std::string_view bytes) override;

  V2LinkProtocol& protocol_;
  TeleportStream* stream_;  // nullptr: its request is carried out, and the answer dropped
  teleport::v2::Stream* wire_;
  std::optional<uint64_t> body_bytes_left_;  // of a response whose head has told
  bool head_sent_ = false;
  bool end_sent_ = false;
  bool response_ended_ = false;
};

class V2LinkProtocol final : public LinkProtocol,
                             private teleport::v2::MultiplexerEvents,
                             private V2LinkSender::Events {
 public:
  // `peer` is the peer's hello; the link has sent `own`.
  V2LinkProtocol(TeleportLink& link, net::Connection& connection, const teleport::v2::Hello& own,
                 const teleport::v2::Hello& peer);
  ~V2LinkProtocol() override;

  void on_request_grown(TeleportStream& stream) override;
  void on_held_passed(TeleportStream& stream, size_t bytes) override;
  void on_abandoned(TeleportStream& stream) override;
  size_t queued_bytes() const override { return multiplexer_.sendable_bytes(); }
  Result<size_t> on_data(std::string_view bytes) override;
  void on_write_unblocked() override { sender_.on_write_unblocked(); }
  void probe() override;
  Result<void> on_turn_end() override;

 private:
  friend class V2Lane;

  void on_request(std::string_view head, bool end) override;
  void on_goaway(teleport::v2::EndCode code) override;
  void on_batch_sent() override;

  TeleportLink& link_;
  net::Connection& connection_;
  teleport::v2::Multiplexer multiplexer_;
  V2LinkSender sender_;
  IntrusiveList<V2Lane> lanes_;
  // Streams that want no answer, and whose requests were not in a batch when it was last looked at.
  std::vector<uint32_t> unanswered_;
  http::ResponseHead head_;  // that is being parsed
  bool reading_paused_ = false;
};

}  // namespace httpteleport::upstream
