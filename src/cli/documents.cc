#include "cli/documents.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace httpteleport::cli {

namespace {

using Json = nlohmann::ordered_json;

// Discarded when it is no JSON.
Json parse(std::string_view body) {
  return Json::parse(body, nullptr, /*allow_exceptions=*/false);
}

// Bytes that are no UTF-8 are replaced: dumping must not throw.
std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A text as it is, anything else as JSON; nothing for what is not there.
std::string as_text(const Json& value) {
  if (value.is_null() || value.is_discarded()) return {};
  return value.is_string() ? value.get<std::string>() : dump(value);
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? std::string() : as_text(*found);
}

int64_t number_at(const Json& object, const char* key, int64_t otherwise = 0) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<int64_t>() : otherwise;
}

const Json& array_at(const Json& object, const char* key) {
  static const Json kNone = Json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kNone;
}

std::vector<std::string> texts_of(const Json& array) {
  std::vector<std::string> texts;
  for (const Json& value : array)
    texts.push_back(as_text(value));
  return texts;
}

service::BackendStats backend_of(const Json& object) {
  service::BackendStats stats;
  stats.name = text_at(object, "name");
  stats.address = text_at(object, "address");
  stats.check_address = text_at(object, "check_address");
  stats.up = object.value("up", Json(true)) != Json(false);
  stats.status = text_at(object, "status");
  stats.last_error = text_at(object, "last_error");
  stats.up_since = number_at(object, "up_since");
  stats.weight = number_at(object, "weight", 1);
  stats.sent = number_at(object, "sent");
  stats.received = number_at(object, "received");
  stats.errors = number_at(object, "errors");
  stats.connections = number_at(object, "connections");
  stats.active = number_at(object, "active");
  stats.http_active = number_at(object, "http_active");
  stats.http_requests = number_at(object, "http_requests");
  stats.check_success = number_at(object, "check_success");
  stats.check_fail = number_at(object, "check_fail");
  if (stats.status.empty()) stats.status = stats.up ? "up" : "down";
  return stats;
}

ServiceRow service_of(const Json& object) {
  ServiceRow row{.name = text_at(object, "name"),
                 .address = text_at(object, "address"),
                 .virtual_hosts = texts_of(array_at(object, "virtual_hosts")),
                 .stats = {}};
  row.stats.sent = number_at(object, "sent");
  row.stats.received = number_at(object, "received");
  row.stats.errors = number_at(object, "errors");
  row.stats.connections = number_at(object, "connections");
  row.stats.active = number_at(object, "active");
  row.stats.http_active = number_at(object, "http_active");
  row.stats.http_connections = number_at(object, "http_connections");
  row.stats.http_errors = number_at(object, "http_errors");
  row.stats.limited = number_at(object, "limited");
  for (const Json& backend : array_at(object, "backends")) {
    if (backend.is_object()) row.stats.backends.push_back(backend_of(backend));
  }
  return row;
}

// Its texts have been checked with the command line.
Json pages_of(const std::vector<std::string>& list) {
  Json pages = Json::object();
  for (const std::string& page : list) {
    std::string url;
    std::vector<int64_t> statuses;
    if (parse_error_page(page, url, statuses)) pages[url] = statuses;
  }
  return pages;
}

Json value_of(const FieldValue& field) {
  switch (field.info->kind) {
    case FieldKind::kText:
      return field.text;
    case FieldKind::kNumber:
      return field.number;
    case FieldKind::kSwitch:
      return field.on;
    case FieldKind::kMilliseconds:
      return field.time.count();
    case FieldKind::kTexts: {
      const bool none = field.list.size() == 1 && field.list[0].empty();
      return none ? Json::array() : Json(field.list);
    }
    case FieldKind::kStatuses: {
      std::vector<int64_t> statuses;
      if (!field.text.empty()) parse_statuses(field.text, statuses);
      return Json(statuses);
    }
    case FieldKind::kErrorPages:
      break;
  }
  return pages_of(field.list);
}

// A time of the server's: seconds since 1970, or text.
std::string time_of(const Json& object) {
  const auto found = object.find("time");
  if (found == object.end() || !found->is_number()) return text_at(object, "time");
  return utc_date(found->get<int64_t>());
}

}  // namespace

std::string change_body(const std::string& name, const std::vector<FieldValue>& fields) {
  Json body = Json::object();
  if (!name.empty()) body["name"] = name;
  for (const FieldValue& field : fields) {
    const std::string path = field.info->path;
    const size_t dot = path.find('.');
    Json& place =
        dot == std::string::npos ? body[path] : body[path.substr(0, dot)][path.substr(dot + 1)];
    place = value_of(field);
  }
  return dump(body);
}

std::optional<std::vector<ServiceRow>> parse_stats(std::string_view body) {
  const Json json = parse(body);
  if (!json.is_array()) return std::nullopt;
  std::vector<ServiceRow> rows;
  for (const Json& service : json) {
    if (service.is_object()) rows.push_back(service_of(service));
  }
  return rows;
}

std::optional<service::BackendStats> parse_backend_stats(std::string_view body) {
  const Json json = parse(body);
  if (!json.is_object()) return std::nullopt;
  return backend_of(json);
}

std::optional<std::vector<HistoryRow>> parse_history(std::string_view body) {
  const Json json = parse(body);
  if (!json.is_array()) return std::nullopt;
  std::vector<HistoryRow> rows;
  for (const Json& entry : json) {
    if (!entry.is_object()) continue;
    rows.push_back({.version = text_at(entry, "version"),
                    .time = time_of(entry),
                    .summary = text_at(entry, "summary")});
  }
  return rows;
}

std::optional<Plan> parse_plan(std::string_view body) {
  const Json json = parse(body);
  if (!json.is_object()) return std::nullopt;
  return Plan{.changes = texts_of(array_at(json, "changes")),
              .warnings = texts_of(array_at(json, "warnings"))};
}

std::string event_text(std::string_view type, std::string_view data) {
  const Json json = parse(data);
  if (!json.is_object()) return std::string(type) + " " + std::string(data);
  std::string line = text_at(json, "time");
  line += (line.empty() ? "" : " ") + std::string(type);
  const std::string service = text_at(json, "service");
  const std::string backend = text_at(json, "backend");
  if (!service.empty()) line += " " + service + (backend.empty() ? "" : "/" + backend);
  if (const std::string text = text_at(json, "text"); !text.empty()) line += " " + text;
  return line;
}

std::string event_json(std::string_view id, std::string_view type, std::string_view data) {
  Json line = Json::object();
  if (!id.empty()) line["id"] = id;
  line["type"] = type;
  const Json json = parse(data);
  line["data"] = json.is_discarded() ? Json(data) : json;
  return dump(line);
}

}  // namespace httpteleport::cli
