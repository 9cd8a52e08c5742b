#include "admin/openapi.h"

#include <nlohmann/json.hpp>
#include <set>

#include "admin/service_api.h"
#include "admin/test_service_api.h"
#include "base/text.h"
#include "service/json.h"

namespace httpteleport::admin {
namespace {

using Json = nlohmann::ordered_json;

class OpenApiTest : public ServiceApiTest {
 protected:
  OpenApiTest() {
    put_web();
    document_ = Json::parse(get("/_openapi.json").body, nullptr, false);
    EXPECT_TRUE(document_.is_object());
  }
  // Of a path of the document: what is there, or once was.
  static std::string filled(std::string path) {
    const auto put = [&](std::string_view name, std::string_view value) {
      const size_t at = path.find(name);
      if (at != std::string::npos) path.replace(at, name.size(), value);
    };
    put("{service}", "web");
    put("{backend}", "a");
    put("{version}", "1");
    return path;
  }
  static std::string upper(std::string text) {
    for (char& c : text)
      c = static_cast<char>(std::toupper(c));
    return text;
  }
  static std::string body_for(const std::string& path) {
    if (path.ends_with("/_state")) return "up";
    if (path.ends_with("/_maintenance")) return "on";
    return "{}";
  }
  TestAnswer ask(const std::string& method, const std::string& path) {
    const bool has_body = method == "put" || method == "post";
    const std::string query = has_body || method == "delete" ? "?dry_run=1" : "";
    return server_.ask(upper(method), filled(path) + query, has_body ? body_for(path) : "");
  }
  const Json& properties(const std::string& schema) {
    return document_["components"]["schemas"][schema]["properties"];
  }

