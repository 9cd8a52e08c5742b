// One request with its response, from whatever session it came to whatever endpoint answers it.
#pragma once

#include <memory>
#include <vector>

#include "base/arena.h"
#include "event/loop.h"
#include "http/stream.h"
#include "metrics/worker_metrics.h"
#include "proxy/exchange_reporter.h"
#include "proxy/forwarding_headers.h"
#include "proxy/hedge.h"
#include "proxy/request_handler_factory.h"
#include "proxy/retry_budget.h"
#include "proxy/waiting_queue.h"
#include "route/table.h"
#include "upstream/cluster.h"

namespace httpteleport::proxy {

struct ExchangeOptions {
  size_t exchanges_max = 100'000;  // open at one time on one worker; more wait
  // More are answered with 429, and so is who waits too long.
  WaitingQueue::Options queue;
  uint64_t request_body_bytes_max = 4 * 1024 * 1024;  // over it: 413
  // Where a body must be held whole (teleport), a larger one is refused whatever the limit above
  // says.
  uint64_t held_body_bytes_max = uint64_t{1} << 30;
  // Body bytes kept so that a failed attempt can be repeated.
  size_t replay_bytes_max = 512 * 1024;
  // Further attempts of a request that an endpoint may have seen.
  size_t retries_max = 2;
  // Attempts in all: those that an endpoint has certainly not seen are repeated until it is clear
  // that no address can be reached.
  size_t attempts_max = 16;
  RetryBudget::Options retry_budget;
  // An attempt that is not answered for so long gets another one beside it; 0: half of
  // response_timeout.
  Duration try_timeout{};
  Duration response_timeout =
      std::chrono::seconds(3);  // -outTimeout: request sent to response begun
  Duration response_idle_timeout =
      std::chrono::seconds(60);  // between two pieces of a response, or of taking a request
  Duration total_timeout{};      // from the request's head to the answer's end; 0: no limit
  Duration tunnel_idle_timeout = std::chrono::hours(1);  // nothing moves either way
  bool get_only = false;  // -inGetOnly: GET and HEAD pass, any other method gets 405
  ForwardingOptions forwarding;
};

// What the exchanges of one worker share; outlives them.
struct ExchangeContext {
  event::Loop& loop;
  metrics::WorkerMetrics& metrics;
  const ExchangeOptions& options;
  const route::Table& routes;
  std::vector<std::unique_ptr<upstream::Cluster>> clusters{};  // by route::ClusterIndex
  size_t exchanges_alive = 0;
  RequestIds request_ids{};
  // Told of every exchange that is over; nullptr: nobody wants to know.
  ExchangeReporter* reporter = nullptr;
  RetryBudget retry_budget{options.retry_budget};
  WaitingQueue queue{loop, metrics, options.queue};
};

class ExchangeFactory final : public RequestHandlerFactory {
 public:
  explicit ExchangeFactory(ExchangeContext& context) : context_(context) {}
  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const ClientInfo& client) override;

 private:
  ExchangeContext& context_;
};

// Owned by its session. Picks an endpoint, passes the events of both sides on, and repeats a failed
// attempt when that is safe: nothing was sent, or the request is idempotent and unanswered
// (RFC 9110 section 9.2.2), and offers no upgrade. A request that asks for nothing to be changed is
// repeated also when the answer is an error of the server, and while no answer comes:
// docs/balancing.md has the rules. After a 101 it is a tunnel, and open until both directions have
// ended.
class Exchange final : public http::RequestHandler, private http::ResponseHandler, private Waiter {
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
  friend class Hedge;

  void on_response_head(http::ResponseHead& head) override;
  void on_response_body(std::string_view bytes) override;
  void on_response_end(const http::Fields& trailers) override;
  void on_upstream_reset(const Error& error) override;
  void on_request_blocked() override { downstream_.pause_request(); }
  void on_request_unblocked() override { downstream_.resume_request(); }

