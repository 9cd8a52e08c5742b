#include "relay/link_datagrams.h"

#include <utility>

#include "relay/udp_service.h"

namespace httpteleport::relay {

// ---- Toward the far end.

void LinkDatagrams::start(upstream::Endpoint& endpoint, const RawClient& client) {
  stream_ = &endpoint.open_stream(static_cast<http::ResponseHandler&>(*this), {});
  RawHeadText text;
  stream_->send_request_head(make_raw_head(RawKind::kUdp, client, text));
}

bool LinkDatagrams::send(std::string_view datagram) {
  return stream_ != nullptr && stream_->send_request_datagram(datagram);
}

void LinkDatagrams::close() {
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
}

void LinkDatagrams::fail(Code code, const char* detail) {
  close();
  handler_.on_lane_closed({code, Source::kUpstream, 0, detail});
}

void LinkDatagrams::on_response_head(http::ResponseHead& head) {
  if (head.is_informational()) return;
  if (head.status == 101) return handler_.on_lane_connected();
  fail(Code::kNoEndpoint, "the far end of the link does not take the datagrams");
}

void LinkDatagrams::on_response_end(const http::Fields&) {
  fail(Code::kTimeout, "the far end has seen no datagram for long");
}

void LinkDatagrams::on_upstream_reset(const Error& error) {
  stream_ = nullptr;
  const bool unreachable = error.code == Code::kConnectFailed;
  handler_.on_lane_closed({unreachable ? Code::kConnectFailed : Code::kConnectionLost,
                           Source::kUpstream, error.sys_errno, error.detail});
}

// ---- From the near end.

void LinkDatagramClient::on_request_head(http::RequestHead& head, std::string_view) {
  const Result<RawClient> client = parse_raw_head(head, RawKind::kUdp);
  if (!client) return stream_.reset(client.error());
  session_ = service_.start(static_cast<DatagramClient&>(*this),
                            client->address.is_valid() ? client->address : peer_);
  if (session_ != nullptr) return;
  stream_.reset({Code::kOverloaded, Source::kInternal, 0, "the limits of the service are reached"});
}

void LinkDatagramClient::on_request_datagram(std::string_view bytes) {
  if (session_ != nullptr) session_->send(bytes);
}

// The first end is the request's own, which has no body.
void LinkDatagramClient::on_request_end(const http::Fields&) {
  if (!std::exchange(answered_, true)) {
    http::ResponseHead head = make_raw_answer(RawKind::kUdp);
    return stream_.send_response_head(head);
  }
  if (session_ != nullptr) session_->end();
}

void LinkDatagramClient::on_downstream_gone(const Error&) {
  gone_ = true;
  if (session_ != nullptr) session_->end();
}

bool LinkDatagramClient::send_reply(std::string_view bytes) {
  return answered_ && !gone_ && stream_.send_response_datagram(bytes);
}

void LinkDatagramClient::on_session_over() {
  session_ = nullptr;
  if (gone_) return;
  if (answered_) return stream_.end_response({});
  gone_ = true;
  stream_.reset(
      {Code::kCancelled, Source::kInternal, 0, "the service takes no datagrams any more"});
}

}  // namespace httpteleport::relay
