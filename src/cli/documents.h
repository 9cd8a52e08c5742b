// The JSON documents of the admin API as shuttle-cli reads and writes them. Reading is lenient:
// what is missing or of another kind has its default, so that any version of the server will do.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/fields.h"
#include "service/runtime.h"

namespace httpteleport::cli {

// The body of a change that names `fields` alone; `name` is left out when empty.
std::string change_body(const std::string& name, const std::vector<FieldValue>& fields);

struct ServiceRow {
  std::string name;
  std::string address;
  std::vector<std::string> virtual_hosts;
  service::ServiceStats stats;
};

// Of GET /_stats, in its order; nothing when it is not a JSON array.
std::optional<std::vector<ServiceRow>> parse_stats(std::string_view body);
// Of GET /{service}/{backend}.
std::optional<service::BackendStats> parse_backend_stats(std::string_view body);

struct HistoryRow {
  std::string version;
  std::string time;
  std::string summary;
};
// Of GET /_config/history, in its order.
std::optional<std::vector<HistoryRow>> parse_history(std::string_view body);

// What a change would do, of ?dry_run=1.
struct Plan {
  std::vector<std::string> changes;
  std::vector<std::string> warnings;
};
std::optional<Plan> parse_plan(std::string_view body);

// An event of GET /_events for people: "2026-01-31T12:00:00Z backend_down web/b1 it refuses".
std::string event_text(std::string_view type, std::string_view data);
// The same for programs: one line of JSON, {"type":...,"data":...}.
std::string event_json(std::string_view id, std::string_view type, std::string_view data);

}  // namespace httpteleport::cli
