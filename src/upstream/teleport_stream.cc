#include "upstream/teleport_stream.h"

#include <algorithm>
#include <utility>

#include "base/length_prefix.h"
#include "http/h1/encoder.h"
#include "upstream/teleport_link.h"
#include "upstream/v2_link_protocol.h"

namespace httpteleport::upstream {

TeleportStream::TeleportStream(TeleportLink& link, http::ResponseHandler& handler, BlockPool& pool)
    : OutgoingFrame(pool), link_(link), handler_(&handler), body_(pool), held_response_(pool) {}

// Here, because g++ 12 fails ("redefinition of __tls_guard") where nothing but the vtable needs
// Recycled's operator delete.
TeleportStream::~TeleportStream() = default;

bool TeleportStream::has_begun() const {
  return begun_ || (lane != nullptr && lane->has_begun());
}

void TeleportStream::send_request_head(const http::RequestHead& head) {
  method_ = head.method;
  length_known_ = head.body.is_known();
  upgrade_ = head.upgrade;
  deadline_ = head.deadline;
  answer_limit_ = head.answer_limit;
  plain_body_ = head.plain_body;
  const http::Field* type = head.fields.find(http::FieldId::kContentType);
  is_form_ = !head.body.is_none() && type != nullptr && http::is_multipart_form(type->value);
  http::h1::encode_request_fields(head, message);
  framing_at_ = message.size();
  http::h1::encode_framing(http::h1::framing_of(head), message);
  head_bytes_ = message.size();
  has_head_ = true;
  check_head_size(head_bytes_);
  // The head alone is sent when the turn ends, with whatever comes until then.
  link_.on_request_grown(*this);
}

void TeleportStream::check_head_size(size_t bytes) {
  if (refusal_ || bytes <= link_.options_.request_head_bytes_max) return;
  refusal_ =
      Error{Code::kHeadTooLarge, Source::kDownstream, 0,
            "the request head is larger than what the teleport peer takes (-outMaxHeaderSize)"};
}

void TeleportStream::send_message(std::string_view bytes, size_t head_bytes, http::Method method) {
  method_ = method;
  head_bytes_ = head_bytes;
  if (bytes.size() <= kTextBytesMax) {
    text = bytes;
  } else {
    message.append(bytes);
  }
  check_head_size(head_bytes);
  ended_ = true;
  link_.on_request_grown(*this);
}

void TeleportStream::send_request_body(std::string_view bytes) {
  if (bytes.empty()) return;
  body_.append(bytes);
  link_.on_request_grown(*this);
}

bool TeleportStream::send_request_datagram(std::string_view bytes) {
  has_datagrams_ = true;
  if (lane != nullptr) return lane->send_datagram(bytes);
  if (bytes.size() > teleport::v2::Multiplexer::kDatagramBytesMax) return false;
  if (!body_.empty() && body_.size() + bytes.size() > kHeldDatagramsMax) return false;
  append_prefixed(body_, bytes);
  return true;
}

void TeleportStream::end_request(const http::Fields& trailers) {
  trailers_ = http::h1::trailer_text(trailers);
  // What follows an offer to switch protocols is no body.
  if (!upgrade_.empty() && !head_passed_) return;
  ended_ = true;
  link_.on_request_grown(*this);
}

// A Go peer reads no body of GET and HEAD, and would take it for the next frames; and it takes a
// form of known length apart while it reads it, and loses the link over a bad one.
Result<void> TeleportStream::make_v0_message() {
  if (!has_head_) return {};
  const bool no_body_expected = method_ == http::Method::kGet || method_ == http::Method::kHead;
  if (no_body_expected && !body_.empty()) {
    return Error{Code::kUnsupported, Source::kDownstream, 0,
                 "GET and HEAD with a body do not pass over a teleport link"};
  }
  if (is_form_ || !length_known_) {
    BufferChain whole(message.pool());
    size_t left = framing_at_;
    message.for_each_run([&](std::string_view run) {
      whole.append(run.substr(0, left));
      left -= std::min(left, run.size());
      return left > 0;
    });
    const bool chunked = is_form_ && !body_.empty();
    http::h1::encode_framing(
        {.content_length = chunked ? std::nullopt : std::optional(body_.size()),
         .chunked = chunked},
        whole);
    if (chunked) whole.append(http::h1::make_chunk_head(body_.size()).view());
    message = std::move(whole);
    message.append(std::move(body_));
    if (!chunked) return {};
    message.append("\r\n");
    http::h1::encode_last_chunk({}, message);
    return {};
  }
  message.append(std::move(body_));
  return {};
}

void TeleportStream::block_request() {
  if (std::exchange(blocked_, true)) return;
  handler_->on_request_blocked();
}

void TeleportStream::unblock_request() {
  if (!std::exchange(blocked_, false)) return;
  handler_->on_request_unblocked();
}

void TeleportStream::cancel() {
  link_.on_cancelled(*this);
}

void TeleportStream::resume_response() {
  paused_ = false;
  if (!held_response_.empty() || response_ended_) link_.on_resumed(*this);
}

}  // namespace httpteleport::upstream
