#include "upstream/cluster.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/borrowed.h"
#include "base/log.h"

namespace httpteleport::upstream {

namespace {

// Loads carry finer weights than the options, so that slow start has steps.
constexpr uint32_t kWeightScale = 64;

// How long it is between two looks for endpoints that can be forgotten.
constexpr Duration kLeftInterval = std::chrono::seconds(1);

// What the certificate of the endpoint is for. A unix socket has no name of its own.
std::string host_of(const EndpointOptions& endpoint) {
  const Result<net::HostPort> target = net::parse_host_port(endpoint.name);
  return target && !target->host.empty() ? target->host : "localhost";
}

bool contains(std::span<Endpoint* const> list, const Endpoint* endpoint) {
  return std::find(list.begin(), list.end(), endpoint) != list.end();
}

// What we lack, or what a unix socket has too much of for a moment, speaks against no endpoint.
bool is_own_want(const Error& error) {
  switch (error.sys_errno) {
    case EAGAIN:
    case EADDRNOTAVAIL:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return true;
    default:
      return false;
  }
}

}  // namespace

// ---- Endpoint.

Endpoint::Endpoint(Cluster& cluster, size_t index, event::Loop& loop,
                   metrics::WorkerMetrics& metrics)
    : cluster_(cluster),
      options_(&cluster.options_->endpoints[index]),
      kind_(cluster.kind_of(*options_)),
      index_(index),
      in_service_(options_->in_service),
      addresses_(options_->addresses),
      ejection_(cluster.ejection_, cluster.group_, addresses_.size()) {
  // Links are opened before they are needed.
  if (kind_.protocol == Protocol::kTeleport) make_transport();
  if (cluster.worker_ < options_->counters.size()) counters_ = options_->counters[cluster.worker_];
  const HealthCheckOptions& check = cluster.options_->check;
  if (check.path.empty()) return;
  const uint64_t seed =
      mix_bits(cluster.options_->balancer.seed) + reinterpret_cast<uintptr_t>(this);
  check_ = std::make_unique<HealthCheck>(loop, metrics, check, options_->name,
                                         static_cast<CheckTarget&>(*this), seed);
}

event::Loop& Endpoint::loop() {
  return cluster_.loop_;
}

void Endpoint::take_options(const EndpointOptions& options, size_t index) {
  options_ = &options;
  index_ = index;
  if (options.addresses != addresses_) set_addresses(options.addresses);
  set_in_service(options.in_service);
}

void Endpoint::set_addresses(std::vector<net::Address> addresses) {
  addresses_ = std::move(addresses);
  ejection_.set_address_count(addresses_.size());
  if (transport_) transport_->on_addresses_changed();
}

void Endpoint::set_in_service(bool in_service) {
  if (in_service && !in_service_) ejection_.begin_slow_start(loop().now());
  in_service_ = in_service;
}

void Endpoint::leave(std::shared_ptr<const ClusterOptions> options) {
  // Another one of that name may count there now.
  if (counters_ && ejection_.is_out()) counters_->out.add(-1);
  leaving_with_ = std::move(options);
  drain();
}

void Endpoint::drain() {
  draining_ = true;
  if (check_) check_->stop();
  if (transport_) transport_->drain();
}

Transport& Endpoint::make_transport() {
  const TransportContext context{.loop = cluster_.loop_,
                                 .metrics = cluster_.metrics_,
                                 .addresses = addresses_,
                                 .tls = kind_.tls ? cluster_.tls_.get() : nullptr,
                                 .host = host_of(*options_),
                                 .link_metrics = cluster_.link_metrics_};
  if (kind_.protocol == Protocol::kTeleport) {
    auto links = std::make_unique<TeleportLinks>(context, cluster_.teleport_);
    links->learn_version();
    transport_ = std::move(links);
  } else {
    transport_ = std::make_unique<Http1Pool>(context, cluster_.http1_);
  }
  if (draining_) transport_->drain();
  return *transport_;
}

bool Endpoint::is_full(TimePoint now) const {
  if (options_->limits && options_->limits->is_full(now)) return true;
  const uint32_t limit =
      options_->pending_max > 0 ? options_->pending_max : cluster_.options_->pending_max;
  return limit > 0 && pending_ >= limit;
}

// One that is coming back slowly counts as having one exchange more than it has: an idle endpoint
// would be as good as any other idle one, whatever its weight.
EndpointLoad Endpoint::load(TimePoint now, bool eligible) {
  const uint32_t full_weight = std::max(1u, options_->weight) * kWeightScale;
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
  if (counters_ && is_member()) counters_->out.add(was_out ? -1 : 1);
  if (!was_out && is_member() && cluster_.observer_ != nullptr)
    cluster_.observer_->on_endpoint_out(*this, cause);
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
  return transport().open_stream(handler, {.fresh = true});
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
  if (endpoint.options_->limits) {
    limits_ = endpoint.options_->limits;
    limits_->begin(begun_at_);
  }
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
  is_request_ = std::exchange(other.is_request_, false);
  limits_ = std::move(other.limits_);
  begun_at_ = other.begun_at_;
  return *this;
}

void EndpointLease::release() {
  if (endpoint_ == nullptr) return;
  --endpoint_->pending_;
  if (limits_) std::exchange(limits_, nullptr)->end();
  if (std::exchange(is_request_, false)) endpoint_->counters_->http_active.add(-1);
  end_probe();
  endpoint_ = nullptr;
}

void EndpointLease::count_as_request() {
  if (endpoint_->counters_ == nullptr) return;
  is_request_ = true;
  endpoint_->counters_->http_requests.add();
  endpoint_->counters_->http_active.add(1);
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
  if (endpoint_->is_member())
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
  if (is_own_want(error)) return;
  if (endpoint_->counters_) endpoint_->counters_->errors.add();
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

Cluster::Cluster(event::Loop& loop, metrics::WorkerMetrics& metrics,
                 std::shared_ptr<const ClusterOptions> options, size_t worker,
                 metrics::LinkMetrics* link_metrics)
    : loop_(loop),
      metrics_(metrics),
      link_metrics_(link_metrics),
      options_(std::move(options)),
      worker_(worker),
      group_{.metrics = metrics} {
  take_values();
  for (size_t i = 0; i < options_->endpoints.size(); ++i)
    endpoints_.push_back(std::make_unique<Endpoint>(*this, i, loop, metrics));
  make_balancer();
}

Cluster::Cluster(event::Loop& loop, metrics::WorkerMetrics& metrics, const ClusterOptions& options)
    : Cluster(loop, metrics, borrowed(options)) {}

void Cluster::take_values() {
  ejection_ = options_->ejection;
  http1_ = options_->http1;
  teleport_ = options_->teleport;
  if (options_->tls) {
    if (tls_) {
      tls_->update(*options_->tls);
    } else {
      tls_ = std::make_unique<tls::ClientContext>(*options_->tls);
    }
  }
  has_links_ = false;
  for (const EndpointOptions& endpoint : options_->endpoints) {
    HT_ASSERT(endpoint.weight * kWeightScale <= kWeightMax);
    if (kind_of(endpoint).protocol == Protocol::kTeleport) has_links_ = true;
  }
}

bool Cluster::carries_whole_messages() const {
  return has_links_ && std::any_of(endpoints_.begin(), endpoints_.end(), [](const auto& endpoint) {
           return endpoint->carries_whole_messages();
         });
}

EndpointKind Cluster::kind_of(const EndpointOptions& endpoint) const {
  return endpoint.kind.value_or(EndpointKind{options_->protocol, options_->tls.has_value()});
}

void Cluster::make_balancer() {
  std::vector<std::string_view> names;
  for (const EndpointOptions& endpoint : options_->endpoints)
    names.push_back(endpoint.id.empty() ? endpoint.name : endpoint.id);
  balancer_ = upstream::make_balancer(options_->balancer, names);
  loads_.resize(names.size());
  next_start_ = 0;
}

namespace {

// Whom connections trust, and who they expect to meet.
bool is_same_tls(const std::optional<tls::ClientOptions>& a,
                 const std::optional<tls::ClientOptions>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->trusted == b->trusted && a->server_name == b->server_name &&
         a->certificate == b->certificate;
}

}  // namespace

void Cluster::update(std::shared_ptr<const ClusterOptions> options) {
  const std::shared_ptr<const ClusterOptions> before = std::exchange(options_, std::move(options));
  take_values();
  std::vector<std::unique_ptr<Endpoint>> old = std::move(endpoints_);
  endpoints_.clear();
  bool same_set = old.size() == options_->endpoints.size();
  // Connections that begin otherwise, or lead elsewhere, are others.
  const teleport::LinkOptions& link_before = before->teleport;
  const teleport::LinkOptions& link = options_->teleport;
  const bool same_wire =
      before->http1.proxy_header == options_->http1.proxy_header && link_before == link;
  const bool same_tls = is_same_tls(before->tls, options_->tls);
  for (size_t i = 0; i < options_->endpoints.size(); ++i) {
    std::unique_ptr<Endpoint> endpoint;
    const bool same_peer = same_tls || !kind_of(options_->endpoints[i]).tls;
    if (same_wire && same_peer) endpoint = take_same(old, options_->endpoints[i]);
    if (endpoint) {
      same_set = same_set && endpoint->index_ == i;
      endpoint->take_options(options_->endpoints[i], i);
    } else {
      same_set = false;
      endpoint = std::make_unique<Endpoint>(*this, i, loop_, metrics_);
    }
    endpoints_.push_back(std::move(endpoint));
  }
  for (std::unique_ptr<Endpoint>& endpoint : old) {
    if (!endpoint) continue;
    endpoint->leave(before);
    leaving_.push_back(std::move(endpoint));
  }
  if (!leaving_.empty()) loop_.set_timer(left_timer_, kLeftInterval);
  if (!same_set || before->balancer != options_->balancer) make_balancer();
}

std::unique_ptr<Endpoint> Cluster::take_same(std::vector<std::unique_ptr<Endpoint>>& from,
                                             const EndpointOptions& wanted) const {
  for (std::unique_ptr<Endpoint>& endpoint : from) {
    if (endpoint && endpoint->id() == wanted.id && endpoint->name() == wanted.name &&
        endpoint->kind_ == kind_of(wanted)) {
      return std::move(endpoint);
    }
  }
  return nullptr;
}

void Cluster::delete_left() {
  std::erase_if(leaving_, [](const auto& endpoint) { return endpoint->is_idle(); });
  if (!leaving_.empty()) loop_.set_timer(left_timer_, kLeftInterval);
}

namespace {

bool may_be_reached(const PickRequest& request, const Endpoint* endpoint, size_t addresses) {
  if (request.streams && endpoint->carries_whole_messages()) return false;
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
  if (endpoints_.empty()) return {};
  const size_t start = next_start_;
  next_start_ = (next_start_ + 1) % endpoints_.size();
  // First without those to be avoided, then, if that leaves nobody, with them.
  for (const bool avoiding : {true, false}) {
    if (!avoiding && (request.avoided.empty() || request.only_healthy)) break;
    bool some_full = false;
    for (size_t i = 0; i < endpoints_.size(); ++i) {
      Endpoint& endpoint = *endpoints_[i];
      bool eligible = endpoint.takes_new() && !endpoint.ejection_.is_out() &&
                      may_be_reached(request, &endpoint, endpoint.addresses_.size()) &&
                      !(avoiding && contains(request.avoided, &endpoint));
      if (eligible && endpoint.is_full(now)) {
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
  if (last_hope->is_full(now)) return {.lease = {}, .all_full = true};
  const bool is_probe = last_hope->ejection_.wants_probe(now, true);
  return {.lease = EndpointLease(*last_hope, is_probe)};
}

Endpoint* Cluster::wanting_probe(const PickRequest& request, TimePoint now) const {
  for (const auto& endpoint : endpoints_) {
    if (endpoint->takes_new() && endpoint->ejection_.wants_probe(now, request.replaceable) &&
        may_be_reached(request, endpoint.get(), endpoint->addresses_.size()) &&
        !endpoint->is_full(now))
      return endpoint.get();
  }
  return nullptr;
}

Endpoint* Cluster::soonest_back(const PickRequest& request) const {
  Endpoint* soonest = nullptr;
  for (const auto& endpoint : endpoints_) {
    if (!endpoint->takes_new() ||
        !may_be_reached(request, endpoint.get(), endpoint->addresses_.size())) {
      continue;
    }
    const bool sooner = soonest == nullptr ||
                        endpoint->ejection_.paused_until() < soonest->ejection_.paused_until();
    if (sooner) soonest = endpoint.get();
  }
  return soonest;
}

void Cluster::set_addresses(size_t endpoint_index, std::vector<net::Address> addresses) {
  HT_ASSERT(!addresses.empty());
  endpoints_[endpoint_index]->set_addresses(std::move(addresses));
}

void Cluster::set_in_service(size_t endpoint_index, bool in_service) {
  endpoints_[endpoint_index]->set_in_service(in_service);
}

bool Cluster::has_healthy() const {
  return std::any_of(endpoints_.begin(), endpoints_.end(), [](const auto& endpoint) {
    return endpoint->takes_new() && !endpoint->ejection_.is_out();
  });
}

void Cluster::drain() {
  for (const auto& endpoint : endpoints_)
    endpoint->drain();
}

bool Cluster::is_idle() const {
  const auto is_idle = [](const auto& endpoint) { return endpoint->is_silent(); };
  return std::all_of(endpoints_.begin(), endpoints_.end(), is_idle) &&
         std::all_of(leaving_.begin(), leaving_.end(), is_idle);
}

}  // namespace httpteleport::upstream
