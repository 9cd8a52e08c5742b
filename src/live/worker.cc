#include "live/worker.h"

#include <algorithm>

#include "proxy/http1_session.h"

namespace httpteleport::live {

namespace {

constexpr Duration kDrainCheckInterval = std::chrono::milliseconds(10);
constexpr Duration kRetiredCheckInterval = std::chrono::milliseconds(100);

std::unique_ptr<proxy::ExchangeReporter> make_reporter(event::Loop& loop,
                                                       metrics::WorkerMetrics& metrics,
                                                       proxy::AccessLogWriter* access_log) {
  if (access_log == nullptr) return nullptr;
  return std::make_unique<proxy::ExchangeReporter>(
      std::make_unique<proxy::AccessLog>(loop, metrics, *access_log), false);
}

}  // namespace

// ---- Front.

Worker::Front::Front(WorkerContext& worker, std::shared_ptr<const net::Socket> socket,
                     const WorkerOptions& options, proxy::Router& router, tls::ServerContext* tls)
    : exchanges_{worker.loop, worker.metrics, options.exchanges, router, worker.queue},
      handlers_(exchanges_),
      sessions_{worker.loop, worker.metrics, worker.lingering,
                worker.date, &handlers_,     options.http1,
                {}},
      listener_(worker.loop, std::move(socket), static_cast<net::AcceptHandler&>(*this),
                worker.metrics, worker.descriptors_max) {
  exchanges_.reporter = sessions_.reporter = worker.reporter;
  sessions_.tls = tls;
  sessions_.pipes = &worker.pipes;
}

Worker::Front::~Front() {
  abort();
}

void Worker::Front::start() {
  const bool listening = listener_.start().has_value();
  HT_ASSERT(listening);
}

// PROXY headers of backends name both ends.
void Worker::Front::on_accept(net::Socket socket, const net::Address& peer) {
  const net::Address local = net::local_address(socket.fd());
  proxy::Http1Session::start(sessions_, std::move(socket), peer, local);
}

void Worker::Front::drain() {
  listener_.close();
  sessions_.draining = true;
  sessions_.sessions.for_each([](net::Session& session) { session.drain(); });
}

void Worker::Front::abort() {
  while (!sessions_.sessions.empty())
    sessions_.sessions.front().abort();
}

// ---- Worker.

Worker::Worker(const WorkerOptions& options, std::shared_ptr<const net::Socket> http,
               std::shared_ptr<const net::Socket> https)
    : options_(options),
      lingering_(loop_, {}),
      queue_(loop_, metrics_, options.exchanges.queue),
      datagrams_(loop_),
      reporter_(make_reporter(loop_, metrics_, options.access_log)),
      tls_(options.tls ? std::make_unique<tls::ServerContext>(*options.tls) : nullptr),
      context_{options.index,
               loop_,
               metrics_,
               lingering_,
               date_,
               queue_,
               tls_.get(),
               reporter_.get(),
               datagrams_,
               pipes_,
               options.descriptors_max,
               options.failures} {
  loop_.pool().set_budget(options.buffer_bytes_max);
  if (http)
    fronts_.push_back(
        std::make_unique<Front>(context_, std::move(http), options_, hosts_, nullptr));
  if (https)
    fronts_.push_back(
        std::make_unique<Front>(context_, std::move(https), options_, hosts_, tls_.get()));
}

Worker::~Worker() {
  join();
  abort_all();
  loop_.delete_doomed();
  fronts_.clear();
  retired_.clear();
  services_.clear();
  loop_.delete_doomed();
}

void Worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::begin_accepting() {
  loop_.post([this] {
    for (const auto& front : fronts_)
      front->start();
  });
}

void Worker::join() {
  if (!thread_.joinable()) return;
  loop_.post([this] { loop_.stop(); });
  thread_.join();
}

void Worker::apply(std::shared_ptr<const Step> step, std::shared_ptr<Countdown> applied) {
  loop_.post([this, step = std::move(step), applied = std::move(applied)] {
    take(*step);
    applied->count_down();
  });
}

// Addresses may go from one service to another: all are given up before any is taken. What comes
// meanwhile waits in the kernel.
void Worker::take(const Step& step) {
  for (const Step::Put& put : step.put) {
    if (WorkerService* service = find(put.plan->config->name))
      service->give_up_listeners(*put.plan);
  }
  remove(step.removed);
  for (const Step::Put& put : step.put) {
    std::unique_ptr<WorkerService>& service = services_[put.plan->config->name];
    if (service) {
      service->update(put);
    } else {
      service = std::make_unique<WorkerService>(context_, hosts_, put);
    }
  }
}

void Worker::remove(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto service = services_.find(name);
    if (service == services_.end()) continue;
    retire(std::move(service->second));
    services_.erase(service);
  }
}

