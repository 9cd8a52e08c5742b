// The near end of v0 on an open link: whole messages both ways (docs/protocol/teleport-v0.md).
#pragma once

#include <cstdint>
#include <unordered_set>

#include "net/connection.h"
#include "teleport/v0/frame_reader.h"
#include "upstream/link_protocol.h"
#include "upstream/link_sender.h"

namespace httpteleport::upstream {

class TeleportLink;

// Requests go onto the link as wholes, in batches. Answers come in any order, each whole, and pass
// on as they are read; one that nobody waits for is read and dropped.
class V0LinkProtocol final : public LinkProtocol,
                             private teleport::v0::ResponseEvents,
                             private BatchEvents {
 public:
  // Both outlive it. `compression` is of what the peer writes.
  V0LinkProtocol(TeleportLink& link, net::Connection& connection, compress::Method compression);

  void on_request_grown(TeleportStream& stream) override;
  void on_abandoned(TeleportStream& stream) override;
  size_t queued_bytes() const override { return sender_.queued_bytes(); }
  Result<size_t> on_data(std::string_view bytes) override { return read_frames(bytes); }
  void on_write_unblocked() override { sender_.on_write_unblocked(); }
  Result<void> on_turn_end() override;

 private:
  // Takes a step of reading, and lets the others have a turn when more is to be read.
  Result<size_t> read_frames(std::string_view wire);
  Result<void> go_on_reading();

  void on_frame_begun(teleport::v0::OutgoingFrame& frame) override;
  void on_batch_sent() override;

  http::Method method_of_request(uint32_t id) override;
  void on_response_frame(uint32_t id, http::ResponseHead& head, std::string_view raw) override;
  void on_response_frame_body(std::string_view bytes) override;
  void on_response_frame_end(const http::Fields& trailers) override;

  TeleportLink& link_;
  net::Connection& connection_;
  LinkSender sender_;
  teleport::v0::ResponseReader reader_;
  // Keys of HEAD requests that nobody waits for any more; their answers must still be read without
  // a body.
  std::unordered_set<uint32_t> abandoned_heads_;
  TeleportStream* receiving_ = nullptr;  // whose response the bytes belong to; nullptr: skipped
  bool cut_short_ = false;               // decompressed bytes wait to be read at the end of a turn
  bool wants_answer_ = false;  // a request that has begun since the last batch was sent does
};

}  // namespace httpteleport::upstream
