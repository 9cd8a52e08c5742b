#include "admin/openapi.h"

#include <vector>

#include "admin/openapi_schemas.h"
#include "base/text.h"
#include "service/json_writer.h"

namespace httpteleport::admin {

namespace {

using service::JsonWriter;

// How a document of the API is described: its content type, and its schema, or a list of that.
struct Shape {
  std::string_view content_type;
  std::string_view schema;  // empty: text
  bool is_list = false;
};

// JSON on the routes of the older program says that it is text, as that did.
Shape shape_of(const RouteInfo& route, Content content) {
  const std::string_view json =
      route.path.starts_with("/_config/h") ? "application/json" : "text/plain";
  switch (content) {
    case Content::kNothing:
    case Content::kText:
    case Content::kState:
    case Content::kSwitch:
      return {"text/plain", ""};
    case Content::kConfig:
      return {json, "Config"};
    case Content::kServiceConfig:
      return {json, "ServiceConfig"};
    case Content::kBackendConfig:
      return {json, "BackendConfig"};
    case Content::kAllStats:
      return {json, "ServiceStats", true};
    case Content::kServiceStats:
      return {json, "ServiceStats"};
    case Content::kBackendStats:
      return {json, "BackendStats"};
    case Content::kHistory:
      return {json, "HistoryEntry", true};
    case Content::kVersion:
      return {"application/json", "Version"};
    case Content::kPrometheus:
      return {"text/plain", ""};
    case Content::kEvents:
      return {"text/event-stream", ""};
    case Content::kOpenApi:
      return {"application/json", "object"};
  }
  return {};
}

void append_schema(JsonWriter& json, const Shape& shape) {
  json.key("schema");
  json.begin_object();
  if (shape.schema.empty() || shape.schema == "object") {
    json.member("type", shape.schema.empty() ? "string" : "object");
  } else {
    const std::string reference = "#/components/schemas/" + std::string(shape.schema);
    if (shape.is_list) {
      json.member("type", "array");
      json.key("items");
      json.begin_object();
    }
    json.member("$ref", reference);
    if (shape.is_list) json.end_object();
  }
  json.end_object();
}

void append_content(JsonWriter& json, const Shape& shape) {
  json.key("content");
  json.begin_object();
  json.text_key(shape.content_type);
  json.begin_object();
  append_schema(json, shape);
  json.end_object();
  json.end_object();
}

void append_parameter(JsonWriter& json, std::string_view name, std::string_view in,
                      std::string_view type, std::string_view description) {
  json.begin_object();
  json.member("name", name);
  json.member("in", in);
  if (in == "path") json.member("required", true);
  if (!description.empty()) json.member("description", description);
  json.key("schema");
  json.begin_object();
  json.member("type", type);
  json.end_object();
  json.end_object();
}

void append_parameters(JsonWriter& json, const RouteInfo& route) {
  json.key("parameters");
  json.begin_array();
  for (const std::string_view segment : pieces_of(route.path.substr(1), "/")) {
    if (!is_parameter(segment)) continue;
    const std::string_view name = segment.substr(1, segment.size() - 2);
    append_parameter(json, name, "path", name == "version" ? "integer" : "string", "");
  }
  for (const std::string_view name : pieces_of(route.query, " ")) {
    if (name == "replace")
      append_parameter(json, name, "query", "boolean", "what is not named is removed or reset");
    else
      append_parameter(json, name, "query", "integer", "the version to go back to");
  }
  if (route.is_change) {
    append_parameter(json, "dry_run", "query", "boolean", "all but carrying it out");
    append_parameter(json, "If-Match", "header", "string",
                     "the ETag that must be in force for the change to be made");
    append_parameter(json, "Prefer", "header", "string",
                     "return=minimal: an answer without the configuration");
  }
  if (route.answers == Content::kEvents)
    append_parameter(json, "Last-Event-ID", "header", "string", "the id of the last event seen");
  json.end_array();
}

void append_success(JsonWriter& json, const RouteInfo& route) {
  json.key("200");
  json.begin_object();
  json.member("description", "done");
  if (route.is_change || route.answers == Content::kConfig) {
    json.key("headers");
    json.begin_object();
    json.key("ETag");
    json.begin_object();
    json.member("description", "the version of the configuration, in quotation marks");
    append_schema(json, {"", ""});
    json.end_object();
    json.end_object();
  }
  if (!route.is_change) {
    append_content(json, shape_of(route, route.answers));
  } else {
    json.key("content");
    json.begin_object();
    if (route.answers != Content::kNothing) {
      json.text_key("text/plain");
      json.begin_object();
      append_schema(json, shape_of(route, route.answers));
      json.end_object();
    }
    json.text_key("application/json");  // of a dry run
    json.begin_object();
    append_schema(json, {"", "DryRun"});
    json.end_object();
    json.end_object();
  }
  json.end_object();
}

std::string_view meaning_of(std::string_view status) {
  if (status == "304") return "the client has it already";
  if (status == "400") return "a value is not accepted, or what is named is not there";
  if (status == "401") return "the token is missing or wrong";
  if (status == "403") return "a foreign Host or Origin";
  if (status == "404") return "what is named is not there";
  if (status == "412") return "another version is in force";
  if (status == "413") return "the body is too long";
  if (status == "500") return "not JSON, or a value is not accepted, or the state was not written";
  return "not now";
}

void append_responses(JsonWriter& json, const RouteInfo& route) {
  json.key("responses");
  json.begin_object();
  append_success(json, route);
  std::vector<std::string_view> statuses = pieces_of(route.failures, " ");
  statuses.insert(statuses.end(), {"401", "403"});
  for (const std::string_view status : statuses) {
    json.text_key(status);
    json.begin_object();
    json.member("description", meaning_of(status));
    if (status != "304") append_content(json, {"text/plain", ""});
    json.end_object();
  }
  json.end_object();
}

// A HEAD is a GET to this document's readers, PUT and POST are one to us: ids must be different.
std::string id_of(const RouteInfo& route, std::string_view method) {
  std::string id(route.id);
  if (method == "HEAD") id += "Head";
  if (method == "POST" && has_method(route.methods, "PUT")) id += "ByPost";
  return id;
}

void append_operation(JsonWriter& json, const RouteInfo& route, std::string_view method) {
  json.text_key(lower_case(method));
  json.begin_object();
  json.member("operationId", id_of(route, method));
  json.member("summary", route.summary);
  append_parameters(json, route);
  if (route.asks != Content::kNothing) {
    json.key("requestBody");
    json.begin_object();
    json.member("required", true);
    Shape shape = shape_of(route, route.asks);
    if (!shape.schema.empty()) shape.content_type = "application/json";
    append_content(json, shape);
    json.end_object();
  }
  append_responses(json, route);
  json.end_object();
}

// Routes of one path stand together.
void append_paths(JsonWriter& json, std::span<const RouteInfo> routes) {
  std::string_view open;
  for (const RouteInfo& route : routes) {
    if (route.path != open) {
      if (!open.empty()) json.end_object();
      json.text_key(route.path);
      json.begin_object();
      open = route.path;
    }
    for (const std::string_view method : pieces_of(route.methods, ", "))
      append_operation(json, route, method);
  }
  if (!open.empty()) json.end_object();
}

void append_security(JsonWriter& json) {
  json.key("securitySchemes");
  json.begin_object();
  json.key("token");
  json.begin_object();
  json.member("type", "http");
  json.member("scheme", "bearer");
  json.end_object();
  json.end_object();
}

}  // namespace

std::string openapi_document(std::span<const RouteInfo> routes, std::string_view version) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.member("openapi", "3.0.3");
  json.key("info");
  json.begin_object();
  json.member("title", "shuttle");
  json.member("description", "Reads and changes what a live proxy serves.");
  json.member("version", version);
  json.end_object();
  json.key("paths");
  json.begin_object();
  append_paths(json, routes);
  json.end_object();
  json.key("components");
  json.begin_object();
  append_security(json);
  json.key("schemas");
  json.begin_object();
  append_schemas(json);
  json.end_object();
  json.end_object();
  json.key("security");
  json.begin_array();
  json.begin_object();  // none, or the token: that is up to the flags
  json.end_object();
  json.begin_object();
  json.key("token");
  json.begin_array();
  json.end_array();
  json.end_object();
  json.end_array();
  json.end_object();
  return text + "\n";
}

}  // namespace httpteleport::admin