WorkerService* Worker::find(const std::string& service) {
  const auto found = services_.find(service);
  return found == services_.end() ? nullptr : found->second.get();
}

void Worker::set_in_service(std::string service, size_t backend, bool in_service) {
  loop_.post([this, service = std::move(service), backend, in_service] {
    if (WorkerService* found = find(service)) found->set_in_service(backend, in_service);
  });
}

void Worker::set_addresses(std::string service, size_t backend,
                           std::vector<net::Address> addresses) {
  loop_.post([this, service = std::move(service), backend, addresses = std::move(addresses)] {
    if (WorkerService* found = find(service)) found->set_addresses(backend, addresses);
  });
}

void Worker::set_pages(std::string service, std::shared_ptr<const ErrorPages> pages) {
  loop_.post([this, service = std::move(service), pages = std::move(pages)] {
    if (WorkerService* found = find(service)) found->set_pages(pages);
  });
}

void Worker::retire(std::unique_ptr<WorkerService> service) {
  service->retire();
  retired_.push_back(std::move(service));
  loop_.set_timer(retired_timer_, kRetiredCheckInterval);
}

void Worker::delete_finished() {
  std::erase_if(retired_, [](const auto& service) { return service->is_finished(); });
  if (!retired_.empty()) loop_.set_timer(retired_timer_, kRetiredCheckInterval);
}

// ---- The end.

void Worker::drain(Duration timeout, std::function<void()> on_drained) {
  loop_.post([this, timeout, on_drained = std::move(on_drained)]() mutable {
    begin_drain(timeout, std::move(on_drained));
  });
}

void Worker::stop_listening(std::shared_ptr<Countdown> applied) {
  loop_.post([this, applied = std::move(applied)] {
    for (const auto& front : fronts_)
      front->drain();
    for (auto& [name, service] : services_)
      service->drain_listeners();
    applied->count_down();
  });
}

void Worker::begin_drain(Duration timeout, std::function<void()> on_drained) {
  on_drained_ = std::move(on_drained);
  drain_deadline_ = loop_.now() + timeout;
  loop_.set_timer(drain_timer_, Duration::zero());
}

void Worker::check_drained() {
  if (loop_.now() >= drain_deadline_) abort_all();
  const bool sessions_left =
      std::any_of(fronts_.begin(), fronts_.end(), [](const auto& f) { return !f->is_idle(); });
  const bool services_left = std::any_of(services_.begin(), services_.end(), [](const auto& entry) {
    return !entry.second->is_finished();
  });
  delete_finished();
  const bool drained =
      !sessions_left && !services_left && retired_.empty() && lingering_.count() == 0;
  if (!drained && loop_.now() < drain_deadline_)
    return loop_.set_timer(drain_timer_, kDrainCheckInterval);
  if (reporter_) reporter_->flush();
  on_drained_();
}

void Worker::abort_all() {
  for (const auto& front : fronts_)
    front->abort();
  for (auto& [name, service] : services_)
    service->abort();
  for (const auto& service : retired_)
    service->abort();
}

}  // namespace httpteleport::live
