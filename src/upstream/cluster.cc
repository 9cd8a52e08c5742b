#include "upstream/cluster.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"

namespace httpteleport::upstream {

namespace {

Ejection::Options ejection_for(const ClusterOptions& cluster, const EndpointOptions& endpoint) {
  Ejection::Options options = cluster.ejection;
  options.connect_failures_max = static_cast<uint32_t>(endpoint.addresses.size());
  return options;
}

std::unique_ptr<Transport> make_transport(const TransportContext& context,
                                          const ClusterOptions& options) {
  if (options.protocol == Protocol::kTeleport)
    return std::make_unique<TeleportLinks>(context, options.teleport);
  return std::make_unique<Http1Pool>(context, options.http1);
}

}  // namespace

Endpoint::Endpoint(event::Loop& loop, metrics::WorkerMetrics& metrics,
                   const ClusterOptions& cluster, const EndpointOptions& options)
    : loop_(loop),
      options_(options),
      ejection_(ejection_for(cluster, options)),
      transport_(make_transport({loop, metrics, options.addresses}, cluster)) {}

EndpointLease::EndpointLease(Endpoint& endpoint) : endpoint_(&endpoint) {
  ++endpoint.pending_;
  is_probe_ = endpoint.ejection_.try_begin_probe(endpoint.loop_.now());
}

EndpointLease& EndpointLease::operator=(EndpointLease&& other) noexcept {
  if (this != &other) {
    release();
    endpoint_ = std::exchange(other.endpoint_, nullptr);
    is_probe_ = other.is_probe_;
  }
  return *this;
}

void EndpointLease::release() {
  if (endpoint_ == nullptr) return;
  --endpoint_->pending_;
  if (is_probe_) endpoint_->ejection_.end_probe();
  endpoint_ = nullptr;
}

void EndpointLease::report_success() {
  if (endpoint_->ejection_.is_out())
    log_line(LogLevel::kInfo, "endpoint " + endpoint_->name() + " answers again");
  endpoint_->ejection_.on_success();
}

void EndpointLease::report_failure(const Error& error) {
  const bool was_out = endpoint_->ejection_.is_out();
  endpoint_->ejection_.on_failure(error.code, endpoint_->loop_.now());
  if (was_out || !endpoint_->ejection_.is_out()) return;
  std::string text =
      "endpoint " + endpoint_->name() + " fails and is left alone for a while: " + error.detail;
  if (error.sys_errno != 0) text += std::string(": ") + std::strerror(error.sys_errno);
  log_line(LogLevel::kWarn, text);
}

Cluster::Cluster(event::Loop& loop, metrics::WorkerMetrics& metrics, const ClusterOptions& options)
    : options_(options) {
  HT_ASSERT(!options.endpoints.empty());
  for (const EndpointOptions& endpoint : options.endpoints) {
    HT_ASSERT(!endpoint.addresses.empty() && endpoint.weight > 0);
    endpoints_.push_back(std::make_unique<Endpoint>(loop, metrics, options, endpoint));
  }
  loads_.resize(endpoints_.size());
}

EndpointLease Cluster::pick(std::span<Endpoint* const> failed) {
  const Endpoint* soonest = nullptr;
  size_t soonest_index = 0;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    Endpoint& endpoint = *endpoints_[i];
    const auto failures = static_cast<size_t>(std::count(failed.begin(), failed.end(), &endpoint));
    const bool untried = failures < endpoint.options_.addresses.size();
    const TimePoint now = endpoint.loop_.now();
    loads_[i] = {endpoint.pending_, endpoint.options_.weight,
                 untried && endpoint.ejection_.admits(now)};
    if (untried && (soonest == nullptr ||
                    endpoint.ejection_.paused_until() < soonest->ejection_.paused_until())) {
      soonest = &endpoint;
      soonest_index = i;
    }
  }
  std::optional<size_t> choice = pick_least_loaded(loads_, next_start_);
  next_start_ = (next_start_ + 1) % endpoints_.size();
  if (!choice && soonest != nullptr) choice = soonest_index;
  if (!choice) return {};
  return EndpointLease(*endpoints_[*choice]);
}

void Cluster::drain() {
  for (const auto& endpoint : endpoints_)
    endpoint->transport_->drain();
}

}  // namespace httpteleport::upstream
