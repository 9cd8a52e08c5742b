// One exchange on a teleport link, near end. Made by TeleportLinks for proxy/attempts, and for
// api/call, which sends whole messages.
#pragma once

#include <optional>

#include "base/buffer.h"
#include "base/deletable.h"
#include "base/recycled.h"
#include "http/stream.h"
#include "teleport/v0/batch_writer.h"

namespace httpteleport::upstream {

class TeleportLink;

// Owned by the link from open_stream() until its last event.
//
// The message is put together here and goes onto the link when it is whole, because a v0 message
// that has begun cannot be abandoned and no other one moves while it lasts. So the caller sends all
// of a request without waiting, and says its length in the head.
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
  // Before sending: the peer gives no answer (id 0). on_response_end() comes, alone, once the
  // request is on its way.
  void expect_no_answer() { id = 0; }
  // Its bytes are on their way, at least in part.
  bool has_begun() const { return begun_; }

  void send_request_head(const http::RequestHead& head) override;
  void send_request_body(std::string_view bytes) override;
  void end_request(const http::Fields& trailers) override;
  void cancel() override;
  // The link is shared, so it is never paused: what comes meanwhile is held, within a limit.
  void pause_response() override { paused_ = true; }
  void resume_response() override;

  // ---- For the protocol that carries it.

  // In the link's table; its id on the wire, unless that is 0.
  uint32_t key() const { return key_; }
  http::Method method() const { return method_; }
  // The handler has the response head.
  bool head_passed() const { return head_passed_; }
  void set_begun() { begun_ = true; }

 private:
  friend class TeleportLink;

  void check_head_size(size_t bytes);

  TeleportLink& link_;
  http::ResponseHandler* handler_;
  uint32_t key_ = 0;
  BufferChain held_response_;
  std::optional<Error> refusal_;  // why this request does not go onto the link
  http::Method method_ = http::Method::kGet;
  bool begun_ = false;
  bool chunked_ = false;
  bool paused_ = false;
  bool head_passed_ = false;
  bool response_ended_ = false;  // the end came, but bytes before it are held
};

}  // namespace httpteleport::upstream
