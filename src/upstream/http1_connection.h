// One HTTP/1.1 connection to an endpoint, which carries one exchange after another.
#pragma once

#include "upstream/http1_pool.h"

namespace httpteleport::upstream {

// Owned by its pool. A stream is the connection itself, for the time of one exchange.
//
// A connection goes back to the pool only if nothing is left to doubt: the request was sent whole,
// and its body taken by the endpoint's kernel, before the response ended, the response was well
// delimited, and no byte follows it.
//
// After a 101 it is a tunnel: bytes, and the end of each direction, pass as they come, a reset is
// answered by a reset, and it ends with its exchange. Only bytes that the exchange has left behind
// may keep it a little longer.
class Http1Connection final : public IntrusiveNode,
                              public Deletable,
                              public http::UpstreamStream,
                              private net::ConnectionHandler {
 public:
  Http1Connection(Http1Pool& pool, net::Socket socket);

  // Starts connecting. `first` goes out before anything else, before TLS too. False when that
  // failed at once; the connection is closed then.
  bool start(std::string_view first);
  // Takes an exchange; the connection must be idle or new.
  void begin(http::ResponseHandler& handler);
  void close();
  bool is_open() const { return connection_.is_open(); }

  void send_request_head(const http::RequestHead& head) override;
  void send_request_body(std::string_view bytes) override;
  void end_request(const http::Fields& trailers) override;
  void cancel() override;
  void pause_response() override { connection_.pause(net::PauseReason::kOtherSideFull); }
  void resume_response() override { connection_.resume(net::PauseReason::kOtherSideFull); }

  // Reports a connection that never came to be, at the end of the turn.
  void fail_later(const Error& error);

 private:
  friend class Http1Pool;

  enum class State : uint8_t { kIdle, kAwaitingHead, kInBody, kTunnel };

  void on_connected() override;
  void on_secured() override;
  void on_usable();
  size_t on_data(std::string_view bytes) override;
  void on_readable() override;
  void on_end() override;
  void on_peer_closing() override;
  void on_closed(const Error& error) override;
  void on_write_blocked() override;
  void on_write_unblocked() override;

  bool nothing_sent() const { return connection_.bytes_sent() <= sent_before_; }
  size_t read_head(std::string_view bytes);
  size_t read_body(std::string_view bytes);
  void start_body(const http::ResponseHead& head);
  // Lets what is left of the body pass through a pipe, if that pays.
  void consider_pipe(size_t bytes_read);
  size_t bytes_for_pipe() const;
  bool is_request_taken() const;
  void on_tunnel_end();
  void leave_tunnel();
  // The response is complete; `surplus`: bytes follow it that belong to nothing.
  void finish(const http::Fields& trailers, bool surplus);
  void reset_stream(const Error& error);
  void fail_to_connect(const Error& error);
  void on_connect_timeout();
  void on_idle_timeout();
  void on_deferred_failure();

  Http1Pool& pool_;
  net::Connection connection_;
  http::ResponseHandler* handler_ = nullptr;
  http::ResponseHead head_;
  std::string upgrade_offer_;  // what this exchange's request offers
  http::h1::HeadScanner scanner_;
  http::h1::BodyDecoder body_;
  std::string client_key_;       // the PROXY header, if it binds the connection to one client
  uint64_t first_bytes_ = 0;     // of start()
  uint64_t sent_before_ = 0;     // bytes sent before this exchange
  uint64_t taken_at_check_ = 0;  // of what a tunnel left behind: acknowledged when last looked at
  State state_ = State::kIdle;
  http::Method method_ = http::Method::kGet;
  uint8_t small_reads_ = 0;  // in a row, through a pipe
  bool request_chunked_ = false;
  bool request_ended_ = false;
  bool body_sent_ = false;  // some of the request's body
  bool keep_alive_ = false;
  bool had_bulk_ = false;  // the last answer has gone through a pipe
  bool head_passed_ = false;
  bool response_ended_ = false;  // of a tunnel
  bool pooled_ = false;          // in the pool's idle list
  bool retired_ = false;         // the endpoint has this address no more
  net::Address address_;         // invalid when connecting could not even begin
  Error deferred_failure_{};
  event::MemberTimer<Http1Connection, &Http1Connection::on_connect_timeout> connect_timer_{*this};
  event::MemberTimer<Http1Connection, &Http1Connection::on_idle_timeout> idle_timer_{*this};
  event::MemberTimer<Http1Connection, &Http1Connection::on_deferred_failure> failure_timer_{*this};
};

}  // namespace httpteleport::upstream
