// A client's HTTP/1.1 connection (RFC 9112): requests in, one after another, responses out in
// order.
#pragma once

#include <memory>
#include <string>

#include "http/h1/body_decoder.h"
#include "http/h1/encoder.h"
#include "net/connection.h"
#include "proxy/session_context.h"

namespace httpteleport::proxy {

// Pipelined requests wait in the connection until the one before them is answered.
//
// A client that sends FIN while it waits for an answer is taken for gone and its exchange is
// cancelled, as nginx and Envoy do: a closed connection cannot be told from a half-closed one.
class Http1Session final : public Session,
                           private net::ConnectionHandler,
                           private http::DownstreamStream {
 public:
  // Owned by `context.sessions` from here on. Starts at once; a socket that cannot be watched is
  // closed.
  static void start(SessionContext& context, net::Socket socket, const net::Address& peer);

  void drain() override;
  void abort() override;

 private:
  enum class State : uint8_t {
    kHead,       // between requests, or inside a head
    kBody,       // inside a request body
    kAnswering,  // the request is complete, its response is not
    kClosed,
  };

  Http1Session(SessionContext& context, net::Socket socket, const net::Address& peer);

  // net::ConnectionHandler
  size_t on_data(std::string_view bytes) override;
  void on_end() override;
  void on_peer_closing() override;
  void on_closed(const Error& error) override;
  void on_write_blocked() override;
  void on_write_unblocked() override;

  // http::DownstreamStream
  void send_response_head(http::ResponseHead& head) override;
  void send_response_body(std::string_view bytes) override;
  void end_response(const http::Fields& trailers) override;
  void reset(const Error& error) override;
  void pause_request() override { connection_->pause(net::PauseReason::kOtherSideFull); }
  void resume_request() override;

  size_t read_head(std::string_view bytes);
  size_t read_body(std::string_view bytes);
  void begin_exchange(std::string_view raw);
  void complete_request(const http::Fields& trailers);
  void next_request();
  void await_request();
  void choose_framing(const http::ResponseHead& head);
  // The peer broke the protocol, or a limit or deadline: answers if there is somebody to answer.
  void refuse(const Error& error);
  void drop_handler();
  void client_gone(const Error& error);
  void client_ended();
  bool is_between_requests() const;
  // Hands the connection over for its last bytes to be sent, and ends the session.
  void finish_connection(bool peer_may_send);
  void end_session();
  void on_timer();
  void set_timer(Duration after) { context_.loop.set_timer(timer_, after); }

  SessionContext& context_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<http::RequestHandler> handler_;
  std::string client_ip_;
  ClientInfo client_;
  http::RequestHead head_;  // scratch of the parser; the handler takes its contents
  http::h1::HeadScanner scanner_;
  http::h1::BodyDecoder body_;
  http::h1::OutgoingFraming framing_;
  TimePoint last_progress_{};
  uint64_t taken_at_check_ = 0;  // what the client had taken when its progress was last looked at
  State state_ = State::kHead;
  http::Method method_ = http::Method::kGet;
  int version_minor_ = 1;
  bool keep_alive_ = true;       // after this exchange another may come
  bool head_begun_ = false;      // bytes of a head have come: its deadline runs
  bool has_served_ = false;      // a request has come on this connection
  bool response_begun_ = false;  // the final head has been sent
  event::MemberTimer<Http1Session, &Http1Session::on_timer> timer_{*this};
};

}  // namespace httpteleport::proxy
