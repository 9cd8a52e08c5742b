#include "relay/link_side.h"

#include <utility>

#include "relay/tcp_session.h"

namespace httpteleport::relay {

// ---- Both.

void LinkSide::on_full() {
  if (std::exchange(full_, true)) return;
  other().pause();
}

void LinkSide::on_room() {
  if (!std::exchange(full_, false)) return;
  moved_at_ = now();
  other().resume();
}

void LinkSide::note_end() {
  ended_ = true;
  moved_at_ = now();
}

// How much of what was sent the peer has taken is not known before there is room again.
bool LinkSide::is_idle(TimePoint now, Duration timeout) {
  if (is_over() || timeout == Duration::zero() || now - moved_at_ < timeout) return false;
  const bool excused = paused_ && !full_;
  if (excused) moved_at_ = now;
  return !excused;
}

// ---- Toward the far end.

void LinkServerSide::start(upstream::Endpoint& endpoint, const RawClient& client) {
  moved_at_ = now();
  stream_ = &endpoint.open_stream(static_cast<http::ResponseHandler&>(*this), {});
  RawHeadText text;
  stream_->send_request_head(make_raw_head(RawKind::kTcp, client, text));
}

void LinkServerSide::send(std::string_view bytes) {
  if (stream_ != nullptr && !sent_end_) stream_->send_request_body(bytes);
}

void LinkServerSide::send_end() {
  if (stream_ == nullptr || std::exchange(sent_end_, true)) return;
  http::UpstreamStream& stream = *stream_;
  if (ended_) stream_ = nullptr;
  stream.end_request({});
  if (ended_) session_.on_side_over();
}

void LinkServerSide::pause() {
  paused_ = true;
  if (stream_ != nullptr) stream_->pause_response();
}

void LinkServerSide::resume() {
  paused_ = false;
  if (stream_ != nullptr) stream_->resume_response();
}

void LinkServerSide::abort(const Error&) {
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
}

void LinkServerSide::on_response_head(http::ResponseHead& head) {
  if (head.is_informational()) return;
  if (head.status == 101) return session_.on_connected();
  std::exchange(stream_, nullptr)->cancel();
  session_.on_connect_refused(head.status);
}

void LinkServerSide::on_response_body(std::string_view bytes) {
  note_moved(bytes.size());
  other().send(bytes);
}

void LinkServerSide::on_response_end(const http::Fields&) {
  note_end();
  if (sent_end_) stream_ = nullptr;
  other().send_end();
  if (sent_end_) session_.on_side_over();
}

void LinkServerSide::on_upstream_reset(const Error& error) {
  stream_ = nullptr;
  if (session_.is_connecting()) return session_.on_connect_failed(error);
  session_.on_broken(*this);
}

// ---- From the near end.

LinkClient::~LinkClient() {
  if (side_ != nullptr) side_->on_gone();
}

void LinkClient::on_request_head(http::RequestHead& head, std::string_view) {
  const Result<RawClient> client = parse_raw_head(head, RawKind::kTcp);
  if (!client) return stream_.reset(client.error());
  service_.start(*this,
                 {client->address.is_valid() ? client->address : peer_, client->connected_to});
}

void LinkClient::on_request_body(std::string_view bytes) {
  if (side_ != nullptr) side_->on_bytes(bytes);
}

void LinkClient::on_request_end(const http::Fields&) {
  if (!std::exchange(head_ended_, true)) return;
  if (side_ != nullptr) side_->on_end();
}

void LinkClient::on_downstream_gone(const Error&) {
  if (side_ != nullptr) side_->on_gone();
}

void LinkClient::on_response_blocked() {
  if (side_ != nullptr) side_->on_full();
}

void LinkClient::on_response_unblocked() {
  if (side_ != nullptr) side_->on_room();
}

LinkClientSide::LinkClientSide(TcpSession& session, LinkClient& client)
    : LinkSide(session), client_(&client) {
  client.side_ = this;
  moved_at_ = now();
}

void LinkClientSide::let_go() {
  if (client_ != nullptr) std::exchange(client_, nullptr)->side_ = nullptr;
}

void LinkClientSide::begin() {
  http::ResponseHead head = make_raw_answer(RawKind::kTcp);
  client_->stream_.send_response_head(head);
}

void LinkClientSide::send(std::string_view bytes) {
  if (client_ != nullptr && !sent_end_) client_->stream_.send_response_body(bytes);
}

void LinkClientSide::send_end() {
  if (client_ == nullptr || std::exchange(sent_end_, true)) return;
  http::DownstreamStream& stream = client_->stream_;
  if (ended_) let_go();
  stream.end_response({});
  if (ended_) session_.on_side_over();
}

void LinkClientSide::pause() {
  paused_ = true;
  if (client_ != nullptr) client_->stream_.pause_request();
}

void LinkClientSide::resume() {
  paused_ = false;
  if (client_ != nullptr) client_->stream_.resume_request();
}

void LinkClientSide::abort(const Error& why) {
  if (client_ == nullptr) return;
  http::DownstreamStream& stream = client_->stream_;
  let_go();
  stream.reset(why);
}

void LinkClientSide::on_bytes(std::string_view bytes) {
  note_moved(bytes.size());
  other().send(bytes);
}

void LinkClientSide::on_end() {
  note_end();
  if (sent_end_) let_go();
  other().send_end();
  if (sent_end_) session_.on_side_over();
}

void LinkClientSide::on_gone() {
  let_go();
  session_.on_broken(*this);
}

}  // namespace httpteleport::relay
