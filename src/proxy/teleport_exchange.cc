#include "http/error_status.h"
#include "http/h1/encoder.h"
#include "proxy/memory_budget.h"
#include "proxy/teleport_session.h"

namespace httpteleport::proxy {

TeleportExchange::TeleportExchange(TeleportSession& session, uint32_t id)
    : session_(session),
      id_(id),
      message_(session.loop().pool()),
      body_(session.loop().pool()),
      held_request_(session.loop().pool()) {}

TeleportExchange::~TeleportExchange() = default;

// ---- The request.

void TeleportExchange::begin(http::RequestHead& head, std::string_view raw) {
  // The body follows on the link without asking, so nobody waits for a 100.
  head.fields.drop(http::FieldId::kExpect);
  head.expects_continue = false;
  if (raw.size() > session_.context().teleport.request_head_bytes_max) {
    return refuse(head, {Code::kHeadTooLarge, Source::kDownstream, 0,
                         "the request head is larger than the limit (-inMaxHeaderSize)"});
  }
  if (!head.upgrade.empty()) {
    return refuse(head, {Code::kUnsupported, Source::kDownstream, 0,
                         "an upgrade (WebSocket) cannot pass over a teleport link"});
  }
  handler_ = session_.context().handlers->make_handler(*this, session_.client());
  handler_->on_request_head(head, raw);
}

void TeleportExchange::on_body(std::string_view bytes) {
  if (!handler_) return;
  if (!paused_ && held_request_.empty()) return handler_->on_request_body(bytes);
  if (held_request_.size() + bytes.size() > session_.context().teleport.held_request_bytes_max) {
    return replace_response({Code::kBodyTooLarge, Source::kDownstream, 0,
                             "the endpoint takes a request body of this size too slowly"});
  }
  if (session_.loop().pool().is_over_budget()) return replace_response(out_of_memory());
  held_request_.append(bytes);
}

void TeleportExchange::on_end(const http::Fields& trailers) {
  request_ended_ = true;
  if (!handler_ || paused_ || !held_request_.empty()) return;
  end_passed_ = true;
  handler_->on_request_end(trailers);
}

void TeleportExchange::resume_request() {
  if (!paused_) return;
  paused_ = false;
  session_.on_resumed(*this);
}

void TeleportExchange::pass_held() {
  while (handler_ && !paused_ && !held_request_.empty()) {
    const std::string_view run = held_request_.front();
    handler_->on_request_body(run);
    if (handler_) held_request_.consume(run.size());
  }
  if (!handler_ || paused_ || !request_ended_ || end_passed_) return;
  end_passed_ = true;
  handler_->on_request_end({});
}

// ---- The response.

void TeleportExchange::send_response_head(http::ResponseHead& head) {
  if (answered_ || head.is_informational()) return;  // the wire has no place for the latter
  is_local_reply_ = head.abandons_request;
  status_ = head.status;
  http::h1::encode_response_fields(head, session_.context().date.text(session_.loop().now()),
                                   message_);
  // A legacy near end waits for as many bytes as Content-Length says, after HEAD too.
  if (is_local_reply_ || !may_have_body() || !head.body.is_known()) return;
  body_bytes_left_ = head.body.bytes;
  end_head(head.body.bytes);
}

bool TeleportExchange::may_have_body() const {
  return method_ != http::Method::kHead && !http::status_has_no_body(status_);
}

// A near end reads until the end of the connection where there is no Content-Length, but for the
// statuses without a body, which it knows.
void TeleportExchange::end_head(uint64_t body_bytes) {
  http::h1::OutgoingFraming framing;
  if (!http::status_has_no_body(status_)) framing.content_length = body_bytes;
  http::h1::encode_framing(framing, message_);
  head_bytes_ = message_.size();
}

void TeleportExchange::send_response_body(std::string_view bytes) {
  if (answered_ || !may_have_body()) return;
  // What we say ourselves is short, and says what is wrong.
  if (is_local_reply_) return body_.append(bytes);
  const uint64_t body_bytes = body_bytes_left_ ? message_.size() - head_bytes_ : body_.size();
  if (body_bytes + bytes.size() > session_.context().teleport.response_bytes_max) {
    return replace_response({Code::kBodyTooLarge, Source::kUpstream, 0,
                             "the response is too large for a teleport link (-outMaxBodySize)"});
  }
  if (session_.loop().pool().is_over_budget()) return replace_response(out_of_memory());
  if (!body_bytes_left_) return body_.append(bytes);
  HT_ASSERT(bytes.size() <= *body_bytes_left_);
  *body_bytes_left_ -= bytes.size();
  message_.append(bytes);
}

void TeleportExchange::end_response(const http::Fields&) {
  if (answered_) return;
  HT_ASSERT(body_bytes_left_.value_or(0) == 0);
  if (!body_bytes_left_) end_head(body_.size());
  if (head_bytes_ > session_.context().teleport.response_head_bytes_max) {
    return reset(
        {Code::kHeadTooLarge, Source::kUpstream, 0,
         "the response head is larger than what the teleport peer takes (-inMaxHeaderSize)"});
  }
  session_.loop().delete_later(std::move(handler_));
  session_.context().metrics.responses[static_cast<size_t>(status_ / 100)].add();
  message_.append(std::move(body_));
  answered_ = true;
  session_.on_answered(*this);
}

// The endpoint broke off inside its response. Nothing of that has left yet.
void TeleportExchange::reset(const Error& error) {
  if (answered_) return;
  handler_->on_answer_replaced(error);
  session_.loop().delete_later(std::move(handler_));
  answer_with(error);
}

void TeleportExchange::replace_response(const Error& error) {
  if (handler_) {
    handler_->on_answer_replaced(error);
    handler_->on_downstream_gone(error);
  }
  session_.loop().delete_later(std::move(handler_));
  answer_with(error);
}

void TeleportExchange::refuse(const http::RequestHead& head, const Error& error) {
  if (ExchangeReporter* reporter = session_.context().reporter; reporter != nullptr)
    reporter->report_refusal(session_.client(), &head, head.method, error);
  answer_with(error);
}

void TeleportExchange::answer_with(const Error& error) {
  if (answered_) return;
  answered_ = true;
  session_.context().metrics.failures[static_cast<size_t>(error.code)].add();
  held_request_.clear();
  message_.clear();
  http::ResponseHead head;
  head.status = status_ = http::status_of(error);
  head.reason = http::reason_of(head.status);
  head.fields.add("Content-Type", "text/plain; charset=utf-8", http::FieldId::kContentType);
  const std::string line = method_ == http::Method::kHead ? "" : std::string(error.detail) + "\n";
  http::h1::encode_response_head(head, {.content_length = line.size()},
                                 session_.context().date.text(session_.loop().now()), message_);
  message_.append(line);
  session_.context().metrics.responses[static_cast<size_t>(status_ / 100)].add();
  session_.on_answered(*this);
}

}  // namespace httpteleport::proxy
