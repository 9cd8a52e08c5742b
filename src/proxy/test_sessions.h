// What the tests of this module share: an answering side that does what the test says, and the
// things a session needs.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/test_net.h"
#include "proxy/local_reply.h"
#include "proxy/session_context.h"

namespace httpteleport::proxy {

// One exchange as its answering side sees it. Outlives the session.
struct TestExchange {
  using Fields = std::vector<std::pair<std::string, std::string>>;

  http::DownstreamStream* downstream = nullptr;  // nullptr once the exchange is over
  std::string method;
  std::string target;
  std::string authority;
  std::string client_ip;
  std::string client_scheme;
  bool expects_continue = false;
  std::optional<Error> refusal;
  std::string fields;  // "Name: value\n" for each that may be passed on
  std::string body;
  std::string trailers;
  bool ended = false;         // the request
  bool is_tunnel = false;     // set by send_switch()
  bool tunnel_ended = false;  // by the client
  bool is_half_closed = false;
  std::optional<Error> gone;  // the client
  int blocked = 0;
  int unblocked = 0;
  bool destroyed = false;  // the handler

  void send_head(int status, http::BodyLength body_length, const Fields& head_fields = {}) {
    http::ResponseHead head;
    head.status = status;
    head.reason = http::reason_of(status);
    head.body = body_length;
    if (body_length.is_known()) head.declared_length = body_length.bytes;
    for (const auto& [name, value] : head_fields)
      head.fields.add(name, value);
    downstream->send_response_head(head);
  }
  void send_switch(std::string_view protocol) {
    is_tunnel = true;
    http::ResponseHead head;
    head.status = 101;
    head.reason = http::reason_of(101);
    head.upgrade = protocol;
    head.body = http::BodyLength::unknown();
    downstream->send_response_head(head);
  }
  void send_body(std::string_view bytes) { downstream->send_response_body(bytes); }
  // Of a tunnel, which the client may still use.
  void end_direction() {
    http::DownstreamStream& stream = *downstream;
    if (tunnel_ended) downstream = nullptr;
    is_half_closed = true;
    stream.end_response({});
  }
  void end(const http::Fields& response_trailers = {}) {
    std::exchange(downstream, nullptr)->end_response(response_trailers);
  }
  void reply(std::string_view bytes, int status = 200) {
    send_head(status, http::BodyLength::known(bytes.size()));
    if (!bytes.empty()) send_body(bytes);
    end();
  }
  void reset(const Error& error) { std::exchange(downstream, nullptr)->reset(error); }
};

class TestHandlers final : public RequestHandlerFactory {
 public:
  std::list<TestExchange> exchanges;  // in the order of their heads
  // Called inside the events, if set.
  std::function<void(TestExchange&)> at_head;
  std::function<void(TestExchange&)> at_body;
  std::function<void(TestExchange&)> at_end;
  std::function<void(TestExchange&)> at_unblocked;

  TestExchange& last() { return exchanges.back(); }

  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const ClientInfo& client) override {
    exchanges.emplace_back();
    exchanges.back().downstream = &downstream;
    exchanges.back().client_ip = client.ip;
    exchanges.back().client_scheme = client.scheme;
    return std::make_unique<Handler>(*this, exchanges.back());
  }

 private:
  class Handler final : public http::RequestHandler {
   public:
    Handler(TestHandlers& owner, TestExchange& exchange) : owner_(owner), exchange_(exchange) {}
    ~Handler() override { exchange_.destroyed = true; }

    void on_request_head(http::RequestHead& head, std::string_view) override {
      exchange_.method = head.method_text;
      exchange_.target = head.target;
      exchange_.authority = head.authority;
      exchange_.expects_continue = head.expects_continue;
      exchange_.refusal = head.refusal;
      exchange_.fields = text_of(head.fields);
      if (head.refusal)
        return send_error_reply(*std::exchange(exchange_.downstream, nullptr), *head.refusal);
      if (owner_.at_head) owner_.at_head(exchange_);
    }
    void on_request_body(std::string_view bytes) override {
      HT_ASSERT(is_open() && exchange_.ended == exchange_.is_tunnel && !exchange_.tunnel_ended);
      exchange_.body += bytes;
      if (owner_.at_body) owner_.at_body(exchange_);
    }
    void on_request_end(const http::Fields& trailers) override {
      HT_ASSERT(is_open() && exchange_.ended == exchange_.is_tunnel && !exchange_.tunnel_ended);
      exchange_.tunnel_ended = exchange_.is_tunnel;
      exchange_.ended = true;
      exchange_.trailers = text_of(trailers);
      if (exchange_.is_tunnel && exchange_.is_half_closed) exchange_.downstream = nullptr;
      if (owner_.at_end) owner_.at_end(exchange_);
    }
    void on_downstream_gone(const Error& error) override {
      HT_ASSERT(is_open());
      exchange_.gone = error;
      exchange_.downstream = nullptr;
    }
    void on_response_blocked() override { ++exchange_.blocked; }
    void on_response_unblocked() override {
      ++exchange_.unblocked;
      if (owner_.at_unblocked) owner_.at_unblocked(exchange_);
    }

   private:
    bool is_open() const { return exchange_.downstream != nullptr; }
    static std::string text_of(const http::Fields& list) {
      std::string text;
      for (const http::Field& field : list) {
        if (!field.dropped) text.append(field.name).append(": ").append(field.value).append("\n");
      }
      return text;
    }

    TestHandlers& owner_;
    TestExchange& exchange_;
  };
};

// Everything a session needs, in the order in which it must go away.
class TestSessions {
 public:
  ~TestSessions() {
    while (!context.sessions.empty())
      context.sessions.front().abort();
    net.loop.run_once(Duration::zero());
  }

  // Starts a session on one end of a connection and returns the client's end.
  template <class SessionType>
  net::TestPeer& connect(int buffer_bytes = 0) {
    auto [socket, peer] = net.connected_pair(buffer_bytes);
    SessionType::start(context, std::move(socket), net::loopback(1234));
    return *peer;
  }
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    return net.run_until(std::forward<Condition>(condition));
  }
  [[nodiscard]] bool wait_for_exchanges(size_t count) {
    return run_until([&] { return handlers.exchanges.size() >= count; });
  }
  // The session and its connection are no more.
  [[nodiscard]] bool wait_session_gone() {
    return run_until([&] {
      return context.sessions.empty() && net.metrics.downstream_sockets.open.value() == 0;
    });
  }

  net::TestNet net;
  net::LingeringConnections lingering{net.loop, {}};
  http::DateCache date;
  TestHandlers handlers;
  SessionContext context{net.loop, net.metrics, lingering, date, &handlers, {}, {}};
  Http1SessionOptions& http1_options = context.http1;
  TeleportSessionOptions& teleport_options = context.teleport;
};

}  // namespace httpteleport::proxy
