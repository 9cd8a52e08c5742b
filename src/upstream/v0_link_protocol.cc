#include "upstream/v0_link_protocol.h"

#include <algorithm>
#include <utility>

#include "upstream/teleport_link.h"

namespace httpteleport::upstream {

namespace v0 = teleport::v0;

namespace {

LinkSender::Options sender_options(const TeleportOptions& options) {
  return {.compression = options.compression,
          .timing = {.delay = options.batch_delay, .bytes = options.batch_bytes}};
}

v0::ReaderLimits reader_limits(const TeleportOptions& options) {
  return {.head_bytes_max =
              std::max(v0::ReaderLimits{}.head_bytes_max, options.response_head_bytes_max)};
}

}  // namespace

V0LinkProtocol::V0LinkProtocol(TeleportLink& link, net::Connection& connection,
                               compress::Method compression)
    : link_(link),
      connection_(connection),
      sender_(connection, link.metrics(), static_cast<BatchEvents&>(*this),
              sender_options(link.options())),
      reader_(compression, reader_limits(link.options()), static_cast<v0::ResponseEvents&>(*this)) {
}

// ---- Sending.

// Requests whose body is not known to be short are not given to a link of v0, but one that was v2
// may have become it.
void V0LinkProtocol::on_request_grown(TeleportStream& stream) {
  if (!stream.upgrade().empty()) {
    return link_.refuse(stream, {Code::kUnsupported, Source::kDownstream, 0,
                                 "a teleport v0 link does not switch protocols"});
  }
  if (stream.is_whole()) {
    const Result<void> made = stream.make_v0_message();
    return made ? sender_.add(stream) : link_.refuse(stream, made.error());
  }
  if (stream.body().size() > link_.options().request_bytes_max) {
    return link_.refuse(stream, {Code::kBodyTooLarge, Source::kDownstream, 0,
                                 "the request body is too large for a teleport v0 link"});
  }
  stream.unblock_request();
}

void V0LinkProtocol::on_abandoned(TeleportStream& stream) {
  if (receiving_ == &stream) {
    receiving_ = nullptr;
    return;
  }
  const bool answer_will_come = stream.has_begun() && !stream.head_passed();
  if (answer_will_come && stream.method() == http::Method::kHead)
    abandoned_heads_.insert(stream.key());
  // A peer that answers none of them is not worth the memory.
  if (abandoned_heads_.size() > link_.options().pending_max) link_.call_at_turn_end();
}

void V0LinkProtocol::on_frame_begun(v0::OutgoingFrame& frame) {
  auto& stream = static_cast<TeleportStream&>(frame);
  stream.set_begun();
  if (stream.id == 0) return link_.end_response(stream, {});
  wants_answer_ = true;
}

void V0LinkProtocol::on_batch_sent() {
  link_.on_sent(std::exchange(wants_answer_, false));
}

Result<void> V0LinkProtocol::on_turn_end() {
  if (cut_short_) {
    if (const Result<void> read = go_on_reading(); !read) return read;
  }
  if (abandoned_heads_.size() > link_.options().pending_max) {
    return Error{Code::kConnectionLost, Source::kUpstream, 0,
                 "the teleport peer answers too little"};
  }
  return {};
}

// ---- Receiving.

Result<size_t> V0LinkProtocol::read_frames(std::string_view wire) {
  metrics::LinkMetrics& metrics = link_.metrics();
  const uint64_t plain_before = reader_.plain_bytes();
  const Result<v0::FrameReader::Step> step = reader_.step(wire);
  metrics.raw_received.add(reader_.plain_bytes() - plain_before);
  metrics.wire_received.add(step ? step->consumed : wire.size());
  if (!step) return step.error();
  if (step->cut_short) {
    cut_short_ = true;
    connection_.pause(net::PauseReason::kBusy);
    link_.call_at_next_turn();
  }
  return step->consumed;
}

// What the decoder holds back comes first; the connection then offers what it has kept.
Result<void> V0LinkProtocol::go_on_reading() {
  cut_short_ = false;
  if (const Result<size_t> read = read_frames({}); !read) return read.error();
  if (!cut_short_) connection_.resume(net::PauseReason::kBusy);
  return {};
}

http::Method V0LinkProtocol::method_of_request(uint32_t id) {
  if (const TeleportStream* stream = link_.find(id)) return stream->method();
  return abandoned_heads_.contains(id) ? http::Method::kHead : http::Method::kGet;
}

void V0LinkProtocol::on_response_frame(uint32_t id, http::ResponseHead& head,
                                       std::string_view raw) {
  link_.metrics().messages_received.add();
  link_.on_answer();
  TeleportStream* stream = link_.find(id);
  // Also an answer to something not yet asked, or answered already, is nobody's.
  if (stream == nullptr || !stream->has_begun() || stream->head_passed()) {
    link_.metrics().late_answers.add();
    abandoned_heads_.erase(id);
    receiving_ = nullptr;
    return;
  }
  receiving_ = stream;
  if (head.refusal) return link_.reset_stream(*stream, *head.refusal);
  if (raw.size() > link_.options().response_head_bytes_max) {
    return link_.reset_stream(*stream,
                              {Code::kHeadTooLarge, Source::kUpstream, 0,
                               "the response head is larger than the limit (-outMaxHeaderSize)"});
  }
  // A far end must answer HEAD with a length of 0 or none, whatever the resource's length is.
  if (stream->method() == http::Method::kHead && head.declared_length == 0u)
    head.declared_length.reset();
  link_.pass_head(*stream, head);
}

void V0LinkProtocol::on_response_frame_body(std::string_view bytes) {
  if (receiving_ != nullptr) link_.pass_body(*receiving_, bytes);
}

void V0LinkProtocol::on_response_frame_end(const http::Fields& trailers) {
  if (TeleportStream* stream = std::exchange(receiving_, nullptr))
    link_.end_response(*stream, trailers);
}

}  // namespace httpteleport::upstream
