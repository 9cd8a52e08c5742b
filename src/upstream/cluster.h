// A named group of endpoints, as one worker sees it: who is there, how loaded, how well.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "upstream/balancer/balancer.h"
#include "upstream/ejection.h"
#include "upstream/health_check.h"
#include "upstream/http1_pool.h"
#include "upstream/teleport_links.h"
#include "upstream/transport.h"

namespace httpteleport::upstream {

enum class Protocol : uint8_t { kHttp1, kTeleport };

struct EndpointOptions {
  std::string name;                     // as configured, for logs and for Host
  std::vector<net::Address> addresses;  // at least one
  uint32_t weight = 1;                  // 1..256
  // Set when the addresses are those of a name that is to be looked up again.
  std::optional<net::HostPort> lookup{};
};

struct ClusterOptions {
  Protocol protocol = Protocol::kHttp1;
  std::vector<EndpointOptions> endpoints;  // at least one
  BalancerOptions balancer;
  Ejection::Options ejection;
  HealthCheckOptions check;
  Duration lookup_interval = std::chrono::seconds(30);  // of names; 0: only at the start
  // Requests of one worker at one endpoint at a time; 0: no limit.
  uint32_t pending_max = 0;
  Http1Options http1;
  TeleportOptions teleport;
  std::optional<tls::ClientOptions> tls;  // none: in the clear
};

class Cluster;

class Endpoint final : private CheckTarget {
 public:
  Endpoint(Cluster& cluster, size_t index, event::Loop& loop, metrics::WorkerMetrics& metrics);

  const std::string& name() const { return options_.name; }
  // See Transport::open_stream().
  http::UpstreamStream& open_stream(http::ResponseHandler& handler, const StreamOptions& options) {
    return transport_->open_stream(handler, options);
  }

 private:
  friend class Cluster;
  friend class EndpointLease;

  http::UpstreamStream& open_check_stream(http::ResponseHandler& handler) override;
  void on_check(bool good) override;

  event::Loop& loop();
  bool is_full() const;
  EndpointLoad load(TimePoint now, bool eligible);
  // Runs `change` on the ejection and logs a line when that took the endpoint out or brought it
  // back.
  template <class Change>
  void change_health(const Error& cause, Change&& change);

  Cluster& cluster_;
  const EndpointOptions& options_;
  size_t index_;
  std::vector<net::Address> addresses_;
  uint32_t pending_ = 0;
  TimePoint answered_at_{};  // when an answer to any exchange last began
  Ejection ejection_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<HealthCheck> check_;  // nullptr: none
};

// One exchange counted as pending at an endpoint, until this is destroyed or released. Must not
// outlive the cluster.
//
// The reports tell how the exchange went, for health and balancing: one a lease counts, but that an
// answer may follow a silence. The lease must hold an endpoint.
class EndpointLease {
 public:
  EndpointLease() = default;
  EndpointLease(Endpoint& endpoint, bool is_probe);
  EndpointLease(EndpointLease&& other) noexcept { *this = std::move(other); }
  EndpointLease& operator=(EndpointLease&& other) noexcept;
  ~EndpointLease() { release(); }

  Endpoint* endpoint() const { return endpoint_; }
  // The exchange is there to find out whether the endpoint is well again.
  bool is_probe() const { return is_probe_; }
  TimePoint begun_at() const { return begun_at_; }
  void release();

  // The final head of the answer has come.
  void report_answer(int status);
  void report_failure(const Error& error);
  // Nothing has come for so long that another endpoint is tried. An endpoint that has answered
  // anybody meanwhile is not silent: this request takes long there. Counts once.
  void report_silence();

 private:
  void end_probe();

  Endpoint* endpoint_ = nullptr;
  bool is_probe_ = false;
  bool probe_ended_ = false;   // it has told what it was to find out
  bool begun_out_ = false;     // the endpoint was out when this began
  bool silence_told_ = false;  // report_silence() has counted
  TimePoint begun_at_{};
};

// What an exchange wants of an endpoint. The spans are good for the call.
struct PickRequest {
  // Endpoints this exchange could not reach, once for each failure; one is not picked again when it
  // has failed as often as it has addresses.
  std::span<Endpoint* const> unreachable{};
  // Endpoints that failed this exchange in another way: picked only when nobody else is left.
  std::span<Endpoint* const> avoided{};
  // Only one in service that is not to be avoided, or none at all.
  bool only_healthy = false;
  bool may_probe = true;
  // Another endpoint can take the exchange over if this one fails: it is a good probe.
  bool replaceable = false;
  std::optional<uint64_t> key{};  // see Choice
};

struct PickResult {
  EndpointLease lease;    // without an endpoint: none is left to try
  bool all_full = false;  // ... because those that are in service have pending_max exchanges
};

// Owned by a worker. `options` must outlive it.
class Cluster {
 public:
  Cluster(event::Loop& loop, metrics::WorkerMetrics& metrics, const ClusterOptions& options);

  // An endpoint that wants a probe comes first; then the balancer chooses among those in service;
  // when all are out, the one whose pause ends first, because trying beats refusing.
  PickResult pick(const PickRequest& request);

  size_t endpoint_count() const { return endpoints_.size(); }

  // The header whose value is the key of a pick; empty when none is wanted.
  const std::string& hash_field() const { return options_.balancer.hash_field; }

  // Requests and responses travel as wholes (teleport v0): bodies are held until complete, and no
  // informational response gets through.
  bool carries_whole_messages() const { return options_.protocol == Protocol::kTeleport; }

  // For connections made from now on; the cluster must have been made with TLS.
  void update_tls(const tls::ClientOptions& options) { tls_->update(options); }
  // The endpoint has these addresses now, not none. What runs on connections to others finishes
  // there.
  void set_addresses(size_t endpoint_index, std::vector<net::Address> addresses);

  // Closes what is idle and everything else when it becomes so.
  void drain();
  // No connection of any endpoint carries an exchange, or bytes that one has left behind. Checks
  // count as exchanges.
  bool is_idle() const;

 private:
  friend class Endpoint;
  friend class EndpointLease;

  Endpoint* wanting_probe(const PickRequest& request, TimePoint now) const;
  Endpoint* soonest_back(const PickRequest& request) const;

  event::Loop& loop_;
  const ClusterOptions& options_;
  std::unique_ptr<tls::ClientContext> tls_;  // outlives the connections of the endpoints
  EjectionGroup group_;
  std::unique_ptr<Balancer> balancer_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<EndpointLoad> loads_;  // scratch of pick()
  size_t next_start_ = 0;
};

}  // namespace httpteleport::upstream
