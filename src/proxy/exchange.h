// One request with its response, from whatever session it came to whatever endpoint answers it.
#pragma once

#include <memory>

#include "base/recycled.h"
#include "event/loop.h"
#include "http/stream.h"
#include "proxy/attempts.h"
#include "proxy/exchange_context.h"
#include "proxy/exchange_record.h"
#include "proxy/kept_request.h"
#include "proxy/request_handler_factory.h"

namespace httpteleport::proxy {

class ExchangeFactory final : public RequestHandlerFactory {
 public:
  explicit ExchangeFactory(ExchangeContext& context) : context_(context) {}
  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const ClientInfo& client) override;

 private:
  ExchangeContext& context_;
};

// Owned by its session. Passes the events of both sides on; which endpoint is asked, and how often,
// is for its Attempts. After a 101 it is a tunnel, and open until both directions have ended.
class Exchange final : public http::RequestHandler,
                       public Recycled<Exchange>,
                       private http::ResponseHandler,
                       private Waiter {
 public:
  Exchange(ExchangeContext& context, http::DownstreamStream& downstream, const ClientInfo& client);
  ~Exchange() override;

  void on_request_head(http::RequestHead& head, std::string_view raw) override;
  void on_request_body(std::string_view bytes) override;
  void on_request_end(const http::Fields& trailers) override;
  void on_downstream_gone(const Error& error) override;
  void on_answer_replaced(const Error& error) override;
  void on_response_blocked() override;
  void on_response_unblocked() override;

 private:
  enum class Response : uint8_t { kAwaited, kBegun, kEnded };
  enum class Tunnel : uint8_t { kNone, kOpen, kClientEnded };

  void on_response_head(http::ResponseHead& head) override;
  void on_response_body(std::string_view bytes) override;
  int response_pipe() override { return downstream_.response_pipe(); }
  void on_response_piped(size_t bytes) override;
  void count_response(size_t bytes);
  void on_response_end(const http::Fields& trailers) override;
  void on_upstream_reset(const Error& error) override;
  void on_request_blocked() override { downstream_.pause_request(); }
  void on_request_unblocked() override { downstream_.resume_request(); }

  void take_route(Route& route);
  // Why the request is refused: for itself, and where it would go.
  std::optional<Error> refusal() const;
  std::optional<Error> refusal_for_cluster() const;
  void choose_id();
  std::optional<uint64_t> balancer_key() const;
  // With a slot: passes the request on, or takes the rest of it first.
  void begin();
  void send_whole_request();
  void start_attempt();
  void start_attempt(upstream::PickResult picked);

  bool is_slot_free() const;
  void take_slot();
  void set_terms();
  void wait(WaitFor wait_for);
  void stop_waiting();
  bool try_go_on() override;
  void on_waited_too_long() override;

  void refuse_method();
  void answer_as_last_hop(int status);
  void answer(int status, std::string_view body);
  void answer(const LocalAnswer& answer);
  // What stands in the place of answers with that status; nullptr: nothing does.
  const LocalAnswer* page_for(int status) const;
  bool is_over_body_limit(uint64_t bytes) const;
  // Decided when it gets its route: endpoints may come and go while it runs.
  bool holds_whole_request() const { return attempts_.holds_whole_request(); }

  void open_tunnel();
  void on_tunnel_end_of_client();

  // Counts the failure, and tells the client: by an answer, or by breaking off the one begun.
  void fail(const Error& error);
  // Both messages, or both directions of the tunnel, have ended.
  void succeed();
  void count_end();
  void count_bytes(metrics::Counter metrics::TrafficMetrics::*counter, size_t bytes);
  // To the reporter, if there is one. Once, when all is known that it tells.
  void report();
  ExchangeRecord finished_record() const;

  // The response, or the next piece of it, must come by then.
  void start_clock();
  void watch_pauses();
  bool is_waiting_for_head() const {
    return response_ == Response::kAwaited && request_.has_ended();
  }
  Duration allowed_pause() const;
  void on_timer();
  void on_total_timeout();

  ExchangeContext& context_;
  http::DownstreamStream& downstream_;
  const ClientInfo& client_;
  Route* route_ = nullptr;            // nullptr: it has none yet
  WaitingQueue* waits_in_ = nullptr;  // nullptr: it does not wait
  KeptRequest request_;
  Attempts attempts_;
  std::shared_ptr<const ExchangeOptions> options_;
  ExchangeRecord record_;  // what report() cannot tell from the other members
  TimePoint started_;
  TimePoint last_progress_;
  Response response_ = Response::kAwaited;
  Tunnel tunnel_ = Tunnel::kNone;
  bool has_slot_ = false;     // counted in exchanges_open
  uint32_t ticket_ = 0;       // of that policy
  bool is_admitted_ = false;  // by the policy of its route
  bool is_counted_ = false;   // among those of the route, as being under way
  event::MemberTimer<Exchange, &Exchange::on_timer> timer_{*this};
  event::MemberTimer<Exchange, &Exchange::on_total_timeout> total_timer_{*this};
};

}  // namespace httpteleport::proxy
