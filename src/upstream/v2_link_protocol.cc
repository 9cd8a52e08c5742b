#include "upstream/v2_link_protocol.h"

#include <algorithm>
#include <utility>

#include "base/length_prefix.h"
#include "http/h1/head_parser.h"
#include "upstream/teleport_link.h"

namespace httpteleport::upstream {

namespace v2 = teleport::v2;

namespace {

constexpr size_t kFieldsMax = 2000;

Error error_of(v2::EndCode code) {
  const auto error = [](Code as, const char* detail) {
    return Error{as, Source::kUpstream, 0, detail};
  };
  switch (code) {
    case v2::EndCode::kRefused:
      return error(Code::kNotSent, "the teleport peer does not take the request");
    case v2::EndCode::kTooLarge:
      return error(Code::kConnectionLost, "the teleport peer has met a limit");
    case v2::EndCode::kLate:
      return error(Code::kTimeout, "the teleport peer had no time left for the response");
    case v2::EndCode::kMalformed:
      return error(Code::kConnectionLost, "the teleport peer finds the request malformed");
    default:
      return error(Code::kConnectionLost, "the teleport peer has given up the response");
  }
}

constexpr Error malformed(const char* detail) {
  return {Code::kMalformed, Source::kUpstream, 0, detail};
}

}  // namespace

// ---- One stream.

V2Lane::V2Lane(V2LinkProtocol& protocol, TeleportStream& stream)
    : protocol_(protocol), stream_(&stream), wire_(&protocol.multiplexer_.open(*this)) {}

TeleportLink& V2Lane::link() const {
  return protocol_.link_;
}

// A request that was given as a whole has its body in the same text.
void V2Lane::send_head() {
  if (!stream_->text.empty()) stream_->message.append(std::exchange(stream_->text, {}));
  protocol_.multiplexer_.set_terms(*wire_, terms());
  protocol_.multiplexer_.send_head(*wire_, std::move(stream_->message), stream_->head_bytes());
}

// What is left now: a request may have waited for the link.
v2::Terms V2Lane::terms() const {
  v2::Terms terms{.plain_bodies = stream_->has_plain_body()};
  if (stream_->answer_limit() > Duration::zero())
    terms.answer_ms = v2::told_limit(stream_->answer_limit());
  if (stream_->deadline() != TimePoint::max())
    terms.total_ms = v2::told_limit(stream_->deadline() - protocol_.connection_.loop().now());
  return terms;
}

void V2Lane::send() {
  if (!std::exchange(head_sent_, true)) send_head();
  if (stream_->has_datagrams()) {
    send_held_datagrams();
  } else {
    protocol_.multiplexer_.send_body(*wire_, std::move(stream_->body()));
  }
  if (stream_->is_whole()) send_end(stream_->trailers());
  if (wire_->is_full()) {
    stream_->block_request();
  } else {
    stream_->unblock_request();
  }
}

// Of a link that was not open yet. They are few.
void V2Lane::send_held_datagrams() {
  std::string held = stream_->body().to_string();
  stream_->body().clear();
  for (std::string_view rest = held; !rest.empty();) {
    const size_t bytes = prefixed_length(rest);
    send_datagram(rest.substr(kLengthPrefixBytes, bytes));
    rest.remove_prefix(kLengthPrefixBytes + bytes);
  }
}

bool V2Lane::send_datagram(std::string_view bytes) {
  if (wire_ == nullptr || end_sent_) return false;
  if (!protocol_.multiplexer_.send_datagram(*wire_, bytes)) return false;
  protocol_.sender_.on_work();
  return true;
}

void V2Lane::send_end(std::string_view trailers) {
  if (std::exchange(end_sent_, true)) return;
  protocol_.multiplexer_.send_end(*wire_, trailers);
}

void V2Lane::on_held_passed(size_t bytes) {
  if (wire_ == nullptr) return;
  protocol_.multiplexer_.consumed(*wire_, bytes);
}

void V2Lane::note_begun() {
  if (stream_ != nullptr && has_begun()) stream_->set_begun();
}

void V2Lane::abandon() {
  note_begun();
  // Datagrams have no end that somebody waits for.
  const v2::EndCode code = stream_->has_datagrams() ? v2::EndCode::kNone : v2::EndCode::kCancelled;
  if (wire_ != nullptr) protocol_.multiplexer_.reset(*wire_, code);
  stream_->lane = nullptr;
  delete this;
}

void V2Lane::fail(const Error& error) {
  link().reset_stream(*stream_, error);
}

void V2Lane::on_stream_head(std::string_view text, bool end) {
  if (stream_ == nullptr) {
    if (end) finish({});
    return;
  }
  const TeleportOptions& options = link().options();
  link().on_answer();
  if (text.size() > options.response_head_bytes_max) {
    return fail({Code::kHeadTooLarge, Source::kUpstream, 0,
                 "the response head is larger than the limit (-outMaxHeaderSize)"});
  }
  http::ResponseHead& head = protocol_.head_;
  head.clear();
  const Result<size_t> parsed =
      http::h1::parse_response_head(text, {options.response_head_bytes_max, kFieldsMax},
                                    stream_->method(), head, stream_->upgrade());
  if (!parsed) return fail(parsed.error());
  if (text.empty() || *parsed != text.size())
    return fail(malformed("the teleport peer sends a broken head"));
  if (head.refusal) return fail(*head.refusal);
  if (head.is_informational()) {
    if (end) return fail(malformed("the teleport peer ends a response with information only"));
    return link().pass_head(*stream_, head);
  }
  link().metrics().messages_received.add();
  if (head.body.is_known()) body_bytes_left_ = head.body.bytes;
  if (end && !count_body(0, true)) return;
  if (head.status == 101) {
    link().begin_tunnel(*stream_);
  } else if (!stream_->upgrade().empty()) {
    send_end({});  // the offer is not taken
  }
  const uint32_t key = stream_->key();
  TeleportLink& its_link = link();
  its_link.pass_head(*stream_, head);
  if (end && its_link.find(key) != nullptr) finish({});
}

bool V2Lane::count_body(size_t bytes, bool end) {
  if (!body_bytes_left_) return true;
  if (bytes > *body_bytes_left_) {
    fail(malformed("the teleport peer sends more body than it has said"));
    return false;
  }
  *body_bytes_left_ -= bytes;
  if (!end || *body_bytes_left_ == 0) return true;
  fail({Code::kConnectionLost, Source::kUpstream, 0,
        "the teleport peer sends less body than it has said"});
  return false;
}

void V2Lane::on_stream_body(std::string_view bytes, bool end) {
  if (stream_ == nullptr) {
    protocol_.multiplexer_.consumed(*wire_, bytes.size());
    if (end) finish({});
    return;
  }
  if (!stream_->head_passed())
    return fail(malformed("the teleport peer sends a body before a head"));
  if (!count_body(bytes.size(), end)) return;
  const uint32_t key = stream_->key();
  TeleportLink& its_link = link();
  // The stream may be gone after the call.
  if (its_link.takes_body(*stream_)) protocol_.multiplexer_.consumed(*wire_, bytes.size());
  if (!bytes.empty()) its_link.pass_body(*stream_, bytes);
  if (end && its_link.find(key) != nullptr) finish({});
}

void V2Lane::on_stream_trailers(std::string_view text) {
  if (stream_ == nullptr) return finish({});
  http::Fields trailers;
  const Result<size_t> parsed = http::h1::parse_trailers(
      text, {link().options().response_head_bytes_max, kFieldsMax}, Source::kUpstream, trailers);
  if (text.empty() || !parsed || *parsed != text.size())
    return fail(malformed("the teleport peer sends broken trailers"));
  if (!stream_->head_passed()) return fail(malformed("the teleport peer sends no head"));
  if (count_body(0, true)) finish(trailers);
}

// The stream of a tunnel goes on until its other direction has ended too.
void V2Lane::finish(const http::Fields& trailers) {
  TeleportStream* stream = stream_;
  TeleportLink& its_link = link();
  response_ended_ = true;
  if (stream == nullptr || !stream->is_tunnel() || stream->is_whole()) {
    protocol_.multiplexer_.release(*wire_);
    protocol_.sender_.on_work();
    if (stream != nullptr) stream->lane = nullptr;
    delete this;
  }
  if (stream != nullptr) its_link.end_response(*stream, trailers);
}

void V2Lane::on_stream_reset(v2::EndCode code) {
  wire_ = nullptr;
  if (stream_ == nullptr) {
    delete this;
    return;
  }
  // What the peer does not take, it has not begun with.
  if (code != v2::EndCode::kRefused) stream_->set_begun();
  Error error = error_of(code);
  if (stream_->head_passed()) error.code = Code::kTruncated;
  fail(error);
}

void V2Lane::on_stream_datagram(std::string_view bytes) {
  if (stream_ != nullptr && stream_->is_tunnel()) link().pass_datagram(*stream_, bytes);
}

void V2Lane::on_stream_room() {
  if (stream_ != nullptr) stream_->unblock_request();
}

// ---- All of them.

V2LinkProtocol::V2LinkProtocol(TeleportLink& link, net::Connection& connection,
                               const v2::Hello& own, const v2::Hello& peer)
    : link_(link),
      connection_(connection),
      multiplexer_(multiplexer_options(v2::Multiplexer::End::kNear, link.options().v2, own), peer,
                   static_cast<v2::MultiplexerEvents&>(*this), connection.loop().pool()),
      sender_(connection, link.metrics(), static_cast<V2LinkSender::Events&>(*this), multiplexer_,
              {.delay = link.options().batch_delay, .bytes = link.options().batch_bytes},
              link.options().v2.adaptive) {}

V2LinkProtocol::~V2LinkProtocol() {
  while (!lanes_.empty()) {
    V2Lane& lane = lanes_.pop_front();
    lane.note_begun();
    if (lane.stream_ != nullptr) lane.stream_->lane = nullptr;
    delete &lane;
  }
}

void V2LinkProtocol::on_request_grown(TeleportStream& stream) {
  if (std::max(stream.head_bytes(), stream.trailers().size()) > v2::Multiplexer::kHeadBytesMax) {
    return link_.refuse(stream, {Code::kHeadTooLarge, Source::kDownstream, 0,
                                 "the request head is larger than what a teleport link takes"});
  }
  if (stream.lane == nullptr) {
    stream.lane = new V2Lane(*this, stream);
    lanes_.push_back(*stream.lane);
    if (multiplexer_.is_used_up()) link_.leave();
  }
  V2Lane& lane = *stream.lane;
  lane.send();
  if (stream.wants_no_answer() && stream.is_whole()) unanswered_.push_back(stream.key());
  if (lane.response_ended_ && lane.end_sent_) {
    multiplexer_.release(*lane.wire_);
    stream.lane = nullptr;
    delete &lane;
  }
  sender_.on_work();
}

void V2LinkProtocol::on_held_passed(TeleportStream& stream, size_t bytes) {
  if (stream.lane == nullptr) return;
  stream.lane->on_held_passed(bytes);
  sender_.on_work();
}

void V2LinkProtocol::on_abandoned(TeleportStream& stream) {
  if (stream.lane == nullptr) return;
  stream.lane->abandon();
  sender_.on_work();
}

void V2LinkProtocol::on_batch_sent() {
  link_.on_sent(multiplexer_.open_streams() > 0);
  for (const uint32_t key : std::exchange(unanswered_, {})) {
    TeleportStream* stream = link_.find(key);
    if (stream == nullptr || stream->lane == nullptr) continue;
    if (!stream->lane->has_begun()) {
      unanswered_.push_back(key);
      continue;
    }
    std::exchange(stream->lane, nullptr)->stream_ = nullptr;
    link_.end_response(*stream, {});
  }
}

void V2LinkProtocol::probe() {
  multiplexer_.ping();
  sender_.on_work();
}

Result<size_t> V2LinkProtocol::on_data(std::string_view bytes) {
  const Result<v2::Multiplexer::Received> received = multiplexer_.receive(bytes);
  if (!received) return received.error();
  link_.metrics().raw_received.add(received->frames_bytes);
  link_.metrics().wire_received.add(received->consumed);
  if (received->is_cut_short) {
    reading_paused_ = true;
    connection_.pause(net::PauseReason::kBusy);
    link_.call_at_next_turn();
  }
  sender_.on_work();
  return received->consumed;
}

Result<void> V2LinkProtocol::on_turn_end() {
  if (std::exchange(reading_paused_, false)) connection_.resume(net::PauseReason::kBusy);
  return {};
}

// The peer opens no streams: nothing accepts this one.
void V2LinkProtocol::on_request(std::string_view, bool) {}

void V2LinkProtocol::on_goaway(v2::EndCode) {
  link_.leave();
}

}  // namespace httpteleport::upstream
