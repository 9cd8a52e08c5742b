#include "proxy/hedge.h"

#include "proxy/attempts.h"

namespace httpteleport::proxy {

void Hedge::open(const upstream::StreamOptions& options) {
  stream_ = &lease_.endpoint()->open_stream(*this, options);
}

void Hedge::adopt(http::UpstreamStream*& stream, upstream::EndpointLease& lease) {
  adopted_ = true;
  stream = std::exchange(stream_, nullptr);
  lease = std::move(lease_);
}

void Hedge::cancel() {
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
  lease_.release();
}

void Hedge::on_response_head(http::ResponseHead& head) {
  if (!adopted_ && head.is_informational()) return;
  if (!adopted_) return attempts_.on_hedge_answer(head);
  handler_.on_response_head(head);
}

void Hedge::on_response_body(std::string_view bytes) {
  handler_.on_response_body(bytes);
}

int Hedge::response_pipe() {
  return handler_.response_pipe();
}

void Hedge::on_response_piped(size_t bytes) {
  handler_.on_response_piped(bytes);
}

void Hedge::on_response_end(const http::Fields& trailers) {
  handler_.on_response_end(trailers);
}

void Hedge::on_upstream_reset(const Error& error) {
  if (adopted_) return handler_.on_upstream_reset(error);
  stream_ = nullptr;
  attempts_.on_hedge_reset(error);
}

// The request is sent as a whole, so nobody is to be paused before this is the stream in use.
void Hedge::on_request_blocked() {
  if (adopted_) handler_.on_request_blocked();
}

void Hedge::on_request_unblocked() {
  if (adopted_) handler_.on_request_unblocked();
}

}  // namespace httpteleport::proxy
