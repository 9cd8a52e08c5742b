// A named group of endpoints, as one worker sees it: who is there, how loaded, how well.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/service_metrics.h"
#include "upstream/balancer/balancer.h"
#include "upstream/ejection.h"
#include "upstream/health_check.h"
#include "upstream/http1_pool.h"
#include "upstream/shared_limits.h"
#include "upstream/teleport_links.h"
#include "upstream/transport.h"

namespace httpteleport::upstream {

enum class Protocol : uint8_t { kHttp1, kTeleport };

// How one endpoint is spoken to.
struct EndpointKind {
  Protocol protocol = Protocol::kHttp1;
  bool tls = false;  // as ClusterOptions::tls says

  friend bool operator==(const EndpointKind&, const EndpointKind&) = default;
};

struct EndpointOptions {
  std::string name;                     // as configured, for logs and for Host
  std::vector<net::Address> addresses;  // none: it is not picked before it has some
  uint32_t weight = 1;                  // 0..256; 0: takes nothing new
  // Set when the addresses are those of a name that is to be looked up again.
  std::optional<net::HostPort> lookup{};
  // What tells it from others when the cluster changes; empty: the name is enough.
  std::string id{};
  std::optional<EndpointKind> kind{};  // none: as the cluster's options have it
  // Exchanges and connections of one worker at a time; 0: as the cluster's options have it.
  uint32_t pending_max = 0;
  // False: takes nothing new until Cluster::set_in_service().
  bool in_service = true;
  // Of all workers together; nullptr: none.
  std::shared_ptr<SharedLimits> limits{};
  // Of each worker, for who wants to know; none: nobody does.
  std::vector<std::shared_ptr<metrics::BackendMetrics>> counters{};
};

struct ClusterOptions {
  Protocol protocol = Protocol::kHttp1;
  std::vector<EndpointOptions> endpoints;
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

  const std::string& name() const { return options_->name; }
  const std::string& id() const { return options_->id; }
  const EndpointKind& kind() const { return kind_; }
  // See Transport.
  bool carries_whole_messages() const { return transport_ && transport_->carries_whole_messages(); }
  // Not empty while it can be picked.
  const std::vector<net::Address>& addresses() const { return addresses_; }
  // nullptr: nobody wants to know.
  metrics::BackendMetrics* counters() const { return counters_.get(); }
  // It is in its cluster; otherwise nothing new comes, and who is there may have to go.
  bool is_member() const { return leaving_with_ == nullptr; }
  // See Transport::open_stream().
  http::UpstreamStream& open_stream(http::ResponseHandler& handler, const StreamOptions& options) {
    return transport().open_stream(handler, options);
  }

 private:
  friend class Cluster;
  friend class EndpointLease;

  http::UpstreamStream& open_check_stream(http::ResponseHandler& handler) override;
  void on_check(bool good) override;

  event::Loop& loop();
  // Other values of the same endpoint.
  void take_options(const EndpointOptions& options, size_t index);
  void set_addresses(std::vector<net::Address> addresses);
  void set_in_service(bool in_service);
  // It has left the cluster; `options` are those that it has.
  void leave(std::shared_ptr<const ClusterOptions> options);
  // Nothing of it is under way on a connection.
  bool is_silent() const { return transport_ == nullptr || transport_->is_idle(); }
  bool is_idle() const { return pending_ == 0 && is_silent(); }
  void drain();
  Transport& transport() { return transport_ ? *transport_ : make_transport(); }
  Transport& make_transport();
  // May be picked at all, whatever its health.
  bool takes_new() const { return in_service_ && options_->weight > 0 && !addresses_.empty(); }
  bool is_full(TimePoint now) const;
  EndpointLoad load(TimePoint now, bool eligible);
  // Runs `change` on the ejection and logs a line when that took the endpoint out or brought it
  // back.
  template <class Change>
  void change_health(const Error& cause, Change&& change);

