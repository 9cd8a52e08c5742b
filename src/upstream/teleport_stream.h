// One exchange on a teleport link, near end. Made by TeleportLinks for proxy/attempts, and for
// api/call, which sends whole messages.
#pragma once

#include <optional>
#include <string>

#include "base/buffer.h"
#include "base/deletable.h"
#include "base/recycled.h"
#include "http/stream.h"
#include "teleport/v0/batch_writer.h"

namespace httpteleport::upstream {

class TeleportLink;

class V2Lane;

// Owned by the link from open_stream() until its last event.
//
// The request is put together here, as text of HTTP/1.1 but for a body without chunks. Over v0 it
// goes onto the link when it is whole, because a message that has begun there cannot be abandoned
// and no other one moves while it lasts. Over v2 what has been gathered goes on at once.
class TeleportStream final : public teleport::v0::OutgoingFrame,
                             public Deletable,
                             public http::UpstreamStream,
                             public Recycled<TeleportStream, 16 * 1024> {
 public:
  TeleportStream(TeleportLink& link, http::ResponseHandler& handler, BlockPool& pool);
  ~TeleportStream() override;

  // In place of the three calls below: `bytes` are the request as it goes over the wire, well
  // formed, of which the first `head_bytes` are the head. They must stay until has_begun() or the
  // last event.
  void send_message(std::string_view bytes, size_t head_bytes, http::Method method);
  // Before sending: when nobody waits any more.
  void set_deadline(TimePoint deadline) { deadline_ = deadline; }
  // Before sending: the peer gives no answer (id 0). on_response_end() comes, alone, once the
  // request is on its way.
  void expect_no_answer() { id = 0; }
  // Its bytes are on their way, at least in part; good until the stream is gone.
  bool has_begun() const;

  void send_request_head(const http::RequestHead& head) override;
  void send_request_body(std::string_view bytes) override;
  bool send_request_datagram(std::string_view bytes) override;
  void end_request(const http::Fields& trailers) override;
  void cancel() override;
  // The link is shared, so it is never paused: what comes meanwhile is held, within a limit or
  // window.
  void pause_response() override { paused_ = true; }
  void resume_response() override;

  // ---- For the protocol that carries it.

  // In the link's table; its id on a v0 wire, unless that is 0.
  uint32_t key() const { return key_; }
  http::Method method() const { return method_; }
  // The handler has the response head.
  bool head_passed() const { return head_passed_; }
  void set_begun() { begun_ = true; }
  bool wants_no_answer() const { return id == 0; }

  // What has been gathered and not been taken yet: the head, in `message`, and the body behind it.
  // A request that was given as a whole (send_message()) is all in `message` or `text`.
  BufferChain& body() { return body_; }
  // The body is datagrams, each behind its length in two bytes.
  bool has_datagrams() const { return has_datagrams_; }
  bool is_whole() const { return ended_; }
  bool is_tunnel() const { return tunnel_; }
  size_t head_bytes() const { return head_bytes_; }
  std::string_view trailers() const { return trailers_; }
  std::string_view upgrade() const { return upgrade_; }
  // See http::RequestHead.
  TimePoint deadline() const { return deadline_; }
  Duration answer_limit() const { return answer_limit_; }
  bool has_plain_body() const { return plain_body_; }
  // Makes of what has been gathered a message for v0, in `message`. An error: v0 cannot carry it.
  Result<void> make_v0_message();
  // The handler is to wait until there is room for more of the request / need wait no longer.
  void block_request();
  void unblock_request();
  V2Lane* lane = nullptr;  // of the v2 protocol

 private:
  friend class TeleportLink;

  // Datagrams that wait until the link is open.
  static constexpr size_t kHeldDatagramsMax = 16 * 1024;

  void check_head_size(size_t bytes);
  size_t gathered() const { return body_.size(); }

  TeleportLink& link_;
  http::ResponseHandler* handler_;
  uint32_t key_ = 0;
  BufferChain body_;
  BufferChain held_response_;
  std::string held_trailers_;
  std::string trailers_;
  std::string upgrade_;
  std::optional<Error> refusal_;  // why this request does not go onto the link
  TimePoint deadline_ = TimePoint::max();
  Duration answer_limit_{};
  size_t head_bytes_ = 0;
  size_t framing_at_ = 0;  // in the head: where what says the body's length begins
  http::Method method_ = http::Method::kGet;
  bool has_head_ = false;
  bool has_datagrams_ = false;
  bool ended_ = false;
  bool begun_ = false;
  bool plain_body_ = false;
  bool is_form_ = false;  // of several parts
  bool length_known_ = true;
  bool blocked_ = false;
  bool paused_ = false;
  bool head_passed_ = false;
  bool response_ended_ = false;  // the end came, but bytes before it are held
  bool tunnel_ = false;
  bool response_over_ = false;  // of a tunnel whose other direction goes on
};

}  // namespace httpteleport::upstream
