#include "admin/openapi_schemas.h"

#include <span>
#include <string>
#include <string_view>

namespace httpteleport::admin {

namespace {

using service::JsonWriter;

enum class Type : unsigned char {
  kText,
  kNumber,
  kMilliseconds,  // read as texts too: "10s"
  kSwitch,
  kTexts,
  kNumbers,
  kNumbersByText,
  kOne,   // another schema
  kMany,  // a list of it, or null
};

struct Field {
  std::string_view name;
  Type type;
  std::string_view text;      // what it means
  std::string_view schema{};  // of kOne and kMany
};

constexpr Field kConfig[] = {
    {"balance", Type::kText, "of services that do not have their own"},
    {"check_interval", Type::kMilliseconds, "of services that do not have their own"},
    {"fall", Type::kNumber, "of services that do not have their own"},
    {"rise", Type::kNumber, "of services that do not have their own"},
    {"client_timeout", Type::kMilliseconds, "of services that do not have their own"},
    {"server_timeout", Type::kMilliseconds, "of services that do not have their own"},
    {"connect_timeout", Type::kMilliseconds, "of services that do not have their own"},
    {"https-redirect", Type::kSwitch, "all services redirect to https"},
    {"services", Type::kMany, "all services", "ServiceConfig"},
};

constexpr Field kServiceConfig[] = {
    {"name", Type::kText, "not empty, no '/', does not begin with '_'"},
    {"address", Type::kText, "host:port to listen on, or a path; empty: none"},
    {"network", Type::kText, "tcp tcp4 tcp6 udp udp4 udp6 unix http https teleport teleports"},
    {"balance", Type::kText, "RR LC least-loaded p2c ewma hash:FIELD"},
    {"check_interval", Type::kMilliseconds, "between two health checks"},
    {"fall", Type::kNumber, "failed checks in a row that take a backend out"},
    {"rise", Type::kNumber, "good checks in a row that bring it back"},
    {"client_timeout", Type::kMilliseconds, "without a byte of the client; 0: none"},
    {"server_timeout", Type::kMilliseconds, "without a byte of the backend; 0: none"},
    {"connect_timeout", Type::kMilliseconds, "to connect to a backend; 0: 3 s"},
    {"https-redirect", Type::kSwitch, "requests over http are sent to https"},
    {"virtual_hosts", Type::kTexts, "host, host/path, *.host, *"},
    {"error_pages", Type::kNumbersByText, "statuses by page: http(s)://..., file:/..., text:..."},
    {"maintenance_mode", Type::kSwitch, "requests get 503"},
    {"backends", Type::kMany, "where to", "BackendConfig"},
    {"listeners", Type::kMany, "further addresses", "ListenerConfig"},
    {"check", Type::kOne, "how a backend's health is found out", "Check"},
    {"limits", Type::kOne, "of the service", "Limits"},
    {"client_limits", Type::kOne, "of each client address", "Limits"},
    {"slow_start", Type::kMilliseconds, "until a backend that has come back has its full weight"},
    {"idle_timeout", Type::kMilliseconds, "of a UDP session; 0: 60 s"},
    {"sessions_max", Type::kNumber, "UDP sessions at a time; 0: 10000"},
    {"proxy_protocol", Type::kText, "v1 v2: what backends are sent; empty: nothing"},
    {"accept_proxy_protocol", Type::kText, "v1 v2 any: what is expected; empty: nothing"},
    {"proxy_protocol_from", Type::kTexts, "addresses and CIDRs that it is taken from"},
    {"backend_header", Type::kSwitch, "answers say in X-Backend which backend they are of"},
    {"link_protocol", Type::kText, "auto v2 v0: of teleport links; empty: auto"},
    {"link_traffic", Type::kText, "http tcp udp: over links to its addresses; empty: by backends"},
    {"compression", Type::kText, "of what is sent over teleport links; empty: auto"},
    {"link_plain_bodies", Type::kSwitch, "bodies are not compressed toward teleport backends"},
    {"tls_ca_file", Type::kText, "for https and teleports backends; empty: the system's"},
    {"tls_server_name", Type::kText, "empty: the host of the backend's address"},
    {"tls_skip_verify", Type::kSwitch, "certificates of backends are not looked at"},
};

constexpr Field kBackendConfig[] = {
    {"name", Type::kText, "unique in its service"},
    {"address", Type::kText, "host:port, or a path"},
    {"network", Type::kText, "tcp tcp4 tcp6 udp udp4 udp6 unix http https teleport teleports"},
    {"check_address", Type::kText, "what is checked; empty: nothing, it is taken to be well"},
    {"weight", Type::kNumber, "0 to 256; 0: nothing new"},
    {"state", Type::kText, "by hand: up down drain maint; empty: health decides"},
    {"limits", Type::kOne, "of the backend", "Limits"},
};

constexpr Field kListenerConfig[] = {
    {"address", Type::kText, "host:port, or a path"},
    {"network", Type::kText, "tcp tcp4 tcp6 udp udp4 udp6 unix http https teleport teleports"},
};

constexpr Field kCheck[] = {
    {"type", Type::kText, "tcp http https tls exchange none; empty: tcp"},
    {"path", Type::kText, "http: the target of a GET"},
    {"host", Type::kText, "http: Host, TLS: the name; empty: those of the backend"},
    {"status", Type::kNumbers, "good statuses; empty: 200 to 399"},
    {"send", Type::kText, "exchange: what is said first"},
    {"expect", Type::kText, "exchange and http: must be in the answer"},
    {"timeout", Type::kMilliseconds, "0: connect_timeout, or the interval if that is shorter"},
};

constexpr Field kLimits[] = {
    {"connections", Type::kNumber, "at a time; of HTTP: requests at a time; 0: no limit"},
    {"connections_per_second", Type::kNumber, "new ones; 0: no limit"},
    {"requests_per_second", Type::kNumber, "HTTP only; 0: no limit"},
    {"burst", Type::kNumber, "at once; 0: those of a second"},
};

constexpr Field kServiceStats[] = {
    {"name", Type::kText, ""},
    {"address", Type::kText, ""},
    {"virtual_hosts", Type::kTexts, ""},
    {"backends", Type::kMany, "", "BackendStats"},
    {"balance", Type::kText, ""},
    {"check_interval", Type::kNumber, "ms"},
    {"fall", Type::kNumber, ""},
    {"rise", Type::kNumber, ""},
    {"client_timeout", Type::kNumber, "ms"},
    {"server_timeout", Type::kNumber, "ms"},
    {"connect_timeout", Type::kNumber, "ms"},
    {"sent", Type::kNumber, "bytes to clients"},
    {"received", Type::kNumber, "bytes from clients"},
    {"errors", Type::kNumber, ""},
    {"connections", Type::kNumber, "in all"},
    {"active", Type::kNumber, "connections now"},
    {"http_active", Type::kNumber, "requests now"},
    {"http_connections", Type::kNumber, "requests in all"},
    {"http_errors", Type::kNumber, "requests that no backend answered"},
    {"limited", Type::kNumber, "refused by a limit; left out if 0"},
    {"dropped", Type::kNumber, "datagrams that were not passed on; left out if 0"},
    {"link_raw_sent", Type::kNumber, "bytes over its links before compression; left out if 0"},
    {"link_wire_sent", Type::kNumber, "the same after it; left out if 0"},
    {"link_raw_received", Type::kNumber, "bytes after decompression; left out if 0"},
    {"link_wire_received", Type::kNumber, "the same before it; left out if 0"},
};

constexpr Field kBackendStats[] = {
    {"name", Type::kText, ""},
    {"address", Type::kText, ""},
    {"check_address", Type::kText, ""},
    {"up", Type::kSwitch, "takes what is new"},
    {"weight", Type::kNumber, ""},
    {"sent", Type::kNumber, "bytes to clients"},
    {"received", Type::kNumber, "bytes from clients"},
    {"errors", Type::kNumber, ""},
    {"connections", Type::kNumber, "in all"},
    {"active", Type::kNumber, "connections now"},
    {"http_active", Type::kNumber, "requests now"},
    {"check_success", Type::kNumber, ""},
    {"check_fail", Type::kNumber, ""},
    {"status", Type::kText, "up down drain maint failing unresolved"},
    {"up_since", Type::kNumber, "seconds since 1970: when status became what it is"},
    {"last_error", Type::kText, "of a check or of a connect; left out if there was none"},
    {"http_requests", Type::kNumber, "requests in all; left out if 0"},
};

constexpr Field kHistoryEntry[] = {
    {"version", Type::kNumber, ""},
    {"time", Type::kNumber, "seconds since 1970"},
    {"summary", Type::kText, "what was changed"},
};

constexpr Field kVersion[] = {
    {"name", Type::kText, ""},
    {"version", Type::kText, ""},
};

constexpr Field kDryRun[] = {
    {"changes", Type::kTexts, "what would be other than now, a line each"},
    {"warnings", Type::kTexts, "what is passed over, a line each"},
};

struct Schema {
  std::string_view name;
  std::span<const Field> fields;
};

constexpr Schema kSchemas[] = {
    {"Config", kConfig},
    {"ServiceConfig", kServiceConfig},
    {"BackendConfig", kBackendConfig},
    {"ListenerConfig", kListenerConfig},
    {"Check", kCheck},
    {"Limits", kLimits},
    {"ServiceStats", kServiceStats},
    {"BackendStats", kBackendStats},
    {"HistoryEntry", kHistoryEntry},
    {"Version", kVersion},
    {"DryRun", kDryRun},
};

void append_list_of(JsonWriter& json, std::string_view type) {
  json.member("type", "array");
  json.member("nullable", true);
  json.key("items");
  json.begin_object();
  json.member("type", type);
  json.end_object();
}

void append_reference(JsonWriter& json, std::string_view schema) {
  json.member("$ref", "#/components/schemas/" + std::string(schema));
}

void append_milliseconds(JsonWriter& json) {
  json.key("oneOf");
  json.begin_array();
  for (const std::string_view type : {"integer", "string"}) {
    json.begin_object();
    json.member("type", type);
    json.end_object();
  }
  json.end_array();
}

void append_statuses_by_text(JsonWriter& json) {
  json.member("type", "object");
  json.key("additionalProperties");
  json.begin_object();
  append_list_of(json, "integer");
  json.end_object();
}

void append_references(JsonWriter& json, std::string_view schema) {
  json.member("type", "array");
  json.member("nullable", true);
  json.key("items");
  json.begin_object();
  append_reference(json, schema);
  json.end_object();
}

void append_type(JsonWriter& json, const Field& field) {
  switch (field.type) {
    case Type::kText:
      return json.member("type", "string");
    case Type::kNumber:
      return json.member("type", "integer");
    case Type::kMilliseconds:
      return append_milliseconds(json);
    case Type::kSwitch:
      return json.member("type", "boolean");
    case Type::kTexts:
      return append_list_of(json, "string");
    case Type::kNumbers:
      return append_list_of(json, "integer");
    case Type::kNumbersByText:
      return append_statuses_by_text(json);
    case Type::kOne:
      return append_reference(json, field.schema);
    case Type::kMany:
      return append_references(json, field.schema);
  }
}

std::string description_of(const Field& field) {
  std::string text(field.text);
  if (field.type == Type::kMilliseconds)
    text = "milliseconds, or a text as \"10s\"" + std::string(text.empty() ? "" : ": ") + text;
  return text;
}

}  // namespace

void append_schemas(JsonWriter& json) {
  for (const Schema& schema : kSchemas) {
    json.key(schema.name);
    json.begin_object();
    json.member("type", "object");
    json.key("properties");
    json.begin_object();
    for (const Field& field : schema.fields) {
      json.key(field.name);
      json.begin_object();
      append_type(json, field);
      const std::string description = description_of(field);
      // Beside a reference nothing else counts.
      if (!description.empty() && field.type != Type::kOne) json.member("description", description);
      json.end_object();
    }
    json.end_object();
    json.end_object();
  }
}

}  // namespace httpteleport::admin
