#include "upstream/teleport_stream.h"

#include "http/h1/encoder.h"
#include "upstream/teleport_link.h"

namespace httpteleport::upstream {

TeleportStream::TeleportStream(TeleportLink& link, http::ResponseHandler& handler, BlockPool& pool)
    : OutgoingFrame(pool), link_(link), handler_(&handler), held_response_(pool) {}

// Here, because g++ 12 fails ("redefinition of __tls_guard") where nothing but the vtable needs
// Recycled's operator delete.
TeleportStream::~TeleportStream() = default;

void TeleportStream::send_request_head(const http::RequestHead& head) {
  HT_ASSERT(head.body.is_known());
  method_ = head.method;
  http::h1::OutgoingFraming framing = http::h1::framing_of(head);
  // A Go peer reads no body of GET and HEAD, and would take it for the next frames.
  const bool no_body_expected = method_ == http::Method::kGet || method_ == http::Method::kHead;
  if (no_body_expected && !head.body.is_none() && !refusal_) {
    refusal_ = Error{Code::kUnsupported, Source::kDownstream, 0,
                     "GET and HEAD with a body do not pass over a teleport link"};
  }
  // A Go peer takes a form of known length apart while it reads it, and loses the link over a bad
  // one.
  const http::Field* type = head.fields.find(http::FieldId::kContentType);
  chunked_ = !head.body.is_none() && type != nullptr && http::is_multipart_form(type->value);
  if (chunked_) framing = {.content_length = {}, .chunked = true};
  http::h1::encode_request_head(head, framing, message);
  check_head_size(message.size());
}

void TeleportStream::check_head_size(size_t bytes) {
  if (refusal_ || bytes <= link_.options_.request_head_bytes_max) return;
  refusal_ =
      Error{Code::kHeadTooLarge, Source::kDownstream, 0,
            "the request head is larger than what the teleport peer takes (-outMaxHeaderSize)"};
}

void TeleportStream::send_message(std::string_view bytes, size_t head_bytes, http::Method method) {
  method_ = method;
  if (bytes.size() <= kTextBytesMax) {
    text = bytes;
  } else {
    message.append(bytes);
  }
  check_head_size(head_bytes);
  link_.on_request_whole(*this);
}

void TeleportStream::send_request_body(std::string_view bytes) {
  if (bytes.empty()) return;
  if (!chunked_) return message.append(bytes);
  message.append(http::h1::make_chunk_head(bytes.size()).view());
  message.append(bytes);
  message.append("\r\n");
}

void TeleportStream::end_request(const http::Fields&) {
  if (chunked_) http::h1::encode_last_chunk({}, message);
  link_.on_request_whole(*this);
}

void TeleportStream::cancel() {
  link_.on_cancelled(*this);
}

void TeleportStream::resume_response() {
  paused_ = false;
  if (!held_response_.empty() || response_ended_) link_.on_resumed(*this);
}

}  // namespace httpteleport::upstream
