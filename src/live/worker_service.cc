#include "live/worker_service.h"

#include <algorithm>

#include "base/text.h"
#include "live/datagram_listener.h"

namespace httpteleport::live {

namespace {

constexpr Duration kDrainedInterval = std::chrono::seconds(1);
// A link cannot be told that its far end goes, and a busy one is never between two requests.
constexpr Duration kLinkDrainTimeout = std::chrono::seconds(10);

std::shared_ptr<const upstream::ClusterOptions> cluster_of(
    const std::shared_ptr<const ServicePlan>& plan) {
  return {plan, &plan->cluster};
}

}  // namespace

WorkerService::WorkerService(WorkerContext& worker, VirtualHosts& hosts, const Step::Put& put)
    : worker_(worker),
      hosts_(hosts),
      plan_(put.plan),
      metrics_(*plan_->shared->counters[worker.index]),
      cluster_(worker.loop, worker.metrics, cluster_of(plan_), worker.index, &metrics_.link),
      queue_(worker.loop, worker.metrics, plan_->exchanges.queue),
      policy_(worker.loop, metrics_),
      route_{cluster_,  nullptr, queue_, proxy::RetryBudget(plan_->exchanges.retry_budget),
             &metrics_, &policy_},
      relays_{relay::TcpService(
                  {worker.loop, worker.metrics, cluster_, metrics_, *this, &worker.pipes, this},
                  plan_->tcp),
              {}} {
  cluster_.set_observer(this);
  take_values(nullptr, put);
}

WorkerService::~WorkerService() {
  for (const std::string& host : plan_->config->virtual_hosts)
    hosts_.remove(host, *this);
}

void WorkerService::update(const Step::Put& put) {
  const std::shared_ptr<const ServicePlan> before = std::exchange(plan_, put.plan);
  cluster_.update(cluster_of(plan_));
  queue_.set_options(plan_->exchanges.queue);
  for (const auto& listener : listeners_)
    listener->leave_former();
  if (relays_.udp) relays_.udp->leave_former();
  take_values(before.get(), put);
  leave_those_that_are_down();
  queue_.wake();
}

// By hand, or by checks that an operator has overruled before. Those that drain keep what they
// have.
void WorkerService::leave_those_that_are_down() {
  const std::vector<upstream::EndpointOptions>& endpoints = plan_->cluster.endpoints;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const std::string& state = plan_->config->backends[i].state;
    if (endpoints[i].in_service || (!state.empty() && state != "down")) continue;
    leave(cluster_.endpoint(i));
  }
}

void WorkerService::take_values(const ServicePlan* before, const Step::Put& put) {
  // A copy of the worker's own: each request counts its use.
  route_.options = std::make_shared<const proxy::ExchangeOptions>(plan_->exchanges);
  policy_.set_plan(plan_);
  take_relay_values();
  update_hosts(before);
  update_listeners(put.sockets);
  set_pages(put.pages);
}

void WorkerService::update_hosts(const ServicePlan* before) {
  const std::vector<std::string>& hosts = plan_->config->virtual_hosts;
  if (before != nullptr) {
    if (before->config->virtual_hosts == hosts) return;
    for (const std::string& host : before->config->virtual_hosts)
      hosts_.remove(host, *this);
  }
  for (const std::string& host : hosts)
    hosts_.add(host, *this);
}

void WorkerService::give_up_listeners(const ServicePlan& next) {
  for (std::unique_ptr<ServiceListener>& listener : listeners_) {
    const bool stays = std::any_of(next.listening.begin(), next.listening.end(),
                                   [&](const auto& s) { return s.get() == listener->socket(); });
    if (!stays) give_up(std::move(listener));
  }
  std::erase(listeners_, nullptr);
}

void WorkerService::give_up(std::unique_ptr<ServiceListener> listener) {
  listener->drain();
  if (listener->is_idle()) return;
  draining_.push_back({std::move(listener), worker_.loop.now() + kLinkDrainTimeout});
  worker_.loop.set_timer(drained_timer_, kDrainedInterval);
}

