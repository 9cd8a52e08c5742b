// One client's connection and the one to an endpoint that it is carried over.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "relay/raw_head.h"
#include "relay/side.h"
#include "relay/tcp_service.h"

namespace httpteleport::relay {

class LinkClient;

// Owned by its service's list.
//
// While the endpoint is being connected the client is not read: what it sends waits in the kernel,
// or in its link's window, which bound it. Then bytes pass as they come. The end of one direction
// is passed on behind its bytes, and the other goes on. A reset on one side becomes one on the
// other. The session is over when both sides are.
//
// Small on purpose: most connections of a relay are idle most of the time. What only connecting
// needs is in Connecting.
class TcpSession final : public net::Session {
 public:
  // `ticket` is of the service's gate.
  static void start(TcpService& service, net::Socket socket, const RawClient& client,
                    uint32_t ticket);
  // The connection has come over a link.
  static void start(TcpService& service, LinkClient& link, const RawClient& client,
                    uint32_t ticket);

  void drain() override {}
  void abort() override { abort({Code::kCancelled}); }

  // ---- For its sides. Any of these may end it.

  TcpContext& context() { return service_.context_; }
  event::Loop& loop() { return service_.context_.loop; }
  Side& other_than(const Side& side) { return &side == client_.get() ? *server_ : *client_; }
  void count(const Side& from, size_t bytes);
  // No endpoint has taken the connection yet.
  bool is_connecting() const { return connecting_ != nullptr; }
  void on_connected();
  // There is no connection to that endpoint.
  void on_connect_failed(const Error& error);
  // It is the far end of a link, which has answered with this instead of a connection.
  void on_connect_refused(int status);
  // The peer of that side has broken its connection.
  void on_broken(const Side& side);
  // One that has done all it was for.
  void on_side_over();

 private:
  // What is forgotten once there is a connection.
  struct Connecting {
    std::vector<upstream::Endpoint*> unreachable;  // once for each failure
    RawClient client;
    std::string first_bytes;      // for the endpoint, before the client's
    std::optional<uint64_t> key;  // of the client, if endpoints are chosen by it
    size_t first_address = 0;
    bool repeated = false;  // a link that was about to end has been asked
    // Why the last endpoint did not take it.
    Error failure{Code::kNoEndpoint, Source::kUpstream, 0, "no backend takes the connection"};
  };

  TcpSession(TcpService& service, const RawClient& client, uint32_t ticket);

  // Starts a connection to an endpoint that may be reached yet, or ends the session.
  void connect();
  // One attempt to reach the endpoint of the lease.
  Result<void> try_connect();
  void note_failure(const Error& error);
  // The endpoint of the lease is not to be asked again.
  void pass_over();
  void abort(const Error& why);
  void on_timer();
  void watch_peers();
  void set_timer();
  // Nothing of it runs any more.
  void end();

  TcpService& service_;
  std::shared_ptr<const TcpOptions> options_;
  const uint32_t ticket_;
  std::unique_ptr<Side> client_;
  std::unique_ptr<Side> server_;  // nullptr: none is being connected
  upstream::EndpointLease lease_;
  metrics::BackendMetrics* backend_ = nullptr;  // nullptr: not connected
  std::unique_ptr<Connecting> connecting_;      // nullptr: connected
  TimePoint watch_peers_at_{};                  // or TimePoint::max()
  event::MemberTimer<TcpSession, &TcpSession::on_timer> timer_{*this};
};

}  // namespace httpteleport::relay
