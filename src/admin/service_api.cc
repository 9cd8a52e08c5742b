#include "admin/service_api.h"

#include <algorithm>
#include <charconv>

#include "admin/openapi.h"
#include "admin/service_metrics.h"
#include "base/log.h"
#include "metrics/prometheus_text.h"
#include "service/json.h"
#include "service/json_writer.h"

namespace httpteleport::admin {

namespace {

using service::Outcome;
using service::ServiceConfig;
using service::ServiceStats;
using service::ServiceWithStats;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kNoService = "service does not exist";
constexpr std::string_view kNoBackend = "backend does not exist";
constexpr uint64_t kNoVersion = 0;  // never in force

Page json_page(std::string body) {
  return {.body = std::move(body), .content_type = kJson};
}

Page not_found(std::string_view line) {
  return error_page(404, std::string(line));
}

std::string quoted(uint64_t version) {
  return "\"" + std::to_string(version) + "\"";
}

// Whether the list of entity tags `list` has `tag`, or is "*". Weak ones are no match (RFC 9110
// section 13.1.1) unless `weak_too`.
bool has_tag(std::string_view list, std::string_view tag, bool weak_too) {
  while (const auto element = http::next_list_element(list)) {
    std::string_view one = *element;
    if (weak_too && one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag || one == "*") return true;
  }
  return false;
}

std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A body of one word, which may be a JSON string.
std::string_view word_of(std::string_view body) {
  constexpr std::string_view kAround = " \t\r\n\"";
  const size_t begin = body.find_first_not_of(kAround);
  if (begin == std::string_view::npos) return {};
  return body.substr(begin, body.find_last_not_of(kAround) - begin + 1);
}

// What an operator wants to know of whatever changes the configuration.
void log_change(const std::string& request, const Outcome& outcome) {
  if (outcome.ok()) {
    if (outcome.changes.empty()) return;
    log_line(LogLevel::kInfo, "configuration changed",
             {{"request", request},
              {"version", outcome.version},
              {"change", outcome.changes.front()},
              {"changes", outcome.changes.size()}});
    return;
  }
  const bool is_lost = outcome.kind == Outcome::Kind::kStateNotWritten;
  log_line(is_lost ? LogLevel::kError : LogLevel::kWarn,
           is_lost ? "configuration changed, but not saved" : "configuration not changed",
           {{"request", request}, {"reason", outcome.message}});
}

void append_texts(service::JsonWriter& json, std::string_view key,
                  const std::vector<std::string>& texts) {
  json.key(key);
  json.begin_array();
  for (const std::string& text : texts)
    json.value(text);
  json.end_array();
}

Page dry_run_page(const Outcome& outcome) {
  std::string text;
  service::JsonWriter json(text);
  json.begin_object();
  append_texts(json, "changes", outcome.changes);
  append_texts(json, "warnings", outcome.warnings);
  json.end_object();
  return json_page(text + "\n");
}

}  // namespace

struct ServiceApi::Route {
  RouteInfo info;
  void (ServiceApi::*serve)(Call&, Answer);
};

// The first path that matches is the one: a service's or a backend's name never is that of a page.
std::span<const ServiceApi::Route> ServiceApi::table() {
  using C = Content;
  static constexpr Route kTable[] = {
      {{"/", "GET", "getStats", "Statistics of all services; 503 and [] if there are none",
        C::kNothing, C::kAllStats, "503"},
       &ServiceApi::get_stats},
      {{"/", "PUT, POST", "putRoot", "The same as /_config", C::kConfig, C::kNothing, "412 413 500",
        true, "replace"},
       &ServiceApi::put_config},
      {{"/_stats", "GET", "getAllStats", "The same as /", C::kNothing, C::kAllStats, "503"},
       &ServiceApi::get_stats},
      {{"/_config", "GET", "getConfig", "The configuration in force", C::kNothing, C::kConfig,
        "304"},
       &ServiceApi::get_config},
      {{"/_config", "PUT, POST", "putConfig",
        "Changes what the document names; with replace it becomes the whole configuration",
        C::kConfig, C::kNothing, "412 413 500", true, "replace"},
       &ServiceApi::put_config},
      {{"/_config/history", "GET, HEAD", "getHistory",
        "Versions of the configuration, the newest first", C::kNothing, C::kHistory},
       &ServiceApi::get_history},
      {{"/_config/history/{version}", "GET, HEAD", "getVersionOfConfig",
        "The configuration as it was then", C::kNothing, C::kConfig, "404"},
       &ServiceApi::get_history_entry},
      {{"/_config/rollback", "POST", "rollBack",
        "Puts a version of the history into force, that before the present one if none is named",
        C::kNothing, C::kConfig, "400 404 412 413 500", true, "to"},
       &ServiceApi::roll_back},
      {{"/_health", "GET, HEAD", "getHealth", "Whether the process answers", C::kNothing, C::kText},
       &ServiceApi::get_health},
      {{"/_ready", "GET, HEAD", "getReady",
        "Whether it should be given traffic: it is not about to end, and a backend is up",
        C::kNothing, C::kText, "503"},
       &ServiceApi::get_ready},
      {{"/_metrics", "GET, HEAD", "getMetrics", "Metrics for Prometheus", C::kNothing,
        C::kPrometheus},
       &ServiceApi::get_metrics},
      {{"/_version", "GET, HEAD", "getVersion", "What program this is", C::kNothing, C::kVersion},
       &ServiceApi::get_version},
      {{"/_events", "GET", "getEvents", "What happens, as server-sent events", C::kNothing,
        C::kEvents, "503"},
       &ServiceApi::get_events},
      {{"/_openapi.json", "GET, HEAD", "getOpenApi", "This document", C::kNothing, C::kOpenApi},
       &ServiceApi::get_openapi},
      {{"/{service}", "GET", "getService", "Statistics of a service", C::kNothing, C::kServiceStats,
        "404"},
       &ServiceApi::get_service_stats},
      {{"/{service}", "PUT, POST", "putService",
        "Makes a service, or changes what the document names of it; with replace the rest gets its "
        "defaults",
        C::kServiceConfig, C::kConfig, "400 412 413 500", true, "replace"},
       &ServiceApi::put_service},
      {{"/{service}", "DELETE", "deleteService", "Removes a service", C::kNothing, C::kConfig,
        "404 412 500", true},
       &ServiceApi::delete_service},
      {{"/{service}/_stats", "GET", "getServiceStats", "Statistics of a service", C::kNothing,
        C::kServiceStats, "404"},
       &ServiceApi::get_service_stats},
      {{"/{service}/_config", "GET", "getServiceConfig", "The configuration of a service",
        C::kNothing, C::kServiceConfig, "304 404"},
       &ServiceApi::get_service_config},
      {{"/{service}/_maintenance", "PUT, POST", "putMaintenance",
        "Whether a service answers with its maintenance page", C::kSwitch, C::kConfig,
        "400 404 412 413 500", true},
       &ServiceApi::put_maintenance},
      {{"/{service}/{backend}", "GET", "getBackend", "Statistics of a backend", C::kNothing,
        C::kBackendStats, "404"},
       &ServiceApi::get_backend_stats},
      {{"/{service}/{backend}", "PUT, POST", "putBackend",
        "Adds a backend, or changes what the document names of it", C::kBackendConfig, C::kConfig,
        "400 412 413 500", true, "replace"},
       &ServiceApi::put_backend},
      {{"/{service}/{backend}", "DELETE", "deleteBackend", "Removes a backend", C::kNothing,
        C::kConfig, "400 412 500", true},
       &ServiceApi::delete_backend},
      {{"/{service}/{backend}/_state", "PUT, POST", "putState",
        "Takes a backend out of balancing or back, by hand", C::kState, C::kConfig,
        "400 404 412 413 500", true},
       &ServiceApi::put_state},
  };
  return kTable;
}

ServiceApi::ServiceApi(service::Registry& registry, service::Runtime& runtime, EventStream& events,
                       Options options)
    : registry_(registry), runtime_(runtime), events_(events), options_(std::move(options)) {}

std::vector<RouteInfo> ServiceApi::routes() {
  std::vector<RouteInfo> routes;
  for (const Route& route : table())
    routes.push_back(route.info);
  return routes;
}

void ServiceApi::serve(const Request& request, Answer answer) {
  std::vector<std::string> segments;
  Call call{request, {}, {}};
  if (!split_path(request.path(), segments))
    return answer.send(error_page(400, "the path cannot be decoded"));
  std::string_view path;  // of the routes that match
  std::string allow;
  for (const Route& route : table()) {
    if (path.empty() && matches(route.info.path, segments, call.names)) path = route.info.path;
    if (path != route.info.path) continue;
    if (has_method(route.info.methods, request.method_text))
      return run(route, call, std::move(answer));
    allow += (allow.empty() ? "" : ", ") + std::string(route.info.methods);
  }
  answer.send(path.empty() ? not_found("404 page not found") : method_not_allowed(allow));
}

void ServiceApi::run(const Route& route, Call& call, Answer answer) {
  if (route.info.is_change) {
    if (const Refusal refusal = read_change_options(call)) return answer.send(*refusal);
  }
  (this->*route.serve)(call, std::move(answer));
}

ServiceApi::Refusal ServiceApi::read_change_options(Call& call) const {
  const std::string_view query = call.request.query();
  call.change.dry_run = query_caution(query, "dry_run");
  call.change.replace = query_flag(query, "replace");
  const std::string* wanted = call.request.find("If-Match");
  if (wanted == nullptr) return std::nullopt;
  const bool matches_now = has_tag(*wanted, etag(), false);
  call.change.if_match = matches_now ? registry_.version() : kNoVersion;
  if (matches_now) return std::nullopt;
  Page page = error_page(412, "version " + etag() + " is in force, not " + *wanted);
  page.fields.emplace_back("ETag", etag());
  return page;
}

std::string ServiceApi::etag() const {
  return quoted(registry_.version());
}

// ---- What is read.

ServiceStats ServiceApi::stats_of(const ServiceConfig& config) const {
  return runtime_.stats(config.name).value_or(ServiceStats{});
}

void ServiceApi::get_stats(Call&, Answer answer) {
  const service::ServiceMap& services = registry_.config().services;
  std::vector<ServiceStats> stats;
  stats.reserve(services.size());
  std::vector<ServiceWithStats> shown;
  for (const auto& [name, config] : services) {
    stats.push_back(stats_of(*config));
    shown.push_back({config.get(), &stats.back()});
  }
  answer.send({.status = services.empty() ? 503 : 200, .body = service::json_document(shown)});
}

void ServiceApi::get_service_stats(Call& call, Answer answer) {
  const auto config = registry_.find(call.names[0]);
  if (!config) return answer.send(not_found(kNoService));
  const ServiceStats stats = stats_of(*config);
  answer.send({.body = service::json_document(ServiceWithStats{config.get(), &stats})});
}

void ServiceApi::get_backend_stats(Call& call, Answer answer) {
  const auto config = registry_.find(call.names[0]);
  if (!config) return answer.send(not_found(kNoService));
  const ServiceStats stats = stats_of(*config);
  for (const service::BackendStats& backend : stats.backends) {
    if (backend.name == call.names[1])
      return answer.send({.body = service::json_document(backend)});
  }
  answer.send(not_found(kNoBackend));
}

namespace {

// 304 if the client has it.
Page conditional_page(const Request& request, const std::string& tag, std::string body) {
  const std::string* known = request.find("If-None-Match");
  if (known != nullptr && has_tag(*known, tag, true))
    return {.status = 304, .content_type = "", .fields = {{"ETag", tag}}};
  return {.body = std::move(body), .fields = {{"ETag", tag}}};
}

}  // namespace

void ServiceApi::get_config(Call& call, Answer answer) {
  answer.send(conditional_page(call.request, etag(), registry_.document().text()));
}

void ServiceApi::get_service_config(Call& call, Answer answer) {
  std::optional<std::string> text = registry_.service_document(call.names[0]);
  if (!text) return answer.send(not_found(kNoService));
  answer.send(conditional_page(call.request, etag(), *std::move(text)));
}

void ServiceApi::get_history(Call&, Answer answer) {
  std::string text;
  service::JsonWriter json(text);
  json.begin_array();
  for (const service::HistoryEntry& entry : registry_.history()) {
    json.begin_object();
    json.member("version", static_cast<int64_t>(entry.version));
    json.member("time", entry.time);
    json.member("summary", entry.summary);
    json.end_object();
  }
  json.end_array();
  answer.send(json_page(text + "\n"));
}

void ServiceApi::get_history_entry(Call& call, Answer answer) {
  const std::optional<uint64_t> version = number_of(call.names[0]);
  const auto config = version ? registry_.config_at(*version) : std::nullopt;
  if (!config) return answer.send(not_found("version is not in the history"));
  answer.send(json_page(service::json_document(*config)));
}

void ServiceApi::get_health(Call&, Answer answer) {
  answer.send({.body = "alive\n"});
}

void ServiceApi::get_ready(Call&, Answer answer) {
  if (options_.is_draining && options_.is_draining())
    return answer.send(error_page(503, "draining"));
  for (const auto& [name, config] : registry_.config().services) {
    const ServiceStats stats = stats_of(*config);
    const auto is_up = [](const service::BackendStats& backend) { return backend.up; };
    if (std::any_of(stats.backends.begin(), stats.backends.end(), is_up))
      return answer.send({.body = "ready\n"});
  }
  answer.send(error_page(503, "no service has a backend that is up"));
}

void ServiceApi::get_metrics(Call&, Answer answer) {
  ProgramMetrics program;
  for (const auto& [key, value] : options_.build) {
    if (key == "version") program.version = value;
  }
  program.config_version = registry_.version();
  program.last_reload_ok = last_reload_ok_;
  program.state_written = *state_written_;
  program.event_streams = events_.streams_open();
  std::vector<std::pair<std::string, ServiceStats>> services;
  for (const auto& [name, config] : registry_.config().services)
    services.emplace_back(name, stats_of(*config));
  std::string text = service_metrics(program, services);
  if (options_.more_metrics) text += options_.more_metrics();
  answer.send({.body = std::move(text), .content_type = metrics::kPrometheusContentType});
}

void ServiceApi::get_version(Call&, Answer answer) {
  std::string text;
  service::JsonWriter json(text);
  json.begin_object();
  for (const auto& [key, value] : options_.build) {
    json.text_key(key);
    json.value(value);
  }
  json.end_object();
  answer.send(json_page(text + "\n"));
}

void ServiceApi::get_events(Call& call, Answer answer) {
  events_.serve(call.request, std::move(answer));
}

void ServiceApi::get_openapi(Call&, Answer answer) {
  std::string version;
  for (const auto& [key, value] : options_.build) {
    if (key == "version") version = value;
  }
  answer.send(json_page(openapi_document(routes(), version)));
}

// ---- What is changed.

void ServiceApi::put_config(Call& call, Answer answer) {
  registry_.put_config(call.request.body, call.change,
                       answer_with(call, std::move(answer), {.invalid = 500}, Then::kNothing));
}

void ServiceApi::put_service(Call& call, Answer answer) {
  registry_.put_service(call.names[0], call.request.body, call.change,
                        answer_with(call, std::move(answer), {}));
}

void ServiceApi::delete_service(Call& call, Answer answer) {
  registry_.remove_service(call.names[0], call.change,
                           answer_with(call, std::move(answer), {.unknown = 404}));
}

void ServiceApi::put_backend(Call& call, Answer answer) {
  registry_.put_backend(call.names[0], call.names[1], call.request.body, call.change,
                        answer_with(call, std::move(answer), {}));
}

void ServiceApi::delete_backend(Call& call, Answer answer) {
  registry_.remove_backend(call.names[0], call.names[1], call.change,
                           answer_with(call, std::move(answer), {}));
}

void ServiceApi::put_state(Call& call, Answer answer) {
  registry_.set_backend_state(call.names[0], call.names[1], word_of(call.request.body), call.change,
                              answer_with(call, std::move(answer), {.unknown = 404}));
}

void ServiceApi::put_maintenance(Call& call, Answer answer) {
  const std::string_view word = word_of(call.request.body);
  if (word != "on" && word != "off") {
    return answer.send(
        error_page(400, "\"" + std::string(word.substr(0, 100)) + "\": on and off are accepted"));
  }
  registry_.set_maintenance(call.names[0], word == "on", call.change,
                            answer_with(call, std::move(answer), {.unknown = 404}));
}

void ServiceApi::roll_back(Call& call, Answer answer) {
  std::optional<uint64_t> to;
  if (query_has(call.request.query(), "to")) {
    const std::string_view text = query_value(call.request.query(), "to");
    to = number_of(text);
    if (!to) {
      return answer.send(error_page(
          400, "to=" + std::string(text.substr(0, 100)) + ": the number of a version is accepted"));
    }
  }
  registry_.rollback(to, call.change, answer_with(call, std::move(answer), {.unknown = 404}));
}

service::Registry::Done ServiceApi::answer_with(const Call& call, Answer answer, Statuses statuses,
                                                Then then) {
  auto kept = std::make_shared<Answer>(std::move(answer));
  const std::string* prefer = call.request.find("Prefer");
  const bool is_minimal = prefer != nullptr && has_tag(*prefer, "return=minimal", false);
  if (is_minimal) then = Then::kNothing;
  const bool dry_run = call.change.dry_run;
  std::string what = call.request.method_text + " " + std::string(call.request.path());
  // Not `this`: the answer may come when the API has gone, but not when the registry has.
  return [&registry = registry_, written = state_written_, kept, statuses, then, dry_run,
          what = std::move(what)](const Outcome& outcome) {
    if (!dry_run) log_change(what, outcome);
    if (!dry_run && outcome.ok()) *written = true;
    if (outcome.kind == Outcome::Kind::kStateNotWritten) *written = false;
    Page page = !outcome.ok() ? failure_page(outcome, statuses)
                : dry_run     ? dry_run_page(outcome)
                              : changed_page(registry, outcome, then);
    if (!outcome.ok() || dry_run) page.fields.emplace_back("ETag", quoted(outcome.version));
    kept->send(page);
  };
}

// The document has changes that came into force meanwhile, and the tag is that of the document.
Page ServiceApi::changed_page(const service::Registry& registry, const Outcome& outcome,
                              Then then) {
  if (then == Then::kNothing)
    return {.content_type = "", .fields = {{"ETag", quoted(outcome.version)}}};
  return {.body = registry.document().text(), .fields = {{"ETag", quoted(registry.version())}}};
}

Page ServiceApi::failure_page(const Outcome& outcome, Statuses statuses) {
  switch (outcome.kind) {
    case Outcome::Kind::kOk:
      break;
    case Outcome::Kind::kBadJson:
      return error_page(statuses.bad_json, outcome.message);
    case Outcome::Kind::kInvalid:
      return error_page(statuses.invalid, outcome.message);
    case Outcome::Kind::kUnknownService:
    case Outcome::Kind::kUnknownBackend:
    case Outcome::Kind::kUnknownVersion:
      return error_page(statuses.unknown, outcome.message);
    case Outcome::Kind::kMismatchedName:
      return error_page(400, outcome.message);
    case Outcome::Kind::kPreconditionFailed:
      return error_page(412, outcome.message);
    case Outcome::Kind::kStateNotWritten:
      return error_page(500, outcome.message);
  }
  return {};
}

}  // namespace httpteleport::admin
