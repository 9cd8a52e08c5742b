#include "live/runtime.h"

#include <algorithm>
#include <ctime>
#include <random>

#include "base/log.h"
#include "live/endpoint_address.h"

namespace httpteleport::live {

namespace {

using service::BackendConfig;
using service::Problem;
using service::ServiceConfig;

uint64_t random_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

int64_t unix_now() {
  return static_cast<int64_t>(std::time(nullptr));
}

// Whether the backend takes what is new: what an operator says goes before what checks say.
bool takes_new(const BackendConfig& config, bool healthy) {
  if (config.state == "up") return true;
  return config.state.empty() && healthy;
}

health::CheckType check_type(const std::string& type) {
  if (type == "http") return health::CheckType::kHttp;
  if (type == "https") return health::CheckType::kHttps;
  if (type == "tls") return health::CheckType::kTls;
  if (type == "exchange") return health::CheckType::kExchange;
  return health::CheckType::kTcp;
}

std::shared_ptr<const health::CheckOptions> check_options(const ServiceConfig& config) {
  using std::chrono::milliseconds;
  const milliseconds interval(config.check_interval);
  const int64_t timeout = config.check.timeout > 0 ? config.check.timeout : config.connect_timeout;
  health::CheckOptions options{.type = check_type(config.check.type),
                               .path = config.check.path,
                               .status = config.check.status,
                               .send = config.check.send,
                               .expect = config.check.expect,
                               .interval = interval,
                               .rise = static_cast<uint32_t>(config.rise),
                               .fall = static_cast<uint32_t>(config.fall)};
  if (timeout > 0) options.timeout = milliseconds(timeout);
  options.timeout = std::min<Duration>(options.timeout, interval);
  return std::make_shared<const health::CheckOptions>(std::move(options));
}

// A unix socket has no name of its own.
std::string host_of(const BackendConfig& backend, const Place& place) {
  const bool is_unix = !place.addresses.empty() && place.addresses.front().is_unix();
  return is_unix ? "localhost" : backend.check_address;
}

bool wants_checks(const ServiceConfig& service, const BackendConfig& backend) {
  return !backend.check_address.empty() && service.check.type != "none" && backend.state != "maint";
}

int64_t sum_of(const std::vector<std::unique_ptr<metrics::ServiceMetrics>>& workers,
               metrics::Counter metrics::ServiceMetrics::*counter) {
  uint64_t sum = 0;
  for (const auto& worker : workers)
    sum += (worker.get()->*counter).value();
  return static_cast<int64_t>(sum);
}

// All workers have found that it fails, whatever its checks say.
bool is_left_alone(const upstream::EndpointOptions& endpoint) {
  return std::all_of(endpoint.counters.begin(), endpoint.counters.end(),
                     [](const auto& worker) { return worker->out.value() > 0; });
}

// What services and backends have in common, of all workers.
template <class Stats, class Workers>
void add_traffic(const Workers& workers, Stats& stats) {
  for (const auto& worker : workers) {
    const metrics::TrafficMetrics& traffic = *worker;
    stats.sent += static_cast<int64_t>(traffic.sent.value());
    stats.received += static_cast<int64_t>(traffic.received.value());
    stats.errors += static_cast<int64_t>(traffic.errors.value());
    stats.connections += static_cast<int64_t>(traffic.connections.value());
    stats.active += traffic.active.value();
    stats.http_active += traffic.http_active.value();
  }
}

}  // namespace

Runtime::Runtime(event::Loop& loop, std::vector<std::unique_ptr<Worker>>& workers,
                 PlanContext context, const std::vector<net::Address>& admin,
                 service::EventSink& events)
    : workers_(workers),
      context_(std::move(context)),
      redirects_(context_.https_redirect),
      events_(events),
      monitor_(loop, static_cast<health::HealthHandler&>(*this), random_seed()),
      names_(loop, {}, static_cast<net::NameHandler&>(*this)),
      pages_(loop, {.forbidden = admin}, static_cast<fetch::PageHandler&>(*this)) {}

Runtime::~Runtime() = default;

// ---- Changes.

std::optional<Problem> Runtime::check(const service::Change& change) {
  for (const auto& config : change.put) {
    if (auto problem = check_plan(context_, *config)) return problem;
  }
  return {};
}

std::optional<Problem> Runtime::apply(const service::Change& change) {
  if (stopped_) return Problem{"", "the program is ending, and takes no change any more"};
  OpenSockets open;
  const auto collect = [&](const std::string& name) {
    const auto service = services_.find(name);
    if (service == services_.end()) return;
    const OpenSockets& listening = service->second.plan->listening;
    open.insert(open.end(), listening.begin(), listening.end());
  };
  for (const auto& config : change.put)
    collect(config->name);
  for (const std::string& name : change.removed)
    collect(name);
  PlanContext context = context_;
  if (change.globals) context.https_redirect = redirects_ || change.globals->https_redirect;
  Plans plans;
  plans.reserve(change.put.size());
  for (const auto& config : change.put) {
    const auto known = services_.find(config->name);
    std::shared_ptr<ServicePlan> plan;
    const ServicePlan* before = known == services_.end() ? nullptr : known->second.plan.get();
    if (auto problem = make_plan(context, config, before, open, plan)) return problem;
    plans.push_back(std::move(plan));
  }
  if (context.https_redirect != context_.https_redirect) {
    context_.https_redirect = context.https_redirect;
    redirect_others(change, plans);
  }
  commit(plans, change.removed);
  close_unused(open, plans);
  return {};
}

// The workers have given them up.
void Runtime::close_unused(const OpenSockets& open, const Plans& plans) {
  for (const std::shared_ptr<ListenSocket>& socket : open) {
    const bool used = std::any_of(plans.begin(), plans.end(), [&](const auto& plan) {
      const OpenSockets& listening = plan->listening;
      return std::find(listening.begin(), listening.end(), socket) != listening.end();
    });
    if (!used) socket->close();
  }
}

// What is not named in a change takes part in it all the same, when it is about all.
void Runtime::redirect_others(const service::Change& change, Plans& plans) const {
  const auto is_named = [&](const std::string& name) {
    return std::any_of(change.put.begin(), change.put.end(),
                       [&](const auto& config) { return config->name == name; }) ||
           std::find(change.removed.begin(), change.removed.end(), name) != change.removed.end();
  };
  for (const auto& [name, service] : services_) {
    if (is_named(name)) continue;
    auto plan = std::make_shared<ServicePlan>(*service.plan);
    plan->https_redirect = context_.https_redirect || plan->config->https_redirect;
    plans.push_back(std::move(plan));
  }
}

void Runtime::reload_files() {
  Plans plans;
  for (const auto& [name, service] : services_) {
    if (!service.plan->cluster.tls) continue;
    auto plan = std::make_shared<ServicePlan>(*service.plan);
    if (const auto problem = read_tls_files(*plan)) {
      log_line(LogLevel::kError, problem->text, {{"service", name}});
    } else {
      plans.push_back(std::move(plan));
    }
  }
  commit(plans, {});
}

void Runtime::commit(const Plans& plans, const std::vector<std::string>& removed) {
  auto step = std::make_shared<Step>();
  step->removed = removed;
  for (const std::shared_ptr<ServicePlan>& plan : plans) {
    const Service* const before = find(plan->config->name);
    set_states(*plan);
    put_limits_in_force(*plan);
    change_pages(before == nullptr ? nullptr : before->plan.get(), plan.get());
    Step::Put& put = step->put.emplace_back(Step::Put{plan, make_pages(*plan->config), {}});
    for (const std::shared_ptr<ListenSocket>& socket : plan->listening)
      put.sockets.push_back(socket->sockets);
  }
  send(step);
  for (const std::string& name : removed)
    remove_service(name);
  for (const Step::Put& put : step->put) {
    Service& service = services_[put.plan->config->name];
    service.plan = put.plan;
    service.pages = put.pages;
    take_backends(service);
  }
}

const Runtime::Service* Runtime::find(const std::string& service) const {
  const auto found = services_.find(service);
  return found == services_.end() ? nullptr : &found->second;
}

// Who has asked for the change may count on it when he is told.
void Runtime::send(std::shared_ptr<const Step> step) {
  auto applied = std::make_shared<Countdown>(workers_.size());
  for (const auto& worker : workers_)
    worker->apply(step, applied);
  wait_for_workers(*applied);
}

void Runtime::wait_for_workers(Countdown& applied) {
  if (applied.wait(kApplyTimeout)) return;
  log_line(LogLevel::kError, "a worker is stuck: it has not taken a change up yet");
}

void Runtime::stop_listening() {
  stopped_ = true;
  auto applied = std::make_shared<Countdown>(workers_.size());
  for (const auto& worker : workers_)
    worker->stop_listening(applied);
  wait_for_workers(*applied);
  for (const auto& [name, service] : services_) {
    for (const std::shared_ptr<ListenSocket>& socket : service.plan->listening)
      socket->close();
  }
}

void Runtime::set_states(ServicePlan& plan) const {
  const Service* const service = find(plan.config->name);
  for (size_t i = 0; i < plan.cluster.endpoints.size(); ++i) {
    const BackendConfig& config = plan.config->backends[i];
    upstream::EndpointOptions& endpoint = plan.cluster.endpoints[i];
    bool healthy = true;
    if (service != nullptr && service->backends.contains(config.name)) {
      const Backend& backend = service->backends.find(config.name)->second;
      if (wants_checks(*plan.config, config)) healthy = backend.healthy;
      const Result<Place> place = parse_place(config.network, config.address);
      if (place && place->name && place->name == backend.address.target &&
          place->family == backend.address.family) {
        endpoint.addresses = backend.address.addresses;
      }
    }
    endpoint.in_service = takes_new(config, healthy);
  }
}

void Runtime::take_backends(Service& service) {
  const ServiceConfig& config = *service.plan->config;
  std::map<std::string, Backend> old = std::move(service.backends);
  service.backends.clear();
  // One object for all: the checks of thousands of services look at it.
  const auto options = check_options(config);
  for (size_t i = 0; i < config.backends.size(); ++i) {
    const BackendConfig& wanted = config.backends[i];
    auto known = old.extract(wanted.name);
    Backend& backend = known.empty() ? service.backends[wanted.name]
                                     : service.backends.insert(std::move(known)).position->second;
    if (backend.key == 0) {
      backend.service = config.name;
      backend.key = next_key_++;
      backend.since = unix_now();
    }
    backend.index = i;
    by_key_[backend.key] = &backend;
    find_addresses(service, backend);
    set_check(service, backend, wanted, options);
    note_status(service, backend);
  }
  for (auto& [name, backend] : old)
    remove_backend(backend);
}

// ---- Addresses of names.

void Runtime::find_addresses(const Service& service, Backend& backend) {
  const BackendConfig& config = service.plan->config->backends[backend.index];
  const Result<Place> place = parse_place(config.network, config.address);
  HT_ASSERT(place);  // make_plan() has read it
  look_up(backend.address, *place, backend);
  // Found before, for somebody else.
  const upstream::EndpointOptions& endpoint = service.plan->cluster.endpoints[backend.index];
  if (!backend.address.addresses.empty() && endpoint.addresses != backend.address.addresses) {
    for (const auto& worker : workers_)
      worker->set_addresses(backend.service, backend.index, backend.address.addresses);
  }
}

void Runtime::look_up(Name& name, const Place& place, Backend& backend) {
  if (name.target == place.name && name.family == place.family) {
    if (name.id == 0) name.addresses = place.addresses;
    return;
  }
  if (name.id != 0) {
    names_.remove(name.id);
    by_name_.erase(name.id);
  }
  name = {.id = 0, .target = place.name, .family = place.family, .addresses = place.addresses};
  if (!place.name) return;
  name.id = names_.add(*place.name);
  name.addresses = place.chosen(names_.find(name.id));
  by_name_[name.id] = &backend;
}

void Runtime::on_addresses(NameId id, const std::vector<net::Address>& addresses) {
  const auto found = by_name_.find(id);
  if (found == by_name_.end()) return;
  Backend& backend = *found->second;
  const Service& service = *find(backend.service);
  const BackendConfig& config = service.plan->config->backends[backend.index];
  if (id == backend.check_address.id) {
    backend.check_address.addresses = addresses;
    if (backend.is_checked) monitor_.set_addresses(backend.key, addresses);
    return;
  }
  backend.address.addresses = parse_place(config.network, config.address)->chosen(addresses);
  if (backend.address.addresses.empty()) return;
  for (const auto& worker : workers_)
    worker->set_addresses(backend.service, backend.index, backend.address.addresses);
  note_status(service, backend);
}

void Runtime::set_check(const Service& service, Backend& backend, const BackendConfig& wanted,
                        const std::shared_ptr<const health::CheckOptions>& options) {
  const bool was_checked = backend.is_checked;
  backend.is_checked = wants_checks(*service.plan->config, wanted);
  if (!backend.is_checked) {
    backend.healthy = true;
    if (was_checked) monitor_.remove(backend.key);
    return;
  }
  const Result<Place> place =
      parse_place(wanted.network == "unix" ? "unix" : "tcp", wanted.check_address);
  HT_ASSERT(place);  // make_plan() has read it
  look_up(backend.check_address, *place, backend);
  const std::string& host = service.plan->config->check.host;
  monitor_.set(backend.key, {.options = options,
                             .host = host.empty() ? host_of(wanted, *place) : host,
                             .addresses = backend.check_address.addresses});
}

void Runtime::remove_backend(Backend& backend) {
  by_key_.erase(backend.key);
  for (const Name* name : {&backend.address, &backend.check_address}) {
    if (name->id == 0) continue;
    names_.remove(name->id);
    by_name_.erase(name->id);
  }
  if (backend.is_checked) monitor_.remove(backend.key);
}

void Runtime::remove_service(const std::string& name) {
  const auto service = services_.find(name);
  if (service == services_.end()) return;
  for (auto& [backend_name, backend] : service->second.backends)
    remove_backend(backend);
  change_pages(service->second.plan.get(), nullptr);
  services_.erase(service);
}

// ---- Pages in place of errors.

void Runtime::change_pages(const ServicePlan* from, const ServicePlan* to) {
  // First the new ones, so that what stays is not fetched again.
  if (to != nullptr) {
    for (const auto& [url, statuses] : to->config->error_pages)
      pages_.add({.url = url, .statuses = statuses});
  }
  if (from == nullptr) return;
  for (const auto& [url, statuses] : from->config->error_pages)
    pages_.remove({.url = url, .statuses = statuses});
}

std::shared_ptr<const ErrorPages> Runtime::make_pages(const ServiceConfig& config) const {
  if (config.error_pages.empty()) return nullptr;
  auto made = std::make_shared<ErrorPages>();
  for (const auto& [url, statuses] : config.error_pages) {
    const std::shared_ptr<const fetch::Page> page = pages_.find({.url = url, .statuses = statuses});
    if (!page) continue;
    // A part of the page, which lives as long as it.
    const std::shared_ptr<const std::string> body(page, &page->body);
    for (const int64_t status : statuses)
      (*made)[static_cast<int>(status)] = {static_cast<int>(status), body, page->fields};
  }
  return made;
}

void Runtime::on_page(const fetch::PageSource& source, const std::shared_ptr<const fetch::Page>&) {
  for (auto& [name, service] : services_) {
    if (!service.plan->config->error_pages.contains(source.url)) continue;
    service.pages = make_pages(*service.plan->config);
    for (const auto& worker : workers_)
      worker->set_pages(name, service.pages);
  }
}

void Runtime::on_page_problem(const fetch::PageSource& source, const std::string& problem) {
  log_line(LogLevel::kWarn, "an error page cannot be fetched",
           {{"url", source.url}, {"cause", problem}});
  events_.on_event(
      {.type = "error_page", .service = "", .backend = "", .text = source.url + ": " + problem});
}

// ---- Health.

void Runtime::on_health(health::Key key, bool up, std::string_view reason) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  Backend& backend = *found->second;
  backend.healthy = up;
  const Service& service = *find(backend.service);
  const BackendConfig& config = service.plan->config->backends[backend.index];
  const bool in_service = takes_new(config, up);
  for (const auto& worker : workers_)
    worker->set_in_service(backend.service, backend.index, in_service);
  note_status(service, backend);
  log_line(
      up ? LogLevel::kInfo : LogLevel::kWarn, up ? "backend is up" : "backend is down",
      {{"service", backend.service}, {"backend", config.name}, {"cause", std::string(reason)}});
  events_.on_event({.type = up ? "backend_up" : "backend_down",
                    .service = backend.service,
                    .backend = config.name,
                    .text = std::string(reason)});
}

