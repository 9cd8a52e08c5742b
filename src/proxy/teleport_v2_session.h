// v2 on a link from a peer, far end (docs/protocol/teleport-v2.md).
#pragma once

#include <optional>
#include <string>

#include "base/recycled.h"
#include "http/h1/encoder.h"
#include "proxy/link_session.h"
#include "teleport/v2/multiplexer.h"
#include "upstream/v2_link_sender.h"

namespace httpteleport::proxy {

class TeleportV2Session;

// One stream of the link: a request with its response, both passed on as they come. Owned by the
// session until both are over, or the stream is.
//
// Bytes of the request that its handler does not take yet are held: no more than the stream's
// window, because the peer is told of room only for those that have been passed.
class TeleportV2Exchange final : public IntrusiveNode,
                                 public Deletable,
                                 public Recycled<TeleportV2Exchange, 16 * 1024>,
                                 private http::DownstreamStream,
                                 private teleport::v2::StreamOwner {
 public:
  explicit TeleportV2Exchange(TeleportV2Session& session);
  ~TeleportV2Exchange() override;

 private:
  friend class TeleportV2Session;

  // Its place in the list of those that may go on.
  struct Resumption final : IntrusiveNode {
    explicit Resumption(TeleportV2Exchange& owner) : exchange(owner) {}
    TeleportV2Exchange& exchange;
  };

  // Of the request's head, to go on in another protocol.
  enum class Offer : uint8_t { kNone, kMade, kTaken, kDeclined };

  // ---- From the session.

  // A stream has begun with `text`, a head, which is all of the request if `end`.
  void begin(std::string_view text, bool end);
  void pass_held();
  bool is_request_whole() const { return request_ended_; }
  // The client is gone, or nobody can read the answer. Where a stream is left, the peer is told
  // `code`.
  void give_up(const Error& error, teleport::v2::EndCode code);

  // ---- From the peer.
  void on_stream_head(std::string_view, bool) override {}
  void on_stream_body(std::string_view bytes, bool end) override;
  void on_stream_trailers(std::string_view text) override;
  void on_stream_reset(teleport::v2::EndCode code) override;
  void on_stream_room() override;
  void on_stream_datagram(std::string_view bytes) override;

  // ---- From the handler.
  void send_response_head(http::ResponseHead& head) override;
  void send_response_body(std::string_view bytes) override;
  bool send_response_datagram(std::string_view bytes) override;
  void end_response(const http::Fields& trailers) override;
  void reset(const Error& error) override;
  void pause_request() override { paused_ = true; }
  void resume_request() override;

  // Errors: why the request is refused, unseen by a handler.
  Result<void> parse(std::string_view text, bool end, http::RequestHead& head);
  // Counts body bytes against the length that the head has told; false: they are not that.
  bool is_length_right(size_t bytes, bool end);
  // What comes is for the handler, at once or later.
  bool is_request_wanted() const { return offer_ != Offer::kDeclined && !end_passed_; }
  bool must_wait() const { return paused_ || offer_ == Offer::kMade; }
  bool must_hold() const { return must_wait() || !held_.empty(); }
  // All of the request has come, and nothing of it is held.
  void pass_end(const http::Fields& trailers);
  // The request makes no sense: it must not look complete to anybody.
  void break_request(const char* why);
  void drop_handler();

  // What the peer gives the request of its time.
  void take_terms(const teleport::v2::Terms& terms, http::RequestHead& head);
  // The next thing that the peer waits for must be there in time.
  void watch_time();
  void on_late();

  // The final head of the response is there.
  void settle_offer(bool taken);
  bool may_have_body(int status) const;
  http::h1::OutgoingFraming framing_of(const http::ResponseHead& head) const;
  void wait_for_room();
  // The handler has waited for room all the time.
  void on_stuck();
  // Gives up on what the handler answers, and answers `error` instead, or resets a stream whose
  // answer has begun with `code`.
  void replace_response(const Error& error,
                        teleport::v2::EndCode code = teleport::v2::EndCode::kBroken);
  void refuse(const http::RequestHead& head, const Error& error);
  void answer_with(const Error& error);
  // The response is complete; with a tunnel, both directions are.
  void finish();

  TeleportV2Session& session_;
  teleport::v2::Stream* stream_ = nullptr;  // nullptr: it is over, or not ours any more
  std::unique_ptr<http::RequestHandler> handler_;
  Resumption resumption_{*this};
  BufferChain held_;           // of the request's body, and not yet passed
  std::string held_trailers_;  // come behind that
  std::optional<uint64_t> request_bytes_left_;
  http::Method method_ = http::Method::kGet;
  Offer offer_ = Offer::kNone;
  bool paused_ = false;
  bool request_ended_ = false;  // its last byte has come; part of it may be held
  bool end_passed_ = false;     // the handler knows that
  bool response_begun_ = false;
  bool response_has_body_ = false;
  bool response_is_chunked_ = false;  // of a length that its head does not tell
  bool response_ended_ = false;       // of a tunnel
  bool blocked_ = false;              // the handler waits for room
  uint64_t sent_at_check_ = 0;        // of the response's body
  TimePoint deadline_ = TimePoint::max();
  Duration answer_limit_{};  // 0: none
  event::MemberTimer<TeleportV2Exchange, &TeleportV2Exchange::on_late> time_{*this};
  event::MemberTimer<TeleportV2Exchange, &TeleportV2Exchange::on_stuck> stuck_timer_{*this};
};

// Any number of requests at a time, each with windows of its own. One that is broken, too large or
// badly addressed fails alone; only frames that make no sense end the link.
//
// Reading is never paused for what waits to be sent: the peer's windows, without which nothing
// leaves, are read from the same connection. What waits is bounded by the streams, which are
// counted, and by their handlers, which are told when theirs is full.
class TeleportV2Session final : public LinkSession,
                                private teleport::v2::MultiplexerEvents,
                                private upstream::V2LinkSender::Events {
 public:
  // Owned by `context.sessions` from here on.
  static void start(SessionContext& context, AcceptedLink link);
  ~TeleportV2Session() override;

 private:
  friend class TeleportV2Exchange;

  TeleportV2Session(SessionContext& context, AcceptedLink link);

  // From exchanges.
  teleport::v2::Multiplexer& multiplexer() { return multiplexer_; }
  // Something may have been queued.
  void on_work();
  void on_resumed(TeleportV2Exchange& exchange);
  void remove(TeleportV2Exchange& exchange);
  // Why one more request is not taken now.
  std::optional<Error> overload() const;

  void go_on_reading();
  // The peer asks for nothing more: what it has not asked to the end is over.
  void give_up_incomplete();
  // When the link is to end: once all is answered and sent.
  void finish_if_done();

  bool is_answering() const override { return exchange_count_ > 0; }
  bool is_between_messages() const override { return !inside_batch_; }
  void on_lost(const Error& error) override;

  size_t on_data(std::string_view bytes) override;
  void on_write_unblocked() override;
  void on_turn_end() override;

  void on_batch_sent() override;

  void on_request(std::string_view head, bool end) override;
  void on_goaway(teleport::v2::EndCode) override {}

  const uint32_t streams_max_;  // as the peer was told
  const size_t requests_max_;   // that are not answered yet
  teleport::v2::Multiplexer multiplexer_;
  std::optional<upstream::V2LinkSender> sender_;  // while the link is open
  IntrusiveList<TeleportV2Exchange> exchanges_;
  // Whose endpoints take more: they get what is held at the end of the turn.
  IntrusiveList<TeleportV2Exchange::Resumption> resumed_;
  size_t exchange_count_ = 0;
  bool cut_short_ = false;     // more is to be read in the next turn
  bool inside_batch_ = false;  // the end of the last one has not come
};

}  // namespace httpteleport::proxy
