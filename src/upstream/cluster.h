// A named group of endpoints, as one worker sees it: who is there, how loaded, how well.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "upstream/balancer/least_loaded.h"
#include "upstream/ejection.h"
#include "upstream/http1_pool.h"
#include "upstream/teleport_links.h"
#include "upstream/transport.h"

namespace httpteleport::upstream {

enum class Protocol : uint8_t { kHttp1, kTeleport };

struct EndpointOptions {
  std::string name;                     // as configured, for logs and for Host
  std::vector<net::Address> addresses;  // at least one
  uint32_t weight = 1;
};

struct ClusterOptions {
  Protocol protocol = Protocol::kHttp1;
  std::vector<EndpointOptions> endpoints;  // at least one
  Ejection::Options ejection;
  Http1Options http1;
  TeleportOptions teleport;
};

class Endpoint {
 public:
  Endpoint(event::Loop& loop, metrics::WorkerMetrics& metrics, const ClusterOptions& cluster,
           const EndpointOptions& options);

  const std::string& name() const { return options_.name; }
  // See Transport::open_stream().
  http::UpstreamStream& open_stream(http::ResponseHandler& handler, bool fresh) {
    return transport_->open_stream(handler, fresh);
  }

 private:
  friend class Cluster;
  friend class EndpointLease;

  event::Loop& loop_;
  const EndpointOptions& options_;
  uint32_t pending_ = 0;
  Ejection ejection_;
  std::unique_ptr<Transport> transport_;
};

// One exchange counted as pending at an endpoint, until this is destroyed or released. Must not
// outlive the cluster.
class EndpointLease {
 public:
  EndpointLease() = default;
  explicit EndpointLease(Endpoint& endpoint);
  EndpointLease(EndpointLease&& other) noexcept
      : endpoint_(std::exchange(other.endpoint_, nullptr)), is_probe_(other.is_probe_) {}
  EndpointLease& operator=(EndpointLease&& other) noexcept;
  ~EndpointLease() { release(); }

  Endpoint* endpoint() const { return endpoint_; }
  void release();
  // How the exchange went, for ejection. The lease must hold an endpoint. A line is logged when an
  // endpoint goes out and when it comes back.
  void report_success();
  void report_failure(const Error& error);

 private:
  Endpoint* endpoint_ = nullptr;
  bool is_probe_ = false;  // shows whether an ejected endpoint is well again
};

// Owned by a worker. `options` must outlive it.
class Cluster {
 public:
  Cluster(event::Loop& loop, metrics::WorkerMetrics& metrics, const ClusterOptions& options);

  // Picks the endpoint with the least pending work among those in good health; when all are
  // ejected, the one whose pause ends first, because trying beats refusing.
  //
  // `failed`: endpoints this exchange could not reach, once for each failure; one is not picked
  // again when it has failed as often as it has addresses. A lease without an endpoint: none is
  // left.
  EndpointLease pick(std::span<Endpoint* const> failed);

  // Requests and responses travel as wholes (teleport v0): bodies are held until complete, and no
  // informational response gets through.
  bool carries_whole_messages() const { return options_.protocol == Protocol::kTeleport; }

  // Closes what is idle and everything else when it becomes so.
  void drain();

 private:
  const ClusterOptions& options_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<EndpointLoad> loads_;  // scratch of pick()
  size_t next_start_ = 0;
};

}  // namespace httpteleport::upstream
