#include "service/registry.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "service/describe.h"
#include "service/json.h"
#include "service/validate.h"
#include "service/value_forms.h"

namespace httpteleport::service {

namespace {

std::string text_of(const Problem& problem) {
  if (problem.service.empty()) return problem.text;
  return "service " + problem.service + ": " + problem.text;
}

std::vector<ServiceChange> differences(const ServiceMap& from, const ServiceMap& to) {
  std::vector<ServiceChange> all;
  for (const auto& [name, service] : from) {
    if (!to.contains(name)) all.push_back({service, nullptr});
  }
  for (const auto& [name, service] : to) {
    const auto before = from.find(name);
    if (before == from.end()) {
      all.push_back({nullptr, service});
    } else if (before->second != service) {
      all.push_back({before->second, service});
    }
  }
  return all;
}

}  // namespace

Registry::Registry(Runtime& runtime, StateFile* state, Options options)
    : runtime_(runtime),
      state_(state),
      options_(std::move(options)),
      listening_(options_.reserved),
      history_(options_.history_max) {
  if (!options_.unix_time)
    options_.unix_time = [] { return static_cast<int64_t>(std::time(nullptr)); };
}

Registry::~Registry() = default;

Outcome Registry::failed(Outcome::Kind kind, std::string message) const {
  Outcome outcome;
  outcome.kind = kind;
  outcome.message = std::move(message);
  outcome.version = version_;
  return outcome;
}

Registry::Plan Registry::new_plan() const {
  Plan plan;
  plan.globals = config_.globals;
  return plan;
}

MergeRules Registry::rules(const ChangeOptions& options) const {
  return {.replace = options.replace, .unnamed_backends = options_.unnamed_backends};
}

std::shared_ptr<const ServiceConfig> Registry::find(std::string_view service) const {
  const auto found = config_.services.find(service);
  return found == config_.services.end() ? nullptr : found->second;
}

std::optional<std::string> Registry::service_document(std::string_view service) const {
  const std::shared_ptr<const ServiceConfig> found = find(service);
  if (!found) return std::nullopt;
  return json_document(*found);
}

std::optional<Config> Registry::config_at(uint64_t version) const {
  return history_.at(version, config_);
}

std::optional<Problem> Registry::begin_with(const Plan& plan) {
  Change change = change_of(plan);
  change.globals = plan.globals;
  return runtime_.apply(change);
}

// False: there is none of that name.
bool Registry::leave_out(const std::string& service, Plan& plan) {
  const auto found = config_.services.find(service);
  if (found == config_.services.end()) return false;
  listening_.remove(*found->second);
  std::erase_if(plan.services,
                [&](const ServiceChange& one) { return one.after == found->second; });
  config_.services.erase(found);
  return true;
}

Outcome Registry::start(const StartConfig& start) {
  Plan plan = new_plan();
  plan.globals = start.config.globals;
  for (const auto& [name, service] : start.config.services)
    plan.services.push_back({nullptr, service});
  version_ = start.version;
  if (start.state_is_broken && state_) state_->keep_broken();
  // What is not in force would be gone from the state file with the next change.
  const auto keep_state = [&] {
    if (start.from == StartConfig::From::kState && state_) state_->keep_broken();
  };
  if (const std::optional<std::string> taken = occupy(plan)) {
    keep_state();
    return failed(Outcome::Kind::kInvalid, *taken);
  }
  config_ = start.config;
  while (const std::optional<Problem> problem = begin_with(plan)) {
    keep_state();
    // One service that cannot be is no reason to be without the others.
    if (!leave_out(problem->service, plan)) {
      vacate(plan);
      config_ = {};
      return failed(Outcome::Kind::kInvalid, text_of(*problem));
    }
    plan.outcome.warnings.push_back(text_of(*problem) + "; the service is left out");
  }
  for (const ServiceChange& one : plan.services)
    texts_.put(*one.after);
  const size_t count = config_.services.size();
  history_.add({version_, options_.unix_time(),
                "started with " + std::to_string(count) + (count == 1 ? " service" : " services")},
               config_.globals, {});
  plan.outcome.version = version_;
  return plan.outcome;
}

bool Registry::refuse(const ChangeOptions& options, const Done& done) const {
  if (!options.if_match || *options.if_match == version_) return false;
  done(failed(Outcome::Kind::kPreconditionFailed, "version " + std::to_string(version_) +
                                                      " is in force, not " +
                                                      std::to_string(*options.if_match)));
  return true;
}

void Registry::put_config(std::string_view json, const ChangeOptions& options, Done done) {
  if (refuse(options, done)) return;
  JsonRead<ConfigPatch> read = read_config(json);
  if (!read.ok()) return done(failed(Outcome::Kind::kBadJson, read.error));
  ConfigMerge merged = merge(config_, read.value, rules(options));
  Plan plan = new_plan();
  plan.globals = std::move(merged.globals);
  plan.services = std::move(merged.services);
  plan.outcome.warnings = std::move(read.warnings);
  finish(std::move(plan), options, done);
}

void Registry::replace_service(std::shared_ptr<const ServiceConfig> before, ServiceConfig after,
                               const ChangeOptions& options, Done done, Plan plan) {
  if (!before || *before != after) {
    plan.services.push_back(
        {std::move(before), std::make_shared<const ServiceConfig>(std::move(after))});
  }
  finish(std::move(plan), options, done);
}

void Registry::put_service(const std::string& name, std::string_view json,
                           const ChangeOptions& options, Done done) {
  if (refuse(options, done)) return;
  JsonRead<ServicePatch> read = read_service(json);
  if (!read.ok()) return done(failed(Outcome::Kind::kBadJson, read.error));
  if (read.value.name.value_or(name) != name) {
    return done(failed(Outcome::Kind::kMismatchedName, "Mismatched service name in API call"));
  }
  Plan plan = new_plan();
  plan.outcome.warnings = std::move(read.warnings);
  replace_service(find(name), merge(config_, name, read.value, rules(options)), options,
                  std::move(done), std::move(plan));
}

void Registry::remove_service(const std::string& name, const ChangeOptions& options, Done done) {
  if (refuse(options, done)) return;
  std::shared_ptr<const ServiceConfig> before = find(name);
  if (!before) return done(failed(Outcome::Kind::kUnknownService, "service does not exist"));
  Plan plan = new_plan();
  plan.services.push_back({std::move(before), nullptr});
  finish(std::move(plan), options, done);
}

void Registry::put_backend(const std::string& service, const std::string& backend,
                           std::string_view json, const ChangeOptions& options, Done done) {
  if (refuse(options, done)) return;
  JsonRead<BackendPatch> read = read_backend(json);
  if (!read.ok()) return done(failed(Outcome::Kind::kBadJson, read.error));
  std::shared_ptr<const ServiceConfig> before = find(service);
  if (!before) return done(failed(Outcome::Kind::kUnknownService, "service does not exist"));
  const std::string name = read.value.name.value_or(backend);
  ServiceConfig after = *before;
  auto place = std::ranges::find(after.backends, name, &BackendConfig::name);
  const bool fresh = place == after.backends.end();
  if (fresh) place = after.backends.insert(place, BackendConfig());
  if (fresh || options.replace) *place = new_backend(name, after.network);
  *place = merge(*place, read.value);
  Plan plan = new_plan();
  plan.outcome.warnings = std::move(read.warnings);
  replace_service(std::move(before), std::move(after), options, std::move(done), std::move(plan));
}

std::optional<size_t> Registry::find_backend(const ServiceConfig* service,
                                             const std::string& backend, const Done& done) const {
  if (!service) {
    done(failed(Outcome::Kind::kUnknownService, "service does not exist"));
    return std::nullopt;
  }
  const auto found = std::ranges::find(service->backends, backend, &BackendConfig::name);
  if (found == service->backends.end()) {
    done(failed(Outcome::Kind::kUnknownBackend, "backend does not exist"));
    return std::nullopt;
  }
  return static_cast<size_t>(found - service->backends.begin());
}

void Registry::remove_backend(const std::string& service, const std::string& backend,
                              const ChangeOptions& options, Done done) {
  if (refuse(options, done)) return;
  std::shared_ptr<const ServiceConfig> before = find(service);
  const std::optional<size_t> index = find_backend(before.get(), backend, done);
  if (!index) return;
  ServiceConfig after = *before;
  after.backends.erase(after.backends.begin() + static_cast<ptrdiff_t>(*index));
  replace_service(std::move(before), std::move(after), options, std::move(done), new_plan());
}

void Registry::set_backend_state(const std::string& service, const std::string& backend,
                                 std::string_view state, const ChangeOptions& options, Done done) {
  if (refuse(options, done)) return;
  std::shared_ptr<const ServiceConfig> before = find(service);
  const std::optional<size_t> index = find_backend(before.get(), backend, done);
  if (!index) return;
  if (state.empty() || (state != "auto" && !is_backend_state(state))) {
    return done(
        failed(Outcome::Kind::kInvalid,
               "state=" + quoted_value(state) + ": up, down, drain, maint and auto are accepted"));
  }
  ServiceConfig after = *before;
  after.backends[*index].state = state == "auto" ? "" : state;
  replace_service(std::move(before), std::move(after), options, std::move(done), new_plan());
}

void Registry::set_maintenance(const std::string& service, bool on, const ChangeOptions& options,
                               Done done) {
  if (refuse(options, done)) return;
  std::shared_ptr<const ServiceConfig> before = find(service);
  if (!before) return done(failed(Outcome::Kind::kUnknownService, "service does not exist"));
  ServiceConfig after = *before;
  after.maintenance_mode = on;
  replace_service(std::move(before), std::move(after), options, std::move(done), new_plan());
}

void Registry::rollback(std::optional<uint64_t> to, const ChangeOptions& options, Done done) {
  if (refuse(options, done)) return;
  const std::optional<uint64_t> version = to ? to : history_.previous();
  if (!version) {
    return done(failed(Outcome::Kind::kUnknownVersion,
                       "there is no version before " + std::to_string(version_)));
  }
  const std::optional<Config> target = config_at(*version);
  if (!target) {
    return done(failed(Outcome::Kind::kUnknownVersion,
                       "version " + std::to_string(*version) + " is not in the history"));
  }
  Plan plan = new_plan();
  plan.globals = target->globals;
  plan.services = differences(config_.services, target->services);
  plan.what = "rolled back to version " + std::to_string(*version) + ": ";
  finish(std::move(plan), options, done);
}

std::vector<std::string> Registry::problems_of(const Plan& plan) {
  std::vector<std::string> problems = validate(plan.globals);
  for (const ServiceChange& change : plan.services) {
    if (!change.after) continue;
    std::vector<std::string> found = validate(*change.after);
    problems.insert(problems.end(), std::make_move_iterator(found.begin()),
                    std::make_move_iterator(found.end()));
  }
  return problems;
}

std::optional<std::string> Registry::occupy(const Plan& plan) {
  for (const ServiceChange& change : plan.services) {
    if (change.before) listening_.remove(*change.before);
  }
  for (size_t i = 0; i < plan.services.size(); ++i) {
    if (!plan.services[i].after) continue;
    std::optional<std::string> taken = listening_.add(*plan.services[i].after);
    if (!taken) continue;
    Plan done;
    done.services.assign(plan.services.begin(), plan.services.begin() + static_cast<ptrdiff_t>(i));
    for (size_t rest = i; rest < plan.services.size(); ++rest)
      done.services.push_back({plan.services[rest].before, nullptr});
    vacate(done);
    return taken;
  }
  return std::nullopt;
}

void Registry::vacate(const Plan& plan) {
  for (const ServiceChange& change : plan.services) {
    if (change.after) listening_.remove(*change.after);
  }
  // They were there together before, so they still fit.
  for (const ServiceChange& change : plan.services) {
    if (change.before) listening_.add(*change.before);
  }
}

std::optional<std::string> Registry::unreadable(const Plan& plan) const {
  DocumentSize size = texts_.size();
  for (const ServiceChange& change : plan.services) {
    if (change.before) size.subtract(texts_.size_of(change.before->name));
    if (change.after) size.add(ConfigText::size_of(*change.after));
  }
  size.bytes += ConfigText::head_bytes(plan.globals, version_ + 1);
  const JsonReadLimits& limits = options_.document_limits;
  const auto line = [](size_t count, const char* what, size_t most) {
    return "the configuration would have " + std::to_string(count) + " " + what + "; at most " +
           std::to_string(most) + " can be read again";
  };
  if (size.bytes > limits.bytes_max) return line(size.bytes, "bytes", limits.bytes_max);
  if (size.services > limits.services_max)
    return line(size.services, "services", limits.services_max);
  if (size.backends > limits.backends_max)
    return line(size.backends, "backends", limits.backends_max);
  if (size.elements > limits.elements_max)
    return line(size.elements, "list elements", limits.elements_max);
  if (size.error_pages > limits.elements_max)
    return line(size.error_pages, "error_pages", limits.elements_max);
  return std::nullopt;
}

Change Registry::change_of(const Plan& plan) const {
  Change change;
  for (const ServiceChange& one : plan.services) {
    if (one.after) {
      change.put.push_back(one.after);
    } else {
      change.removed.push_back(one.name());
    }
  }
  if (plan.globals != config_.globals) change.globals = plan.globals;
  return change;
}

void Registry::finish(Plan plan, const ChangeOptions& options, const Done& done) {
  plan.outcome.version = version_;
  const std::vector<std::string> problems = problems_of(plan);
  if (!problems.empty()) return done(failed(Outcome::Kind::kInvalid, joined(problems)));
  if (const std::optional<std::string> why = unreadable(plan))
    return done(failed(Outcome::Kind::kInvalid, *why));
  describe(config_.globals, plan.globals, plan.outcome.changes);
  for (const ServiceChange& change : plan.services)
    describe(change.before.get(), change.after.get(), plan.outcome.changes);
  if (const std::optional<std::string> taken = occupy(plan))
    return done(failed(Outcome::Kind::kInvalid, *taken));
  if (options.dry_run) return try_out(std::move(plan), done);
  if (plan.outcome.changes.empty()) return save({}, {}, std::move(plan.outcome), done);
  if (const std::optional<Problem> problem = runtime_.apply(change_of(plan))) {
    vacate(plan);
    return done(failed(Outcome::Kind::kInvalid, text_of(*problem)));
  }
  commit(std::move(plan), done);
}

void Registry::try_out(Plan plan, const Done& done) {
  const std::optional<Problem> problem = runtime_.check(change_of(plan));
  vacate(plan);
  done(problem ? failed(Outcome::Kind::kInvalid, text_of(*problem)) : std::move(plan.outcome));
}

void Registry::commit(Plan plan, const Done& done) {
  const Globals globals_before = std::exchange(config_.globals, plan.globals);
  for (const ServiceChange& change : plan.services) {
    if (change.after) {
      config_.services.insert_or_assign(change.name(), change.after);
      texts_.put(*change.after);
    } else {
      config_.services.erase(change.name());
      texts_.remove(change.name());
    }
  }
  plan.outcome.version = ++version_;
  ConfigChange change;
  change.version = version_;
  change.summary = plan.what + summary(plan.outcome.changes);
  change.changes = plan.outcome.changes;
  std::string lines;
  if (state_) lines = journal_lines(config_.globals, version_, plan.services);
  history_.add({version_, options_.unix_time(), change.summary}, globals_before,
               std::move(plan.services));
  save(std::move(change), std::move(lines), std::move(plan.outcome), done);
}

void Registry::save(ConfigChange change, std::string journal_lines, Outcome outcome,
                    const Done& done) {
  const bool changed = change.version != 0;
  if (!state_) {
    if (changed) tell(change);
    return done(std::move(outcome));
  }
  auto written = [this, alive = std::weak_ptr<bool>(alive_), changed, change = std::move(change),
                  outcome = std::move(outcome), done](const std::string& problem) {
    if (alive.expired()) return;
    if (changed) tell(change);
    Outcome told = outcome;
    if (!problem.empty()) {
      told.kind = Outcome::Kind::kStateNotWritten;
      told.message = "the change is in force, but will be lost at a restart: " + problem;
    }
    done(std::move(told));
  };
  if (changed) {
    state_->submit(texts_.state_document(config_.globals, version_), std::move(journal_lines),
                   std::move(written));
  } else {
    state_->after_writes(std::move(written));
  }
}

void Registry::tell(const ConfigChange& change) {
  const std::vector<ConfigListener*> listeners = listeners_;
  for (ConfigListener* listener : listeners)
    listener->on_config_changed(change);
}

void Registry::add_listener(ConfigListener& listener) {
  listeners_.push_back(&listener);
}

void Registry::remove_listener(ConfigListener& listener) {
  std::erase(listeners_, &listener);
}

}  // namespace httpteleport::service
