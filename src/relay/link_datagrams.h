// Datagrams over streams of a teleport link: toward an endpoint that is the far end of a link, and
// from a client whose near end sends its datagrams here.
#pragma once

#include "http/stream.h"
#include "relay/datagram_lane.h"
#include "relay/raw_head.h"
#include "relay/udp_session.h"
#include "upstream/cluster.h"

namespace httpteleport::relay {

// One client's, toward the far end. What is sent before the link is open waits there, within a
// bound.
class LinkDatagrams final : public DatagramLane, private http::ResponseHandler {
 public:
  explicit LinkDatagrams(DatagramLaneHandler& handler) : handler_(handler) {}

  void start(upstream::Endpoint& endpoint, const RawClient& client);
  bool send(std::string_view datagram) override;
  void close() override;

 private:
  void on_response_head(http::ResponseHead& head) override;
  void on_response_body(std::string_view) override {}
  void on_response_datagram(std::string_view bytes) override { handler_.on_datagram(bytes); }
  void on_response_end(const http::Fields& trailers) override;
  void on_upstream_reset(const Error& error) override;
  void on_request_blocked() override {}
  void on_request_unblocked() override {}

  void fail(Code code, const char* detail);

  DatagramLaneHandler& handler_;
  http::UpstreamStream* stream_ = nullptr;  // nullptr: it is over
};

// What a link's session has of a stream that carries datagrams. Owned by that session.
class LinkDatagramClient final : public http::RequestHandler, private DatagramClient {
 public:
  // `peer` is the other end of the link.
  LinkDatagramClient(UdpService& service, http::DownstreamStream& stream, const net::Address& peer)
      : service_(service), stream_(stream), peer_(peer) {}
  ~LinkDatagramClient() override {
    gone_ = true;
    if (session_ != nullptr) session_->end();
  }

 private:
  void on_request_head(http::RequestHead& head, std::string_view raw) override;
  void on_request_body(std::string_view) override {}
  void on_request_datagram(std::string_view bytes) override;
  void on_request_end(const http::Fields& trailers) override;
  void on_downstream_gone(const Error& error) override;
  void on_response_blocked() override {}
  void on_response_unblocked() override {}

  bool send_reply(std::string_view bytes) override;
  void on_session_over() override;

  UdpService& service_;
  http::DownstreamStream& stream_;
  const net::Address peer_;
  UdpSession* session_ = nullptr;
  bool answered_ = false;
  bool gone_ = false;  // nobody is at the other end of the stream
};

}  // namespace httpteleport::relay