  Cluster& cluster_;
  const EndpointOptions* options_;  // among those of the cluster, or of leaving_with_
  EndpointKind kind_;
  size_t index_;
  bool in_service_;
  std::shared_ptr<const ClusterOptions> leaving_with_;  // nullptr: it stays
  std::shared_ptr<metrics::BackendMetrics> counters_;
  std::vector<net::Address> addresses_;
  uint32_t pending_ = 0;
  TimePoint answered_at_{};  // when an answer to any exchange last began
  Ejection ejection_;
  bool draining_ = false;
  // nullptr: nothing has been sent to it yet. Of thousands of endpoints most are never used.
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
  // It is a request, and is counted as one.
  void count_as_request();
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
  bool is_request_ = false;
  std::shared_ptr<SharedLimits> limits_;  // that this counts in; nullptr: none
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
  // What is sent is not held until it is whole: endpoints that take no other are passed over.
  bool streams = false;
  bool may_probe = true;
  // Another endpoint can take the exchange over if this one fails: it is a good probe.
  bool replaceable = false;
  std::optional<uint64_t> key{};  // see Choice
};

struct PickResult {
  EndpointLease lease;    // without an endpoint: none is left to try
  bool all_full = false;  // ... because those that are in service have pending_max exchanges
};

// Hears of the health of endpoints as a cluster's exchanges show it.
class ClusterObserver {
 public:
  // Its connections fail, or too much that is sent there goes wrong.
  virtual void on_endpoint_out(const Endpoint& endpoint, const Error& cause) = 0;

 protected:
  ~ClusterObserver() = default;
};

// Owned by a worker.
class Cluster {
 public:
  // `worker` is the index into EndpointOptions::counters. `link_metrics`, of its links: null for
  // those of `metrics`.
  Cluster(event::Loop& loop, metrics::WorkerMetrics& metrics,
          std::shared_ptr<const ClusterOptions> options, size_t worker = 0,
          metrics::LinkMetrics* link_metrics = nullptr);
  // `options` must outlive it.
  Cluster(event::Loop& loop, metrics::WorkerMetrics& metrics, const ClusterOptions& options);

  // Other values and other endpoints. An endpoint of the same id, name and kind stays, with its
  // connections, exchanges and health; one that is gone takes nothing new, and is forgotten when
  // what it has is over.
  void update(std::shared_ptr<const ClusterOptions> options);

  // An endpoint that wants a probe comes first; then the balancer chooses among those in service;
  // when all are out, the one whose pause ends first, because trying beats refusing.
  PickResult pick(const PickRequest& request);

  // nullptr: nobody wants to know. Outlives the cluster.
  void set_observer(ClusterObserver* observer) { observer_ = observer; }

  size_t endpoint_count() const { return endpoints_.size(); }
  const Endpoint& endpoint(size_t index) const { return *endpoints_[index]; }
  // pick() would find one in good health now, full or not.
  bool has_healthy() const;

  // The header whose value is the key of a pick; empty when none is wanted.
  const std::string& hash_field() const { return options_->balancer.hash_field; }

  // Requests and responses travel as wholes to some endpoint (over teleport v0, or a link whose
  // peer is yet to say what it speaks): bodies are held until complete, and no informational
  // response gets through.
  bool carries_whole_messages() const;

  // For connections made from now on; the cluster must have been made with TLS.
  void update_tls(const tls::ClientOptions& options) { tls_->update(options); }
  // The endpoint has these addresses now, not none. What runs on connections to others finishes
  // there.
  void set_addresses(size_t endpoint_index, std::vector<net::Address> addresses);
  // Whether the endpoint takes what is new: what its checks, or an operator, say. It comes back
  // slowly, if the options say so.
  void set_in_service(size_t endpoint_index, bool in_service);

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

  void take_values();
  void make_balancer();
  std::unique_ptr<Endpoint> take_same(std::vector<std::unique_ptr<Endpoint>>& from,
                                      const EndpointOptions& wanted) const;
  EndpointKind kind_of(const EndpointOptions& endpoint) const;
  void delete_left();

  event::Loop& loop_;
  metrics::WorkerMetrics& metrics_;
  metrics::LinkMetrics* const link_metrics_;
  std::shared_ptr<const ClusterOptions> options_;
  size_t worker_;
  // What endpoints refer to, and see changed.
  Ejection::Options ejection_;
  Http1Options http1_;
  TeleportOptions teleport_;
  bool has_links_ = false;
  std::unique_ptr<tls::ClientContext> tls_;  // outlives the connections of the endpoints
  EjectionGroup group_;
  std::unique_ptr<Balancer> balancer_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Endpoint>> leaving_;  // with something that is not over
  std::vector<EndpointLoad> loads_;                 // scratch of pick()
  size_t next_start_ = 0;
  ClusterObserver* observer_ = nullptr;
  event::MemberTimer<Cluster, &Cluster::delete_left> left_timer_{*this};
};

}  // namespace httpteleport::upstream