void Runtime::note_failure(const std::string& service, const std::string& backend,
                           const std::string& cause) {
  const Service* const found = find(service);
  if (found == nullptr) return;
  const auto known = found->backends.find(backend);
  if (known == found->backends.end() || !known->second.is_checked) return;
  monitor_.mark_down(known->second.key, cause);
}

bool Runtime::has_available() const {
  for (const auto& [name, service] : services_) {
    for (const auto& [backend_name, backend] : service.backends) {
      const BackendConfig& config = service.plan->config->backends[backend.index];
      if (config.weight > 0 && takes_new(config, backend.healthy)) return true;
    }
  }
  return false;
}

// ---- Statistics.

std::string Runtime::status_of(const BackendConfig& config, const Backend& backend) {
  if (!config.state.empty()) return config.state;
  if (config.weight == 0) return "drain";
  if (backend.address.addresses.empty()) return "unresolved";
  return backend.healthy ? "up" : "down";
}

void Runtime::note_status(const Service& service, Backend& backend) const {
  std::string status = status_of(service.plan->config->backends[backend.index], backend);
  if (status == backend.status) return;
  backend.status = std::move(status);
  backend.since = unix_now();
}

service::BackendStats Runtime::stats_of(const Service& service, size_t index) const {
  const BackendConfig& config = service.plan->config->backends[index];
  const upstream::EndpointOptions& endpoint = service.plan->cluster.endpoints[index];
  const Backend& backend = service.backends.find(config.name)->second;
  service::BackendStats stats{.name = config.name,
                              .address = config.address,
                              .check_address = config.check_address,
                              .up = takes_new(config, backend.healthy) && config.weight > 0 &&
                                    !backend.address.addresses.empty(),
                              .status = backend.status,
                              .last_error = "",
                              .up_since = backend.since,
                              .weight = config.weight};
  if (stats.up && is_left_alone(endpoint)) {
    stats.up = false;
    stats.status = "failing";
  }
  add_traffic(endpoint.counters, stats);
  for (const auto& worker : endpoint.counters)
    stats.http_requests += static_cast<int64_t>(worker->http_requests.value());
  if (!backend.is_checked) return stats;
  const health::Status checks = monitor_.status(backend.key);
  stats.check_success = static_cast<int64_t>(checks.successes);
  stats.check_fail = static_cast<int64_t>(checks.failures);
  stats.last_error = checks.last_error;
  return stats;
}

std::optional<service::ServiceStats> Runtime::stats(const std::string& name) {
  const auto found = services_.find(name);
  if (found == services_.end()) return {};
  const Service& service = found->second;
  const auto& workers = service.plan->shared->counters;
  service::ServiceStats stats;
  for (size_t i = 0; i < service.plan->cluster.endpoints.size(); ++i)
    stats.backends.push_back(stats_of(service, i));
  add_traffic(workers, stats);
  for (const auto& worker : workers)
    stats.http_connections += static_cast<int64_t>(worker->http_requests.value());
  stats.http_errors = sum_of(workers, &metrics::ServiceMetrics::http_errors);
  stats.limited = sum_of(workers, &metrics::ServiceMetrics::limited);
  stats.dropped = sum_of(workers, &metrics::ServiceMetrics::dropped);
  for (const auto& worker : workers) {
    stats.link_raw_sent += static_cast<int64_t>(worker->link.raw_sent.value());
    stats.link_wire_sent += static_cast<int64_t>(worker->link.wire_sent.value());
    stats.link_raw_received += static_cast<int64_t>(worker->link.raw_received.value());
    stats.link_wire_received += static_cast<int64_t>(worker->link.wire_received.value());
  }
  return stats;
}

}  // namespace httpteleport::live
