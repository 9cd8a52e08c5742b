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
//
// After a 101 the connection is a tunnel to the end of its life. What a client sends behind an
// offer to switch protocols waits for the answer; if that is no 101, nobody can tell in which
// protocol those bytes are, and the connection ends with the answer. In a tunnel a FIN is passed on
// as one. Its time limit is the exchange's; Http1SessionOptions' do not apply.
class Http1Session final : public Session,
                           private net::ConnectionHandler,
                           private http::DownstreamStream {
 public:
  // Owned by `context.sessions` from here on. Starts at once; a socket that cannot be watched is
  // closed. `local` is the address that the client has connected to, if somebody needs it.
  static void start(SessionContext& context, net::Socket socket, const net::Address& peer,
                    const net::Address& local = {});

  void drain() override;
  void abort() override;

 private:
  enum class State : uint8_t {
    kHead,       // between requests, or inside a head
    kBody,       // inside a request body
    kAnswering,  // the request is complete, its response is not
    kTunnel,     // the response was a 101
    kClosed,
  };

  Http1Session(SessionContext& context, net::Socket socket, const net::Address& peer,
               const net::Address& local);

  // net::ConnectionHandler
  size_t on_data(std::string_view bytes) override;
  void on_end() override;
  void on_peer_closing() override;
  void on_secured() override;
  void on_closed(const Error& error) override;
  void on_write_blocked() override;
  void on_write_unblocked() override;
  void on_writable() override;

  // http::DownstreamStream
  void send_response_head(http::ResponseHead& head) override;
  void send_response_body(std::string_view bytes) override;
  int response_pipe() override;
  void send_response_piped(size_t bytes) override;
  void end_response(const http::Fields& trailers) override;
  void reset(const Error& error) override;
  void pause_request() override { connection_->pause(net::PauseReason::kOtherSideFull); }
  void resume_request() override;

  size_t read_head(std::string_view bytes);
  size_t read_body(std::string_view bytes);
  void begin_exchange(std::string_view raw);
  void complete_request(const http::Fields& trailers);
  void next_request();
  void open_tunnel(const http::ResponseHead& head);
  // Whether the client may have sent something behind its offer to switch protocols.
  bool is_offer_followed() const {
    return offers_upgrade_ && (bytes_behind_offer_ || connection_->has_unread_input());
  }
  void await_request();
  void choose_framing(const http::ResponseHead& head);
  // The peer broke the protocol, or a limit or deadline: answers if there is somebody to answer.
  void refuse(const Error& error);
  // The same for a request that is no exchange yet. `head`: what is known of it, or nullptr.
  void refuse_head(const Error& error, const http::RequestHead* head);
  void drop_handler();
  // Sends what the pipe holds, as far as the client takes it.
  void empty_pipe();
  void give_pipe_back();
  // Tells the handler, and looks whether the client takes anything.
  void wait_for_client();
  // The client has not taken all that was to be sent before more is read for it.
  bool is_client_behind() const { return connection_->is_write_blocked() || awaits_client_; }
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
  http::h1::HeadScanner scanner_;
  http::h1::BodyDecoder body_;
  http::h1::OutgoingFraming framing_;
  net::Pipe pipe_;         // open while it holds bytes for the client, or is being filled
  size_t pipe_bytes_ = 0;  // in it
  TimePoint last_progress_{};
  uint64_t taken_at_check_ = 0;  // what the client had taken when its progress was last looked at
  State state_ = State::kHead;
  http::Method method_ = http::Method::kGet;
  int version_minor_ = 1;
  bool keep_alive_ = true;       // after this exchange another may come
  bool head_begun_ = false;      // bytes of a head have come: its deadline runs
  bool awaits_client_ = false;   // before more goes through a pipe
  bool response_begun_ = false;  // the final head has been sent
  bool offers_upgrade_ = false;
  bool bytes_behind_offer_ = false;  // came together with it
  bool request_ended_ = false;       // of a tunnel
  bool response_ended_ = false;      // of a tunnel
  event::MemberTimer<Http1Session, &Http1Session::on_timer> timer_{*this};
};

}  // namespace httpteleport::proxy