// Those that are not wanted any more have been given up.
void WorkerService::update_listeners(const std::vector<KernelSockets>& sockets) {
  for (size_t i = 0; i < plan_->listening.size(); ++i) {
    const std::shared_ptr<ListenSocket>& socket = plan_->listening[i];
    const auto same = std::find_if(listeners_.begin(), listeners_.end(), [&](const auto& listener) {
      return listener->socket() == socket.get();
    });
    if (same == listeners_.end()) {
      listeners_.push_back(make_listener(socket, sockets[i]));
    } else {
      (*same)->set_plan(*plan_);
    }
  }
}

std::unique_ptr<ServiceListener> WorkerService::make_listener(
    std::shared_ptr<const ListenSocket> socket, const KernelSockets& sockets) {
  if (socket->kind == ListenKind::kUdp) {
    return std::make_unique<DatagramListener>(
        worker_, std::move(socket), sockets[worker_.index], *plan_, cluster_, metrics_,
        static_cast<relay::Backends&>(*this), static_cast<relay::SessionGate&>(*this));
  }
  return std::make_unique<StreamListener>(worker_, std::move(socket), sockets.front(), *plan_,
                                          route_, relays_);
}

void WorkerService::delete_drained() {
  for (const Draining& draining : draining_) {
    if (draining.listener->is_link() && worker_.loop.now() >= draining.until)
      draining.listener->abort();
  }
  std::erase_if(draining_, [](const auto& draining) { return draining.listener->is_idle(); });
  if (!draining_.empty()) worker_.loop.set_timer(drained_timer_, kDrainedInterval);
}

bool WorkerService::is_stream(const upstream::Endpoint& endpoint) {
  for (const service::BackendConfig& backend : plan_->config->backends) {
    if (backend.name == endpoint.id()) {
      return !service::is_datagram(backend.network) && !service::is_link(backend.network);
    }
  }
  return false;
}

std::optional<uint32_t> WorkerService::admit(const net::Address& client) {
  const ServiceLimits::Admission admission =
      plan_->shared->limits.enter(client, ServiceLimits::Kind::kConnections, worker_.loop.now());
  if (admission.answer != ServiceLimits::Answer::kAdmitted) return {};
  return admission.ticket;
}

void WorkerService::on_endpoint_out(const upstream::Endpoint& endpoint, const Error& cause) {
  if (worker_.failures != nullptr)
    worker_.failures->on_backend_out(plan_->config->name, endpoint.id(), in_words(cause));
}

void WorkerService::set_in_service(size_t backend, bool in_service) {
  cluster_.set_in_service(backend, in_service);
  if (in_service) return queue_.wake();
  leave(cluster_.endpoint(backend));
}

void WorkerService::leave(const upstream::Endpoint& endpoint) {
  for (const auto& listener : listeners_)
    listener->leave(endpoint);
  if (relays_.udp) relays_.udp->leave(endpoint);
}

void WorkerService::take_relay_values() {
  relays_.tcp.set_options(plan_->tcp);
  if (relays_.udp) {
    relays_.udp->set_options(plan_->udp);
  } else if (plan_->link_traffic == service::LinkTraffic::kUdp) {
    relays_.udp.emplace(relay::UdpContext{worker_.loop, worker_.metrics, worker_.datagrams,
                                          cluster_, metrics_, *this, this, worker_.descriptors_max},
                        nullptr, plan_->udp);
  }
}

void WorkerService::set_addresses(size_t backend, std::vector<net::Address> addresses) {
  cluster_.set_addresses(backend, std::move(addresses));
}

void WorkerService::retire() {
  for (const std::string& host : plan_->config->virtual_hosts)
    hosts_.remove(host, *this);
  drain_listeners();
}

void WorkerService::drain_listeners() {
  for (std::unique_ptr<ServiceListener>& listener : listeners_)
    give_up(std::move(listener));
  listeners_.clear();
  relays_.tcp.drain();
}

void WorkerService::abort() {
  for (const auto& listener : listeners_)
    listener->abort();
  for (const Draining& draining : draining_)
    draining.listener->abort();
  relays_.tcp.abort();
}

bool WorkerService::is_finished() const {
  const bool listening = std::any_of(draining_.begin(), draining_.end(),
                                     [](const auto& d) { return !d.listener->is_idle(); });
  return !listening && route_.exchanges == 0 && relays_.tcp.is_idle() && cluster_.is_idle();
}

}  // namespace httpteleport::live
