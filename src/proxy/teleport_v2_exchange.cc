#include <algorithm>
#include <utility>

#include "http/error_status.h"
#include "http/h1/head_parser.h"
#include "proxy/memory_budget.h"
#include "proxy/teleport_v2_session.h"

namespace httpteleport::proxy {

namespace v2 = teleport::v2;

namespace {

constexpr size_t kHeadBytesMax = v2::Multiplexer::kHeadBytesMax;
// A head with more fields is refused.
constexpr size_t kFieldsMax = 2000;

constexpr Error malformed(const char* detail) {
  return {Code::kMalformed, Source::kDownstream, 0, detail};
}

}  // namespace

TeleportV2Exchange::TeleportV2Exchange(TeleportV2Session& session)
    : session_(session), held_(session.loop().pool()) {}

TeleportV2Exchange::~TeleportV2Exchange() = default;

// ---- The request.

void TeleportV2Exchange::begin(std::string_view text, bool end) {
  http::RequestHead& head = session_.context().request_head;
  request_ended_ = end;
  if (const Result<void> parsed = parse(text, end, head); !parsed)
    return refuse(head, parsed.error());
  take_terms(session_.multiplexer().terms(), head);
  handler_ = session_.context().handlers->make_handler(*this, session_.client());
  handler_->on_request_head(head, text);
  if (!handler_) return;
  // The request with an offer is over. What comes is for the other protocol.
  if (offer_ == Offer::kMade) return handler_->on_request_end({});
  if (end && !paused_) pass_end({});
}

Result<void> TeleportV2Exchange::parse(std::string_view text, bool end, http::RequestHead& head) {
  const Result<size_t> size = http::h1::parse_request_head(
      text, {.head_bytes_max = kHeadBytesMax, .fields_max = kFieldsMax}, head);
  method_ = head.method;
  if (!size) return size.error();
  if (*size == 0 || *size != text.size())
    return malformed("what begins a stream of the link is no head");
  if (text.size() > session_.context().teleport.request_head_bytes_max) {
    return Error{Code::kHeadTooLarge, Source::kDownstream, 0,
                 "the request head is larger than the limit (-inMaxHeaderSize)"};
  }
  if (const std::optional<Error> overload = session_.overload()) return *overload;
  if (!head.upgrade.empty()) {
    offer_ = Offer::kMade;
  } else if (head.body.is_known()) {
    request_bytes_left_ = head.body.bytes;
  }
  if (!is_length_right(0, end)) return malformed("a request has less body than its head says");
  return {};
}

bool TeleportV2Exchange::is_length_right(size_t bytes, bool end) {
  if (!request_bytes_left_) return true;
  if (bytes > *request_bytes_left_) return false;
  *request_bytes_left_ -= bytes;
  return !end || *request_bytes_left_ == 0;
}

void TeleportV2Exchange::on_stream_body(std::string_view bytes, bool end) {
  request_ended_ = end;
  if (end) watch_time();
  if (!is_length_right(bytes.size(), end))
    return break_request("a request's body is not as long as its head says");
  if (!is_request_wanted()) return session_.multiplexer().consumed(*stream_, bytes.size());
  if (must_hold()) {
    if (session_.loop().pool().is_over_budget()) return replace_response(out_of_memory());
    return held_.append(bytes);
  }
  if (!bytes.empty()) {
    handler_->on_request_body(bytes);
    if (!handler_) return;
    session_.multiplexer().consumed(*stream_, bytes.size());
  }
  if (end && !paused_) pass_end({});
}

void TeleportV2Exchange::on_stream_trailers(std::string_view text) {
  request_ended_ = true;
  watch_time();
  if (!is_length_right(0, true))
    return break_request("a request's body is not as long as its head says");
  http::Fields trailers;
  const Result<size_t> size = http::h1::parse_trailers(
      text,
      {.head_bytes_max = session_.context().teleport.request_head_bytes_max,
       .fields_max = kFieldsMax},
      Source::kDownstream, trailers);
  if (!size || *size == 0 || *size != text.size())
    return break_request("a request's trailers are no fields");
  if (!is_request_wanted()) return;
  // Those behind the bytes of a tunnel have no place anywhere.
  if (offer_ != Offer::kNone) trailers.clear();
  if (must_hold()) {
    if (!trailers.empty()) held_trailers_ = text;
    return;
  }
  pass_end(trailers);
}

void TeleportV2Exchange::resume_request() {
  if (!paused_) return;
  paused_ = false;
  session_.on_resumed(*this);
}

void TeleportV2Exchange::pass_held() {
  while (handler_ && !must_wait() && !held_.empty()) {
    const size_t bytes = held_.front().size();
    handler_->on_request_body(held_.front());
    if (!handler_) return;
    held_.consume(bytes);
    session_.multiplexer().consumed(*stream_, bytes);
  }
  if (!handler_ || must_wait() || !request_ended_ || end_passed_) return;
  http::Fields trailers;
  if (!held_trailers_.empty()) {
    // They have been parsed before.
    (void)http::h1::parse_trailers(held_trailers_, {held_trailers_.size(), kFieldsMax},
                                   Source::kDownstream, trailers);
  }
  pass_end(trailers);
}

void TeleportV2Exchange::pass_end(const http::Fields& trailers) {
  end_passed_ = true;
  handler_->on_request_end(trailers);
  if (handler_ && response_ended_) finish();
}

void TeleportV2Exchange::break_request(const char* why) {
  give_up(malformed(why), v2::EndCode::kMalformed);
}

void TeleportV2Exchange::on_stream_datagram(std::string_view bytes) {
  if (handler_ && offer_ != Offer::kNone && is_request_wanted())
    handler_->on_request_datagram(bytes);
}

void TeleportV2Exchange::on_stream_reset(v2::EndCode code) {
  stream_ = nullptr;
  if (code == v2::EndCode::kNone && offer_ == Offer::kTaken) {
    // A tunnel that nobody needs any more: nothing has failed.
    if (handler_) {
      handler_->on_downstream_gone(
          {Code::kCancelled, Source::kDownstream, 0, "the teleport peer has ended the tunnel"});
    }
    drop_handler();
    return session_.remove(*this);
  }
  give_up({Code::kCancelled, Source::kDownstream, 0, "the teleport peer has given up the request"},
          v2::EndCode::kNone);
}

void TeleportV2Exchange::give_up(const Error& error, v2::EndCode code) {
  session_.context().metrics.failures[static_cast<size_t>(error.code)].add();
  if (handler_) handler_->on_downstream_gone(error);
  drop_handler();
  if (stream_ != nullptr) session_.multiplexer().reset(*std::exchange(stream_, nullptr), code);
  session_.remove(*this);
}

void TeleportV2Exchange::drop_handler() {
  stuck_timer_.cancel();
  time_.cancel();
  held_.clear();
  session_.loop().delete_later(std::move(handler_));
}

// ---- Its time. The peer gives up by itself when it is over; this is for a peer that cannot say
// so.

void TeleportV2Exchange::take_terms(const v2::Terms& terms, http::RequestHead& head) {
  if (terms == v2::Terms{}) return;
  answer_limit_ = std::chrono::milliseconds(terms.answer_ms);
  if (terms.total_ms > 0)
    deadline_ = session_.loop().now() + std::chrono::milliseconds(terms.total_ms);
  head.answer_limit = answer_limit_;
  head.plain_body = terms.plain_bodies;
  head.deadline = deadline_;
  watch_time();
}

// A tunnel has all the time that those who talk through it want.
void TeleportV2Exchange::watch_time() {
  const bool answer_is_due = !response_begun_ && (request_ended_ || offer_ == Offer::kMade);
  TimePoint due = offer_ == Offer::kTaken ? TimePoint::max() : deadline_;
  if (answer_is_due && answer_limit_ > Duration::zero())
    due = std::min(due, session_.loop().now() + answer_limit_);
  if (due == TimePoint::max()) return time_.cancel();
  session_.loop().set_timer_at(time_, due);
}

void TeleportV2Exchange::on_late() {
  replace_response({Code::kTimeout, Source::kUpstream, 0,
                    "the answer did not come in the time that the teleport peer has for it"},
                   v2::EndCode::kLate);
}

// ---- The response.

void TeleportV2Exchange::send_response_head(http::ResponseHead& head) {
  if (stream_ == nullptr) return;
  const bool information = head.is_informational();
  BufferChain text(session_.loop().pool());
  const std::string_view date =
      head.status < 200 ? "" : session_.context().date.text(session_.loop().now());
  const http::h1::OutgoingFraming framing = framing_of(head);
  http::h1::encode_response_head(head, framing, date, text);
  const size_t bytes_max =
      std::min(session_.context().teleport.response_head_bytes_max, kHeadBytesMax);
  if (text.size() > bytes_max) {
    if (information) return;
    return replace_response(
        {Code::kHeadTooLarge, Source::kUpstream, 0,
         "the response head is larger than what the teleport peer takes (-inMaxHeaderSize)"});
  }
  session_.context().metrics.responses[static_cast<size_t>(head.status / 100)].add();
  session_.multiplexer().send_head(*stream_, std::move(text));
  session_.on_work();
  if (information) return;
  response_begun_ = true;
  response_has_body_ = head.status == 101 || may_have_body(head.status);
  response_is_chunked_ = framing.chunked;
  settle_offer(head.status == 101);
  watch_time();
}

bool TeleportV2Exchange::may_have_body(int status) const {
  return method_ != http::Method::kHead && !http::status_has_no_body(status);
}

http::h1::OutgoingFraming TeleportV2Exchange::framing_of(const http::ResponseHead& head) const {
  http::h1::OutgoingFraming framing;
  if (head.status == 101) {
    framing.upgrade = head.upgrade;
  } else if (!may_have_body(head.status)) {
    // As http1_session has it (RFC 9110 section 8.6).
    if (head.status >= 200 && head.status != 204) framing.content_length = head.declared_length;
  } else if (head.body.is_known()) {
    framing.content_length = head.body.bytes;
  } else {
    framing.chunked = true;
  }
  return framing;
}

void TeleportV2Exchange::settle_offer(bool taken) {
  if (offer_ != Offer::kMade) return;
  offer_ = taken ? Offer::kTaken : Offer::kDeclined;
  if (taken) return session_.on_resumed(*this);
  session_.multiplexer().consumed(*stream_, held_.size());
  held_.clear();
}

void TeleportV2Exchange::send_response_body(std::string_view bytes) {
  if (stream_ == nullptr || !response_has_body_) return;
  session_.multiplexer().send_body(*stream_, bytes);
  session_.on_work();
  if (!stream_->is_full() || std::exchange(blocked_, true)) return;
  wait_for_room();
  handler_->on_response_blocked();
}

bool TeleportV2Exchange::send_response_datagram(std::string_view bytes) {
  if (stream_ == nullptr || response_ended_ || offer_ != Offer::kTaken) return false;
  if (!session_.multiplexer().send_datagram(*stream_, bytes)) return false;
  session_.on_work();
  return true;
}

// Of a tunnel, silence is a matter of those who talk through it, as in http1_session.
void TeleportV2Exchange::wait_for_room() {
  sent_at_check_ = stream_->sent_bytes();
  if (offer_ == Offer::kTaken) return;
  session_.loop().set_timer(stuck_timer_, session_.context().http1.write_idle_timeout);
}

void TeleportV2Exchange::on_stuck() {
  if (stream_->sent_bytes() != sent_at_check_) return wait_for_room();
  give_up(
      {Code::kTimeout, Source::kDownstream, 0, "the teleport peer takes nothing of the response"},
      v2::EndCode::kBroken);
}

void TeleportV2Exchange::on_stream_room() {
  if (!std::exchange(blocked_, false)) return;
  stuck_timer_.cancel();
  handler_->on_response_unblocked();
}

void TeleportV2Exchange::end_response(const http::Fields& trailers) {
  if (stream_ == nullptr) return;
  std::string text = response_is_chunked_ ? http::h1::trailer_text(trailers) : "";
  if (text.size() > kHeadBytesMax) text.clear();
  session_.multiplexer().send_end(*stream_, text);
  if (offer_ != Offer::kTaken || end_passed_) return finish();
  response_ended_ = true;
  session_.on_work();
}

void TeleportV2Exchange::finish() {
  drop_handler();
  session_.multiplexer().release(*std::exchange(stream_, nullptr));
  session_.remove(*this);
}

void TeleportV2Exchange::reset(const Error& error) {
  if (stream_ == nullptr) return;
  if (!response_begun_) {
    handler_->on_answer_replaced(error);
    drop_handler();
    return answer_with(error);
  }
  drop_handler();
  session_.multiplexer().reset(*std::exchange(stream_, nullptr), v2::EndCode::kBroken);
  session_.remove(*this);
}

void TeleportV2Exchange::replace_response(const Error& error, v2::EndCode code) {
  if (response_begun_) return give_up(error, code);
  handler_->on_answer_replaced(error);
  handler_->on_downstream_gone(error);
  drop_handler();
  answer_with(error);
}

void TeleportV2Exchange::refuse(const http::RequestHead& head, const Error& error) {
  if (ExchangeReporter* reporter = session_.context().reporter; reporter != nullptr)
    reporter->report_refusal(session_.client(), &head, method_, error);
  answer_with(error);
}

void TeleportV2Exchange::answer_with(const Error& error) {
  session_.context().metrics.failures[static_cast<size_t>(error.code)].add();
  http::ResponseHead head;
  head.status = http::status_of(error);
  head.reason = http::reason_of(head.status);
  head.fields.add("Content-Type", "text/plain; charset=utf-8", http::FieldId::kContentType);
  const std::string line = std::string(error.detail) + "\n";
  head.body = http::BodyLength::known(line.size());
  head.declared_length = line.size();
  BufferChain text(session_.loop().pool());
  http::h1::encode_response_head(head, framing_of(head),
                                 session_.context().date.text(session_.loop().now()), text);
  v2::Multiplexer& multiplexer = session_.multiplexer();
  multiplexer.send_head(*stream_, std::move(text));
  if (method_ != http::Method::kHead) multiplexer.send_body(*stream_, line);
  multiplexer.send_end(*stream_, {});
  session_.context().metrics.responses[static_cast<size_t>(head.status / 100)].add();
  finish();
}

}  // namespace httpteleport::proxy
