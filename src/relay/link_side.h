// A stream of a teleport link as one side of a TCP session: toward an endpoint that is the far end
// of a link, and from a client whose near end has carried its connection here.
#pragma once

#include "http/stream.h"
#include "relay/raw_head.h"
#include "relay/side.h"
#include "upstream/cluster.h"

namespace httpteleport::relay {

class TcpService;

// What is the same at both ends of a link.
class LinkSide : public Side {
 public:
  using Side::Side;

  bool is_full() const override { return full_; }
  bool is_idle(TimePoint now, Duration timeout) override;

 protected:
  // The peer takes nothing for now / again.
  void on_full();
  void on_room();
  // The peer has ended its direction.
  void note_end();

  bool full_ = false;
  bool paused_ = false;
  bool sent_end_ = false;
};

// The stream toward the far end. Nothing is sent on it before the far end has its connection.
class LinkServerSide final : public LinkSide, private http::ResponseHandler {
 public:
  using LinkSide::LinkSide;

  // Asks for a connection.
  void start(upstream::Endpoint& endpoint, const RawClient& client);

  void begin() override {}
  void send(std::string_view bytes) override;
  void send_end() override;
  void pause() override;
  void resume() override;
  bool is_over() const override { return stream_ == nullptr; }
  void abort(const Error&) override;
  void close() override { abort({Code::kCancelled}); }

 private:
  void on_response_head(http::ResponseHead& head) override;
  void on_response_body(std::string_view bytes) override;
  void on_response_end(const http::Fields& trailers) override;
  void on_upstream_reset(const Error& error) override;
  void on_request_blocked() override { on_full(); }
  void on_request_unblocked() override { on_room(); }

  http::UpstreamStream* stream_ = nullptr;  // nullptr: it is over
};

class LinkClientSide;

// What a link's session has of a stream that asks for a connection: passes on to the side, while
// there is one. Owned by that session.
class LinkClient final : public http::RequestHandler {
 public:
  // `peer` is the other end of the link.
  LinkClient(TcpService& service, http::DownstreamStream& stream, const net::Address& peer)
      : service_(service), stream_(stream), peer_(peer) {}
  ~LinkClient() override;

  // There will be no session.
  void refuse(const Error& why) { stream_.reset(why); }

 private:
  friend class LinkClientSide;

  void on_request_head(http::RequestHead& head, std::string_view raw) override;
  void on_request_body(std::string_view bytes) override;
  void on_request_end(const http::Fields& trailers) override;
  void on_downstream_gone(const Error& error) override;
  void on_response_blocked() override;
  void on_response_unblocked() override;

  TcpService& service_;
  http::DownstreamStream& stream_;
  const net::Address peer_;
  LinkClientSide* side_ = nullptr;
  bool head_ended_ = false;  // the end of the request itself has come, which has no body
};

// The stream from the near end. What comes on it before begin() is held by the link's session.
class LinkClientSide final : public LinkSide {
 public:
  LinkClientSide(TcpSession& session, LinkClient& client);
  ~LinkClientSide() override { let_go(); }

  void begin() override;
  void send(std::string_view bytes) override;
  void send_end() override;
  void pause() override;
  void resume() override;
  bool is_over() const override { return client_ == nullptr; }
  void abort(const Error& why) override;
  void close() override { abort({Code::kTimeout, Source::kUpstream, 0, "nothing moves"}); }

 private:
  friend class LinkClient;

  void on_bytes(std::string_view bytes);
  void on_end();
  void on_gone();
  // The stream is over, or not ours any more.
  void let_go();

  LinkClient* client_;  // nullptr: it is over
};

}  // namespace httpteleport::relay