  // Why the request is refused before it is looked at further, if it is.
  std::optional<Error> refusal_of(const http::RequestHead& head) const;
  void choose_id();
  bool is_slot_free() const;
  void take_slot();
  void wait(WaitFor wait_for);
  bool try_go_on() override;
  void on_waited_too_long() override;
  // With a slot: passes the request on, or takes the rest of it first.
  void begin();
  void send_whole_request();
  void keep_trailers(const http::Fields& trailers);
  void keep_head(std::string_view raw);
  void ensure_host();
  void answer_as_last_hop(int status);
  void open_tunnel();
  void answer(int status, std::string_view body);
  void start_attempt();
  void start_attempt(upstream::PickResult picked);
  void start_attempt(upstream::EndpointLease lease);
  upstream::StreamOptions stream_options() const;
  void send_request(http::UpstreamStream& stream);
  upstream::PickRequest pick_request() const;
  // Nothing is lost when an attempt fails: the request can be asked again elsewhere.
  bool is_replaceable() const;
  bool may_repeat(const Error& error) const;
  // One more attempt of what an endpoint may have seen is within the limits; counts it.
  // `is_free`: the budget is not asked.
  bool try_count_repeat(bool is_free);
  void note_failure(upstream::EndpointLease& lease, const Error& error);
  // Drops an answer that says the server is at fault, if another endpoint is there to be asked.
  bool try_replace_answer();
  void start_hedge();
  void adopt_hedge();
  void drop_hedge();
  // From the hedge, until it is adopted.
  void on_hedge_answer(http::ResponseHead& head);
  void on_hedge_reset(const Error& error);
  void set_try_timer();
  void on_try_timeout();
  Duration try_timeout() const;
  bool body_is_over_limit() const;
  // Counts the failure, and tells the client: by an answer, or by breaking off the one begun.
  void fail(const Error& error);
  void close_upstream();
  // Both messages, or both directions of the tunnel, have ended.
  void succeed();
  void count_end();
  // To the reporter, if there is one. Once, when all is known that it tells.
  void report();
  ExchangeRecord finished_record() const;
  void on_timer();
  void on_total_timeout();
  // The response, or the next piece of it, must come by then.
  void start_clock();
  void watch_pauses();
  bool holds_whole_request() const { return cluster_->carries_whole_messages(); }

  ExchangeContext& context_;
  http::DownstreamStream& downstream_;
  const ClientInfo& client_;
  upstream::Cluster* cluster_ = nullptr;
  upstream::EndpointLease lease_;
  http::UpstreamStream* upstream_ = nullptr;
  std::unique_ptr<Hedge> hedge_;    // another attempt beside upstream_
  std::unique_ptr<Hedge> adopted_;  // passes on what upstream_ says, if it was a hedge
  // By this exchange: endpoints that could not be reached, once for each failure, and those that
  // failed otherwise. Empty, without memory, unless something fails.
  std::vector<upstream::Endpoint*> unreachable_;
  std::vector<upstream::Endpoint*> avoided_;
  std::optional<uint64_t> key_;  // for the balancer
  Arena arena_;
  http::RequestHead head_;
  // To be sent (whole messages, and while waiting), or sent and kept for another attempt.
  BufferChain kept_body_;
  http::Fields trailers_;  // came while waiting
  uint64_t body_bytes_ = 0;
  size_t attempts_ = 0;
  ExchangeRecord record_;  // what report() cannot tell from the other members
  size_t retries_ = 0;     // of them, those after one that an endpoint may have seen
  TimePoint started_;
  TimePoint last_progress_;
  bool host_is_ours_ = false;  // the client has named none
  bool open_ = false;          // counted in exchanges_open
  bool body_is_kept_ = true;   // kept_body_ has all of the body so far
  bool request_ended_ = false;
  bool response_begun_ = false;
  bool response_ended_ = false;
  bool response_blocked_ = false;  // the session takes no more for now
  bool tunnel_ = false;            // after a 101; request_ended_ is said of its bytes then
  event::MemberTimer<Exchange, &Exchange::on_timer> timer_{*this};
  event::MemberTimer<Exchange, &Exchange::on_total_timeout> total_timer_{*this};
  event::MemberTimer<Exchange, &Exchange::on_try_timeout> try_timer_{*this};
};

}  // namespace httpteleport::proxy
