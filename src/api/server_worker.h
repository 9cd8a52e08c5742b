// One thread of a server: a loop, and the links it has been given.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "api/exchange_state.h"
#include "base/recycled.h"
#include "httpteleport/server.h"
#include "proxy/request_handler_factory.h"
#include "proxy/session_context.h"

namespace httpteleport::api {

// What all workers of a server share.
struct ServerShared {
  Server::Handler handler;             // one of the two
  Server::AsyncHandler async_handler;  // is empty
  ServerOptions options;
  tls::ServerOptions tls{};  // without certificates: none
  std::atomic<size_t> requests_open{0};
};

class ServerWorker final : private proxy::RequestHandlerFactory {
 public:
  // `shared` outlives it. The thread runs from here to the destructor, which ends all links.
  explicit ServerWorker(ServerShared& shared);
  ~ServerWorker();

  // ---- Any thread.
  event::Loop& loop() { return loop_; }
  const metrics::WorkerMetrics& metrics() const { return metrics_; }
  // Connections that are open.
  int64_t connections() const { return metrics_.downstream_sockets.open.value(); }
  // Takes over a connected socket; invalid `peer`: it is not known.
  void serve(net::Socket socket, const net::Address& peer);
  // Links finish what they have begun and take nothing new, until `deadline`; then the thread ends.
  void stop(TimePoint deadline);
  // Returns when the thread has ended, after stop().
  void join();
  // The caller is this worker's thread; the one with `path`.
  bool is_current() const { return is_current(*path_); }
  static bool is_current(const ReturnPath& path);
  uint64_t requests() const { return requests_.value(); }
  uint64_t refused() const { return refused_.value(); }
  uint64_t handler_failures() const { return handler_failures_.value(); }

  // ---- Its own thread, for handlers of requests.
  const ServerOptions& options() const { return shared_.options; }
  void on_request_whole(ExchangeState& state);
  // The session has dropped the request's handler.
  void on_session_done(ExchangeState& state);
  // The handler of the program has responded, or dropped the exchange.
  void on_handler_done(ExchangeState& state);
  // The same for all that came back from other threads.
  void take_returned();
  void refuse(ExchangeState& state, int status, std::string_view line);

 private:
  struct Lane {
    bool is_busy = false;     // one of its requests is with the handler
    bool is_running = false;  // run_lane() is at it
    std::deque<ExchangeState*> waiting;
  };

  void run();
  std::unique_ptr<http::RequestHandler> make_handler(http::DownstreamStream& downstream,
                                                     const proxy::ClientInfo& client) override;
  ExchangeState& take_state();
  void put_back(ExchangeState& state);
  void handle(ExchangeState& state);
  void call_handler(ExchangeState& state);
  void answer(ExchangeState& state);
  void run_lane(uint64_t key);
  void leave_lane(uint64_t key);
  void check_stopped();

  ServerShared& shared_;
  event::Loop loop_;
  metrics::WorkerMetrics metrics_;
  metrics::Counter requests_;
  metrics::Counter refused_;
  metrics::Counter handler_failures_;
  net::LingeringConnections lingering_{loop_, {}};
  http::DateCache date_;
  std::optional<tls::ServerContext> tls_;
  proxy::SessionContext sessions_{loop_, metrics_, lingering_, date_, this, {}, {}};
  std::shared_ptr<ReturnPath> path_ = std::make_shared<ReturnPath>(loop_);
  std::vector<std::unique_ptr<ExchangeState>> free_;
  std::vector<ExchangeState*> returned_;  // empty but while they are looked at
  std::unordered_map<uint64_t, Lane> lanes_;
  http::ResponseHead head_;  // of the answer being sent
  TimePoint stop_deadline_{};
  event::MemberTimer<ServerWorker, &ServerWorker::check_stopped> stop_timer_{*this};
  std::thread thread_;  // last: it uses all of this
};

}  // namespace httpteleport::api
