// One request with its response, from whatever session it came to whatever endpoint answers it.
#pragma once

#include <memory>
#include <vector>

#include "base/arena.h"
#include "event/loop.h"
#include "http/stream.h"
#include "metrics/worker_metrics.h"
#include "proxy/forwarding_headers.h"
#include "proxy/request_handler_factory.h"
#include "route/table.h"
#include "upstream/cluster.h"

namespace httpteleport::proxy {

struct ExchangeOptions {
  size_t exchanges_max = 100'000;  // open at one time on one worker; over it: 429
  uint64_t request_body_bytes_max = 4 * 1024 * 1024;  // over it: 413
  // Where a body must be held whole (teleport), a larger one is refused whatever the limit above
  // says.
  uint64_t held_body_bytes_max = uint64_t{1} << 30;
  // Body bytes kept so that a failed attempt can be repeated.
  size_t replay_bytes_max = 512 * 1024;
  size_t attempts_max = 4;
  Duration response_timeout =
      std::chrono::seconds(3);  // -outTimeout: request sent to response begun
  Duration response_idle_timeout =
      std::chrono::seconds(60);  // between two pieces of a response, or of taking a request
  ForwardingOptions forwarding;
};

// What the exchanges of one worker share; outlives them.
struct ExchangeContext {
  event::Loop& loop;
  metrics::WorkerMetrics& metrics;
  const ExchangeOptions& options;
  const route::Table& routes;
  std::vector<std::unique_ptr<upstream::Cluster>> clusters;  // by route::ClusterIndex
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
// (RFC 9110 section 9.2.2).
class Exchange final : public http::RequestHandler, private http::ResponseHandler {
 public:
  Exchange(ExchangeContext& context, http::DownstreamStream& downstream, const ClientInfo& client);
  ~Exchange() override;

  void on_request_head(http::RequestHead& head, std::string_view raw) override;
  void on_request_body(std::string_view bytes) override;
  void on_request_end(const http::Fields& trailers) override;
  void on_downstream_gone(const Error& error) override;
  void on_response_blocked() override;
  void on_response_unblocked() override;

 private:
  void on_response_head(http::ResponseHead& head) override;
  void on_response_body(std::string_view bytes) override;
  void on_response_end(const http::Fields& trailers) override;
  void on_upstream_reset(const Error& error) override;
  void on_request_blocked() override { downstream_.pause_request(); }
  void on_request_unblocked() override { downstream_.resume_request(); }

  // Why the request is refused before it is looked at further, if it is.
  std::optional<Error> refusal_of(const http::RequestHead& head) const;
  void keep_head(http::RequestHead& head, std::string_view raw);
  void ensure_host();
  void answer_as_last_hop(int status);
  void start_attempt();
  void send_request();
  bool may_repeat(const Error& error) const;
  bool body_is_over_limit() const;
  // Counts the failure, and tells the client: by an answer, or by breaking off the one begun.
  void fail(const Error& error);
  void close_upstream();
  void count_end();
  void on_timer();
  // The response, or the next piece of it, must come by then.
  void start_clock();
  bool holds_whole_request() const { return cluster_->carries_whole_messages(); }

  ExchangeContext& context_;
  http::DownstreamStream& downstream_;
  const ClientInfo& client_;
  upstream::Cluster* cluster_ = nullptr;
  upstream::EndpointLease lease_;
  http::UpstreamStream* upstream_ = nullptr;
  std::vector<upstream::Endpoint*> unreachable_;
  Arena arena_;
  http::RequestHead head_;
  BufferChain kept_body_;  // to be sent (whole messages), or sent and kept for another attempt
  uint64_t body_bytes_ = 0;
  size_t attempts_ = 0;
  TimePoint started_;
  TimePoint last_progress_;
  bool open_ = false;         // counted in exchanges_open
  bool body_is_kept_ = true;  // kept_body_ has all of the body so far
  bool request_ended_ = false;
  bool response_begun_ = false;
  bool response_blocked_ = false;  // the session takes no more for now
  event::MemberTimer<Exchange, &Exchange::on_timer> timer_{*this};
};

}  // namespace httpteleport::proxy
