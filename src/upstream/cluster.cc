#include "upstream/cluster.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"

namespace httpteleport::upstream {

namespace {

// Loads carry finer weights than the options, so that slow start has steps.
constexpr uint32_t kWeightScale = 64;

std::unique_ptr<Transport> make_transport(const TransportContext& context,
                                          const ClusterOptions& options) {
  if (options.protocol == Protocol::kTeleport)
    return std::make_unique<TeleportLinks>(context, options.teleport);
  return std::make_unique<Http1Pool>(context, options.http1);
}

// What the certificate of the endpoint is for. A unix socket has no name of its own.
std::string host_of(const EndpointOptions& endpoint) {
  const Result<net::HostPort> target = net::parse_host_port(endpoint.name);
  return target && !target->host.empty() ? target->host : "localhost";
}

std::unique_ptr<Balancer> make_balancer_for(const ClusterOptions& options) {
  std::vector<std::string_view> names;
  for (const EndpointOptions& endpoint : options.endpoints)
    names.push_back(endpoint.name);
  return make_balancer(options.balancer, names);
}

bool contains(std::span<Endpoint* const> list, const Endpoint* endpoint) {
  return std::find(list.begin(), list.end(), endpoint) != list.end();
}

}  // namespace

// ---- Endpoint.

Endpoint::Endpoint(Cluster& cluster, size_t index, event::Loop& loop,
                   metrics::WorkerMetrics& metrics)
    : cluster_(cluster),
      options_(cluster.options_.endpoints[index]),
      index_(index),
      addresses_(options_.addresses),
      ejection_(cluster.options_.ejection, cluster.group_, addresses_.size()),
      transport_(make_transport({loop, metrics, addresses_, cluster.tls_.get(), host_of(options_)},
                                cluster.options_)) {
  const HealthCheckOptions& check = cluster.options_.check;
  if (check.path.empty()) return;
  const uint64_t seed =
      mix_bits(cluster.options_.balancer.seed) + reinterpret_cast<uintptr_t>(this);
  check_ = std::make_unique<HealthCheck>(loop, metrics, check, options_.name,
                                         static_cast<CheckTarget&>(*this), seed);
}

event::Loop& Endpoint::loop() {
  return cluster_.loop_;
}

bool Endpoint::is_full() const {
  const uint32_t limit = cluster_.options_.pending_max;
  return limit > 0 && pending_ >= limit;
}

// One that is coming back slowly counts as having one exchange more than it has: an idle endpoint
// would be as good as any other idle one, whatever its weight.
EndpointLoad Endpoint::load(TimePoint now, bool eligible) {
  const uint32_t full_weight = options_.weight * kWeightScale;
  const double factor = ejection_.weight_factor(now);
  if (factor >= 1) return {pending_, full_weight, eligible};
  const auto weight = static_cast<uint32_t>(static_cast<double>(full_weight) * factor);
  return {pending_ + 1, std::max(1u, weight), eligible};
}

template <class Change>
void Endpoint::change_health(const Error& cause, Change&& change) {
  const bool was_out = ejection_.is_out();
  change(ejection_, loop().now());
  if (was_out == ejection_.is_out()) return;
  if (was_out) {
    return log_line(LogLevel::kInfo, "endpoint answers again", {{"endpoint", name()}});
  }
  log_line(LogLevel::kWarn, "endpoint fails and is left alone for a while",
           {{"endpoint", name()},
            {"cause", code_name(cause.code)},
            {"detail", cause.detail},
            {"errno", cause.sys_errno == 0 ? "" : std::strerror(cause.sys_errno)}});
}

http::UpstreamStream& Endpoint::open_check_stream(http::ResponseHandler& handler) {
  return transport_->open_stream(handler, {.fresh = true});
}

void Endpoint::on_check(bool good) {
  change_health({Code::kNoEndpoint, Source::kUpstream, 0, "it fails the checks"},
                [good](Ejection& ejection, TimePoint now) { ejection.on_check(now, good); });
}

// ---- EndpointLease.

EndpointLease::EndpointLease(Endpoint& endpoint, bool is_probe)
    : endpoint_(&endpoint),
      is_probe_(is_probe),
      begun_out_(endpoint.ejection_.is_out()),
      begun_at_(endpoint.loop().now()) {
  ++endpoint.pending_;
  if (!is_probe) return;
  endpoint.ejection_.begin_probe();
  endpoint.cluster_.group_.metrics.probes.add();
}

EndpointLease& EndpointLease::operator=(EndpointLease&& other) noexcept {
  if (this == &other) return *this;
  release();
  endpoint_ = std::exchange(other.endpoint_, nullptr);
  is_probe_ = other.is_probe_;
  probe_ended_ = other.probe_ended_;
  begun_out_ = other.begun_out_;
  silence_told_ = other.silence_told_;
  begun_at_ = other.begun_at_;
  return *this;
}

void EndpointLease::release() {
  if (endpoint_ == nullptr) return;
  --endpoint_->pending_;
  end_probe();
  endpoint_ = nullptr;
}

// Whoever asks may go on for hours after it has been answered.
void EndpointLease::end_probe() {
  if (!is_probe_ || std::exchange(probe_ended_, true)) return;
  endpoint_->ejection_.end_probe();
}

void EndpointLease::report_answer(int status) {
  end_probe();
  const TimePoint now = endpoint_->loop().now();
  endpoint_->answered_at_ = now;
  endpoint_->cluster_.balancer_->on_answer(endpoint_->index_, now - begun_at_, now);
  endpoint_->change_health(
      {Code::kMalformed, Source::kUpstream, 0, "it answers with server errors"},
      [&](Ejection& ejection, TimePoint) {
        if (is_bad_status(status)) {
          ejection.on_bad(now, begun_out_);
        } else {
          ejection.on_good(now, begun_out_);
        }
      });
}

void EndpointLease::report_failure(const Error& error) {
  end_probe();
  endpoint_->change_health(error, [&](Ejection& ejection, TimePoint now) {
    if (error.code == Code::kConnectFailed) {
      ejection.on_connect_failed(now, begun_out_);
    } else if (is_bad_result(error.code)) {
      ejection.on_bad(now, begun_out_);
    }
  });
}

void EndpointLease::report_silence() {
  if (silence_told_ || endpoint_->answered_at_ > begun_at_) return;
  silence_told_ = true;
  endpoint_->change_health(
      {Code::kTimeout, Source::kUpstream, 0, "it does not answer"},
      [&](Ejection& ejection, TimePoint now) { ejection.on_bad(now, begun_out_); });
}

// ---- Cluster.

Cluster::Cluster(event::Loop& loop, metrics::WorkerMetrics& metrics, const ClusterOptions& options)
    : loop_(loop),
      options_(options),
      group_{.metrics = metrics},
      balancer_(make_balancer_for(options)),
      loads_(options.endpoints.size()) {
  HT_ASSERT(!options.endpoints.empty());
  if (options.tls) tls_ = std::make_unique<tls::ClientContext>(*options.tls);
  for (size_t i = 0; i < options.endpoints.size(); ++i) {
    const EndpointOptions& endpoint = options.endpoints[i];
    HT_ASSERT(!endpoint.addresses.empty());
    HT_ASSERT(endpoint.weight > 0 && endpoint.weight * kWeightScale <= kWeightMax);
    endpoints_.push_back(std::make_unique<Endpoint>(*this, i, loop, metrics));
  }
}

namespace {

bool may_be_reached(const PickRequest& request, const Endpoint* endpoint, size_t addresses) {
  if (request.unreachable.empty()) return true;
  const auto failures =
      std::count(request.unreachable.begin(), request.unreachable.end(), endpoint);
  return static_cast<size_t>(failures) < addresses;
}

}  // namespace

PickResult Cluster::pick(const PickRequest& request) {
  const TimePoint now = loop_.now();
  if (group_.out > 0 && request.may_probe) {
    if (Endpoint* endpoint = wanting_probe(request, now))
      return {.lease = EndpointLease(*endpoint, true)};
  }
  const size_t start = next_start_;
  next_start_ = (next_start_ + 1) % endpoints_.size();
  // First without those to be avoided, then, if that leaves nobody, with them.
  for (const bool avoiding : {true, false}) {
    if (!avoiding && (request.avoided.empty() || request.only_healthy)) break;
    bool some_full = false;
    for (size_t i = 0; i < endpoints_.size(); ++i) {
      Endpoint& endpoint = *endpoints_[i];
      bool eligible = !endpoint.ejection_.is_out() &&
                      may_be_reached(request, &endpoint, endpoint.addresses_.size()) &&
                      !(avoiding && contains(request.avoided, &endpoint));
      if (eligible && endpoint.is_full()) {
        some_full = true;
        eligible = false;
      }
      loads_[i] = endpoint.load(now, eligible);
    }
    const std::optional<size_t> choice =
        balancer_->pick({.loads = loads_, .start = start, .key = request.key, .now = now});
    if (choice) return {.lease = EndpointLease(*endpoints_[*choice], false)};
    if (some_full) return {.lease = {}, .all_full = true};
  }
  Endpoint* last_hope = request.only_healthy ? nullptr : soonest_back(request);
  if (last_hope == nullptr) return {};
  if (last_hope->is_full()) return {.lease = {}, .all_full = true};
  const bool is_probe = last_hope->ejection_.wants_probe(now, true);
  return {.lease = EndpointLease(*last_hope, is_probe)};
}

Endpoint* Cluster::wanting_probe(const PickRequest& request, TimePoint now) const {
  for (const auto& endpoint : endpoints_) {
    if (endpoint->ejection_.wants_probe(now, request.replaceable) && !endpoint->is_full())
      return endpoint.get();
  }
  return nullptr;
}

Endpoint* Cluster::soonest_back(const PickRequest& request) const {
  Endpoint* soonest = nullptr;
  for (const auto& endpoint : endpoints_) {
    if (!may_be_reached(request, endpoint.get(), endpoint->addresses_.size())) continue;
    const bool sooner = soonest == nullptr ||
                        endpoint->ejection_.paused_until() < soonest->ejection_.paused_until();
    if (sooner) soonest = endpoint.get();
  }
  return soonest;
}

void Cluster::set_addresses(size_t endpoint_index, std::vector<net::Address> addresses) {
  HT_ASSERT(!addresses.empty());
  Endpoint& endpoint = *endpoints_[endpoint_index];
  endpoint.addresses_ = std::move(addresses);
  endpoint.ejection_.set_address_count(endpoint.addresses_.size());
  endpoint.transport_->on_addresses_changed();
}

void Cluster::drain() {
  for (const auto& endpoint : endpoints_) {
    if (endpoint->check_) endpoint->check_->stop();
    endpoint->transport_->drain();
  }
}

bool Cluster::is_idle() const {
  return std::all_of(endpoints_.begin(), endpoints_.end(),
                     [](const auto& endpoint) { return endpoint->transport_->is_idle(); });
}

}  // namespace httpteleport::upstream
