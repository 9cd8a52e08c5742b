// v0 on a link from a peer, far end (docs/protocol/teleport-v0.md).
#pragma once

#include <memory>
#include <optional>

#include "base/recycled.h"
#include "proxy/link_session.h"
#include "teleport/v0/frame_reader.h"
#include "upstream/link_sender.h"

namespace httpteleport::proxy {

class TeleportSession;

// One request of the link with its response. Owned by the session until the response is on its way.
class TeleportExchange final : public IntrusiveNode,
                               public Deletable,
                               public Recycled<TeleportExchange, 16 * 1024>,
                               private http::DownstreamStream {
 public:
  TeleportExchange(TeleportSession& session, uint32_t id);
  ~TeleportExchange() override;

 private:
  friend class TeleportSession;

  // Its place in the list of those that may go on.
  struct Resumption final : IntrusiveNode {
    explicit Resumption(TeleportExchange& owner) : exchange(owner) {}
    TeleportExchange& exchange;
  };

  void send_response_head(http::ResponseHead& head) override;
  void send_response_body(std::string_view bytes) override;
  void end_response(const http::Fields& trailers) override;
  void reset(const Error& error) override;
  void pause_request() override { paused_ = true; }
  void resume_request() override;

  void begin(http::RequestHead& head, std::string_view raw);
  void on_body(std::string_view bytes);
  void on_end(const http::Fields& trailers);
  void pass_held();
  // Gives up on what the endpoint answers and answers `error` instead.
  void replace_response(const Error& error);
  void answer_with(const Error& error);
  // Neither the request nor the status says that the response has none.
  bool may_have_body() const;
  // The fields about the body, and the empty line.
  void end_head(uint64_t body_bytes);
  // Answers a request that is no exchange yet with `error`.
  void refuse(const http::RequestHead& head, const Error& error);

  TeleportSession& session_;
  std::unique_ptr<http::RequestHandler> handler_;
  const uint32_t id_;
  BufferChain message_;  // the answer as far as it is known: head and, behind it, the body
  Resumption resumption_{*this};
  BufferChain body_;          // of a response whose length is known at its end only
  BufferChain held_request_;  // came while the endpoint could not take it
  http::Method method_ = http::Method::kGet;
  int status_ = 0;
  size_t head_bytes_ = 0;                    // of the response, once its head is complete
  std::optional<uint64_t> body_bytes_left_;  // of a response whose head has told
  bool paused_ = false;
  bool request_ended_ = false;  // its last byte has come; part of it may be held
  bool end_passed_ = false;     // the handler knows that
  bool is_local_reply_ = false;
  bool answered_ = false;  // the response is complete and queued
};

// Answers go back in any order, each when it is whole. Ids are the peer's: two requests with one
// id, which only a broken peer sends, get two answers with that id; id 0 gets none.
//
// One request that is too large, or badly addressed, fails alone. Only bytes after which the next
// frame cannot be found end the link.
class TeleportSession final : public LinkSession,
                              private teleport::v0::RequestEvents,
                              private upstream::BatchEvents {
 public:
  // Owned by `context.sessions` from here on.
  static void start(SessionContext& context, AcceptedLink link);
  ~TeleportSession() override;

 private:
  friend class TeleportExchange;

  TeleportSession(SessionContext& context, AcceptedLink link);

  // From exchanges.
  void on_answered(TeleportExchange& exchange);
  void on_resumed(TeleportExchange& exchange);

  // Takes a step of reading, and lets the others have a turn when more is to be read.
  size_t read_frames(std::string_view wire);
  void go_on_reading();
  void check_backpressure();
  void remove(TeleportExchange& exchange);

  bool is_answering() const override { return exchange_count_ > 0; }
  bool is_between_messages() const override { return reader_.is_between_frames(); }
  void on_lost(const Error& error) override;

  size_t on_data(std::string_view bytes) override;
  void on_write_unblocked() override;
  void on_turn_end() override;

  void on_batch_sent() override;

  void on_request_frame(uint32_t id, http::RequestHead& head, std::string_view raw) override;
  void on_request_frame_body(std::string_view bytes) override;
  void on_request_frame_end(const http::Fields& trailers) override;

  teleport::v0::RequestReader reader_;
  std::optional<upstream::LinkSender> sender_;  // while the link is open
  IntrusiveList<TeleportExchange> exchanges_;
  // Whose endpoints take more: they get what is held at the end of the turn.
  IntrusiveList<TeleportExchange::Resumption> resumed_;
  size_t exchange_count_ = 0;
  TeleportExchange* receiving_ = nullptr;  // whose request the bytes belong to; nullptr: skipped
  bool cut_short_ = false;  // decompressed bytes wait to be read at the end of a turn
};

}  // namespace httpteleport::proxy
