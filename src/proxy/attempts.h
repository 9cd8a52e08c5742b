// The attempts of one exchange: which endpoint is asked, and whether another one is when that
// fails, answers with an error or does not answer. docs/balancing.md has the rules.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "event/timer.h"
#include "http/stream.h"
#include "proxy/exchange_context.h"
#include "proxy/hedge.h"
#include "proxy/kept_request.h"
#include "proxy/request_handler_factory.h"

namespace httpteleport::proxy {

// Owned by its exchange. One attempt runs at a time, its stream's events going to the exchange's
// handler; beside one that is not answered a second runs (Hedge), and takes its place when it
// answers first or the first one fails.
class Attempts {
 public:
  // All of them outlive this. `handler` hears of the stream in use, whichever that is.
  Attempts(ExchangeContext& context, KeptRequest& request, const ClientInfo& client,
           http::ResponseHandler& handler)
      : context_(context), request_(request), client_(client), handler_(handler) {}
  ~Attempts() { close(); }

  // Before everything else; both outlive this. `key` is for the balancer.
  void set_route(Route& route, const ExchangeOptions& options, std::optional<uint64_t> key) {
    route_ = &route;
    options_ = &options;
    key_ = key;
  }
  // The request is sent when it is whole, because some endpoint takes no other. Before set_route();
  // false until then.
  void hold_whole_request(bool hold) { holds_whole_request_ = hold; }
  bool holds_whole_request() const { return holds_whole_request_; }

  upstream::PickResult pick() const { return route_->cluster.pick(pick_request()); }
  // `lease` holds an endpoint. Sends it the request as far as that has come.
  void start(upstream::EndpointLease lease);

  // The attempt in use; nullptr: none runs.
  http::UpstreamStream* stream() const { return stream_; }
  size_t count() const { return count_; }
  // Of the endpoint that was tried last, good as long as the request; empty: none was.
  std::string_view endpoint_name() const { return endpoint_name_; }
  // The endpoint of the attempt in use; nullptr: none runs.
  const upstream::Endpoint* endpoint() const { return lease_.endpoint(); }

  // The client takes no more of the answer for now / again: said to whichever stream is in use.
  void pause_response();
  void resume_response();
  bool is_response_paused() const { return response_paused_; }

  // The request has been sent to its end: from now on silence calls for a second attempt.
  void on_request_sent() { set_try_timer(); }
  // A final head has come from the stream in use. True: another answer is waited for instead.
  bool try_replace_answer(int status);
  // The answer goes to the client: there will be no other attempt.
  void on_answer_chosen();
  // The stream in use has been reset. Without `counts`, that says nothing about the endpoint.
  void on_reset(const Error& error, bool counts);
  // After on_reset(): the second attempt takes over, if there is one.
  bool try_adopt_hedge();
  // After on_reset() with `error`: where to start() next; without an endpoint: nowhere.
  upstream::EndpointLease try_repeat(const Error& error);
  // The time for the answer is over.
  void on_timeout();
  // The stream in use has ended in order.
  void finish();
  // Gives up what runs.
  void close();

 private:
  friend class Hedge;

  // From the hedge, until it is adopted.
  void on_hedge_answer(http::ResponseHead& head);
  void on_hedge_reset(const Error& error);

  upstream::PickRequest pick_request() const;
  upstream::PickResult pick_healthy() const;
  upstream::StreamOptions stream_options() const;
  // Nothing is lost when an attempt fails: the request can be asked again elsewhere.
  bool is_replaceable() const;
  bool may_repeat(const Error& error) const;
  // One more attempt of what an endpoint may have seen is within the limits; counts it.
  // `is_free`: the budget is not asked.
  bool try_count_repeat(bool is_free);
  // An endpoint may take another exchange now.
  void wake_waiting();
  void note_failure(upstream::EndpointLease& lease, const Error& error);
  void set_try_timer();
  void on_try_timeout();
  Duration try_timeout() const;
  void start_hedge();
  void adopt_hedge();
  void drop_hedge();

  ExchangeContext& context_;
  KeptRequest& request_;
  const ClientInfo& client_;
  http::ResponseHandler& handler_;
  Route* route_ = nullptr;
  const ExchangeOptions* options_ = nullptr;
  std::optional<uint64_t> key_;
  upstream::EndpointLease lease_;
  http::UpstreamStream* stream_ = nullptr;
  std::unique_ptr<Hedge> hedge_;    // another attempt beside stream_
  std::unique_ptr<Hedge> adopted_;  // passes on what stream_ says, if it was a hedge
  // Endpoints that could not be reached, once for each failure, and those that failed otherwise.
  // Empty, without memory, unless something fails.
  std::vector<upstream::Endpoint*> unreachable_;
  std::vector<upstream::Endpoint*> avoided_;
  std::string_view endpoint_name_;
  size_t count_ = 0;
  bool response_paused_ = false;
  bool holds_whole_request_ = false;
  size_t repeats_ = 0;  // of them, those after one that an endpoint may have seen
  event::MemberTimer<Attempts, &Attempts::on_try_timeout> try_timer_{*this};
};

}  // namespace httpteleport::proxy
