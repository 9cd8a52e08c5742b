// What the admin API serves, as data: where the dispatcher finds its way, and what /_openapi.json
// is made of.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace httpteleport::admin {

enum class Content : unsigned char {
  kNothing,
  kText,
  kConfig,         // all of it
  kServiceConfig,  // of one service
  kBackendConfig,  // of one backend
  kAllStats,       // of all services
  kServiceStats,   // of one
  kBackendStats,   // of one
  kHistory,        // versions
  kVersion,        // what the program is
  kState,          // a word: what a backend is told to be
  kSwitch,         // a word: on or off
  kPrometheus,     // metrics
  kEvents,         // a stream
  kOpenApi,        // what you are reading
};

// One path with one meaning. Segments in braces match any text but an empty one.
struct RouteInfo {
  std::string_view path;
  std::string_view methods;  // "PUT, POST": as Allow has it
  std::string_view id;       // operationId
  std::string_view summary;
  Content asks = Content::kNothing;
  Content answers = Content::kNothing;
  std::string_view failures = "";  // statuses: "400 404"
  bool is_change = false;          // takes dry_run and If-Match, and answers with an ETag
  std::string_view query = "";     // names of further parameters of the query: "replace to"
};

// "{service}" and the like.
inline bool is_parameter(std::string_view segment) {
  return segment.starts_with('{');
}

// The pieces of `text` between `separator`s.
std::vector<std::string_view> pieces_of(std::string_view text, std::string_view separator);

// Whether `path` of a route is that of a request, which is `segments`; its parameters' values in
// order of the path.
bool matches(std::string_view path, std::span<const std::string> segments,
             std::vector<std::string>& parameters);

// Whether `methods` of a route has `method`.
bool has_method(std::string_view methods, std::string_view method);

}  // namespace httpteleport::admin