  Json document_;
};

// Of the members of `json`, in order.
std::vector<std::string> names_in(const Json& json) {
  std::vector<std::string> names;
  for (const auto& [name, value] : json.items())
    names.push_back(name);
  return names;
}

template <class T>
Json document_of(const T& value) {
  return Json::parse(service::json_document(value));
}

TEST_F(OpenApiTest, HasWhatTheFormatAsksFor) {
  EXPECT_EQ(document_["openapi"], "3.0.3");
  EXPECT_EQ(document_["info"]["version"], "1.2.3");
  EXPECT_FALSE(document_["info"]["title"].get<std::string>().empty());
  std::set<std::string> ids;
  for (const auto& [path, methods] : document_["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      const auto id = operation["operationId"].get<std::string>();
      EXPECT_TRUE(ids.insert(id).second) << id;
      EXPECT_TRUE(operation["responses"].contains("200")) << id;
      for (const auto& [status, response] : operation["responses"].items())
        EXPECT_TRUE(response.contains("description")) << id << status;
    }
  }
}

TEST_F(OpenApiTest, NamesTheParametersOfEachPath) {
  for (const auto& [path, methods] : document_["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string rest = path;
      for (const Json& parameter : operation["parameters"]) {
        if (parameter["in"] != "path") continue;
        EXPECT_EQ(parameter["required"], true);
        const std::string name = "{" + parameter["name"].get<std::string>() + "}";
        ASSERT_NE(rest.find(name), std::string::npos) << path << name;
        rest.erase(rest.find(name), name.size());
      }
      EXPECT_EQ(rest.find('{'), std::string::npos) << path;
    }
  }
}

TEST_F(OpenApiTest, DescribesWhatIsServed) {
  for (const auto& [path, methods] : document_["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      if (path == "/_events") continue;  // has no end
      const TestAnswer answer = ask(method, path);
      const std::string status = std::to_string(answer.status);
      EXPECT_TRUE(operation["responses"].contains(status)) << method << path << answer.status;
      EXPECT_EQ(answer.status, 200) << method << path << answer.body;
      if (answer.body.empty()) continue;
      const std::string type = answer.field("Content-Type");
      EXPECT_TRUE(operation["responses"]["200"]["content"].contains(type.substr(0, type.find(';'))))
          << method << path << type;
    }
  }
}

TEST_F(OpenApiTest, DescribesAllThatIsServed) {
  for (const auto& [path, methods] : document_["paths"].items()) {
    for (const char* method :
         {"get", "head", "put", "post", "delete", "options", "trace", "patch"}) {
      if (methods.contains(method)) continue;
      const TestAnswer answer = server_.ask(upper(method), filled(path));
      EXPECT_EQ(answer.status, 405) << method << path;
      const std::string allow = answer.field("Allow");
      std::set<std::string> allowed;
      for (const std::string_view one : pieces_of(allow, ", "))
        allowed.insert(lower_case(one));
      std::set<std::string> described;
      for (const std::string& name : names_in(methods))
        described.insert(name);
      EXPECT_EQ(allowed, described) << path;
    }
  }
}

TEST_F(OpenApiTest, HasAllSchemasThatItNames) {
  const std::string text = document_.dump();
  const std::string prefix = "#/components/schemas/";
  for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
    const size_t begin = at + prefix.size();
    const std::string name = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_TRUE(document_["components"]["schemas"].contains(name)) << name;
  }
}

service::ServiceConfig full_service() {
  const service::Limits limits{1, 2, 3, 4};
  service::ServiceConfig config;
  config.name = "web";
  config.virtual_hosts = {"a"};
  config.error_pages = {{"text:x", {500}}};
  config.backends = {{"a", "b:1", "unix", "c:1", 2, "drain", limits}};
  config.listeners = {{"127.0.0.1:1", "unix"}};
  config.check = {"http", "/x", "h", {200}, "s", "e", 5};
  config.limits = config.client_limits = limits;
  config.slow_start = config.idle_timeout = config.sessions_max = 1;
  config.proxy_protocol = config.accept_proxy_protocol = "v1";
  config.proxy_protocol_from = {"127.0.0.1"};
  config.backend_header = config.tls_skip_verify = config.link_plain_bodies = true;
  config.link_protocol = "v2";
  config.link_traffic = "tcp";
  config.compression = "none";
  config.tls_ca_file = config.tls_server_name = "x";
  return config;
}

TEST_F(OpenApiTest, DescribesTheConfigurationAsItIsWritten) {
  service::Config config;
  config.globals.balance = "RR";
  config.services["web"] = std::make_shared<service::ServiceConfig>(full_service());
  const Json json = document_of(config);
  EXPECT_EQ(names_in(json), names_in(properties("Config")));
  const Json& service = json["services"][0];
  EXPECT_EQ(names_in(service), names_in(properties("ServiceConfig")));
  EXPECT_EQ(names_in(service["backends"][0]), names_in(properties("BackendConfig")));
  EXPECT_EQ(names_in(service["listeners"][0]), names_in(properties("ListenerConfig")));
  EXPECT_EQ(names_in(service["check"]), names_in(properties("Check")));
  EXPECT_EQ(names_in(service["limits"]), names_in(properties("Limits")));
}

TEST_F(OpenApiTest, DescribesStatisticsAsTheyAreWritten) {
  const service::ServiceConfig config = full_service();
  service::ServiceStats stats;
  stats.limited = stats.dropped = 1;
  stats.link_raw_sent = stats.link_wire_sent = 1;
  stats.link_raw_received = stats.link_wire_received = 1;
  service::BackendStats backend;
  backend.status = backend.last_error = "x";
  backend.up_since = backend.http_requests = 1;
  stats.backends = {backend};
  const Json json = document_of(service::ServiceWithStats{&config, &stats});
  EXPECT_EQ(names_in(json), names_in(properties("ServiceStats")));
  EXPECT_EQ(names_in(json["backends"][0]), names_in(properties("BackendStats")));
}

TEST_F(OpenApiTest, DescribesTheOtherDocuments) {
  const auto names_at = [&](const std::string& path) {
    Json json = Json::parse(get(path).body);
    if (json.is_array()) json = json[0];
    return names_in(json);
  };
  EXPECT_EQ(names_at("/_version"), names_in(properties("Version")));
  EXPECT_EQ(names_at("/_config/history"), names_in(properties("HistoryEntry")));
  const Json dry_run = Json::parse(put("/web?dry_run=1", "{}").body);
  EXPECT_EQ(names_in(dry_run), names_in(properties("DryRun")));
}

}  // namespace
}  // namespace httpteleport::admin
