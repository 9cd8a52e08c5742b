// The routes of the older program, to the letter.
#include "admin/service_api.h"

#include "admin/test_service_api.h"

namespace httpteleport::admin {
namespace {

constexpr std::string_view kEmptyConfig = R"({
  "check_interval": 0,
  "fall": 0,
  "rise": 0,
  "client_timeout": 0,
  "server_timeout": 0,
  "connect_timeout": 0,
  "https-redirect": false,
  "services": null
}
)";

constexpr std::string_view kWeb = R"({
  "name": "web",
  "address": "127.0.0.1:8001",
  "network": "tcp",
  "balance": "RR",
  "check_interval": 5000,
  "fall": 2,
  "rise": 2,
  "client_timeout": 0,
  "server_timeout": 0,
  "connect_timeout": 0,
  "https-redirect": false,
  "maintenance_mode": false,
  "backends": [
    {
      "name": "a",
      "address": "127.0.0.1:9",
      "check_address": "",
      "weight": 1
    }
  ]
}
)";

// As the older program's server sends them.
void expect_text(const TestAnswer& answer, int status) {
  EXPECT_EQ(answer.status, status);
  EXPECT_EQ(answer.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(answer.field("X-Content-Type-Options"), "nosniff");
}
void expect_error(const TestAnswer& answer, int status, std::string_view line) {
  expect_text(answer, status);
  EXPECT_EQ(answer.body, std::string(line) + "\n");
}
// One line, whatever it says.
void expect_error(const TestAnswer& answer, int status) {
  expect_text(answer, status);
  EXPECT_GT(answer.body.size(), 1U);
  EXPECT_EQ(answer.body.find('\n'), answer.body.size() - 1) << answer.body;
}

// Without the layout.
std::string packed(std::string_view json) {
  std::string text;
  for (const char c : json) {
    if (c != ' ' && c != '\n') text += c;
  }
  return text;
}

TEST_F(ServiceApiTest, SaysThatThereAreNoServices) {
  for (const char* path : {"/", "/_stats"}) {
    const TestAnswer answer = get(path);
    expect_text(answer, 503);
    EXPECT_EQ(answer.body, "[]\n");
  }
  EXPECT_EQ(get("/_config").body, kEmptyConfig);
}

TEST_F(ServiceApiTest, GivesStatisticsOfAllServices) {
  put_web();
  for (const char* path : {"/", "/_stats"}) {
    const TestAnswer answer = get(path);
    expect_text(answer, 200);
    EXPECT_TRUE(answer.body.starts_with("[\n  {\n    \"name\": \"web\",\n")) << answer.body;
    EXPECT_TRUE(answer.body.ends_with("  }\n]\n"));
  }
}

TEST_F(ServiceApiTest, GivesStatisticsOfAService) {
  put_web();
  runtime_.figures.sent = 1;
  runtime_.figures.http_errors = 2;
  runtime_.backend_figures.check_fail = 3;
  for (const char* path : {"/web", "/web/_stats"}) {
    const TestAnswer answer = get(path);
    expect_text(answer, 200);
    EXPECT_EQ(packed(answer.body),
              R"({"name":"web","address":"127.0.0.1:8001","virtual_hosts":null,"backends":[)"
              R"({"name":"a","address":"127.0.0.1:9","check_address":"","up":true,"weight":1,)"
              R"("sent":0,"received":0,"errors":0,"connections":0,"active":0,"http_active":0,)"
              R"("check_success":0,"check_fail":3}],"balance":"RR","check_interval":5000,)"
              R"("fall":2,"rise":2,"client_timeout":0,"server_timeout":0,"connect_timeout":0,)"
              R"("sent":1,"received":0,"errors":0,"connections":0,"active":0,"http_active":0,)"
              R"("http_connections":0,"http_errors":2})");
  }
  for (const char* path : {"/none", "/none/_stats"})
    expect_error(get(path), 404, "service does not exist");
}

TEST_F(ServiceApiTest, GivesStatisticsOfABackend) {
  put_web();
  const TestAnswer answer = get("/web/a");
  expect_text(answer, 200);
  EXPECT_TRUE(answer.body.starts_with("{\n  \"name\": \"a\",\n  \"address\": \"127.0.0.1:9\",\n"));
  expect_error(get("/web/none"), 404, "backend does not exist");
  expect_error(get("/none/a"), 404, "service does not exist");
}

TEST_F(ServiceApiTest, GivesTheConfigurationOfAService) {
  put_web();
  const TestAnswer answer = get("/web/_config");
  expect_text(answer, 200);
  EXPECT_EQ(packed(answer.body), packed(kWeb));
  expect_error(get("/none/_config"), 404, "service does not exist");
}

TEST_F(ServiceApiTest, GivesTheWholeConfigurationInTheOrderOfNames) {
  put_web();
  ASSERT_EQ(put("/b", R"({"address": "127.0.0.1:8002"})").status, 200);
  const TestAnswer answer = get("/_config");
  expect_text(answer, 200);
  EXPECT_LT(answer.body.find("\"name\": \"b\""), answer.body.find("\"name\": \"web\""));
}

TEST_F(ServiceApiTest, MergesAWholeConfiguration) {
  put_web();
  int number = 0;
  for (const char* path : {"/", "/_config"}) {
    for (const char* method : {"PUT", "POST"}) {
      const std::string name = "s" + std::to_string(++number);
      const TestAnswer answer =
          server_.ask(method, path,
                      R"({"rise": 3, "services": [{"name": ")" + name + R"(", "balance": "LC"}]})");
      EXPECT_EQ(answer.status, 200) << answer.body;
      EXPECT_EQ(answer.body, "");
      EXPECT_EQ(answer.head.count("Content-Type"), 0U);
      EXPECT_EQ(answer.field("Content-Length"), "0");
      EXPECT_EQ(config_of(name).balance, "LC");
    }
  }
  EXPECT_EQ(config_of("web").backends.size(), 1U);
  EXPECT_EQ(registry_.config().globals.rise, 3);
}

TEST_F(ServiceApiTest, RefusesAConfigurationThatIsNoJson) {
  const int applied = runtime_.applied;
  for (const char* path : {"/", "/_config"}) {
    for (const char* body :
         {"", "{", "[]", "\"x\"", "{\"rise\": \"x\"}", "{} x", "{\"rise\": 1.5}"})
      expect_error(put(path, body), 500);
  }
  EXPECT_EQ(runtime_.applied, applied);
}

TEST_F(ServiceApiTest, AppliesNothingOfAConfigurationThatIsWrongInPart) {
  expect_error(put("/_config", R"({"services": [{"name": "good"},
                                                {"name": "bad", "balance": "XX"}]})"),
               500);
  runtime_.problem = service::Problem{"web", "web: address=\"127.0.0.1:1\": permission denied"};
  expect_error(put("/", R"({"services": [{"name": "web"}]})"), 500);
  EXPECT_EQ(get("/_config").body, kEmptyConfig);
}

TEST_F(ServiceApiTest, MakesAndChangesAService) {
  for (const char* method : {"PUT", "POST"}) {
    const TestAnswer answer = server_.ask(
        method, "/web",
        R"({"address": "127.0.0.1:8001", "backends": [{"name": "a", "address": "x:1"}]})");
    expect_text(answer, 200);
    EXPECT_EQ(answer.body, get("/_config").body);
  }
  const TestAnswer answer = put("/web", R"({"name": "web", "fall": 7})");
  expect_text(answer, 200);
  EXPECT_EQ(config_of("web").fall, 7);
  EXPECT_EQ(config_of("web").address, "127.0.0.1:8001");
}

TEST_F(ServiceApiTest, TakesAServiceToAnotherAddress) {
  put_web();
  expect_text(put("/web", R"({"address": "127.0.0.1:8002", "client_timeout": 5})"), 200);
  EXPECT_EQ(config_of("web").address, "127.0.0.1:8002");
  EXPECT_EQ(config_of("web").client_timeout, 5);
}

TEST_F(ServiceApiTest, RefusesAServiceThatIsNoJson) {
  for (const char* body : {"", "{", "[]", "{\"fall\": \"x\"}"})
    expect_error(put("/web", body), 500);
}

TEST_F(ServiceApiTest, RefusesAServiceOfAnotherName) {
  expect_error(put("/web", R"({"name": "other"})"), 400, "Mismatched service name in API call");
  EXPECT_EQ(get("/_config").body, kEmptyConfig);
}

TEST_F(ServiceApiTest, RefusesAServiceThatCannotBe) {
  expect_error(put("/web", R"({"network": "ipx", "address": "127.0.0.1:1"})"), 400);
  runtime_.problem = service::Problem{"web", "web: address=\"127.0.0.1:1\": permission denied"};
  expect_error(put("/web", R"({"address": "127.0.0.1:1"})"), 400);
  EXPECT_EQ(get("/web").status, 404);
}

TEST_F(ServiceApiTest, RemovesAService) {
  put_web();
  const TestAnswer answer = server_.ask("DELETE", "/web");
  expect_text(answer, 200);
  EXPECT_EQ(answer.body, kEmptyConfig);
  expect_error(server_.ask("DELETE", "/web"), 404, "service does not exist");
}

TEST_F(ServiceApiTest, AddsAndChangesABackend) {
  put_web();
  for (const char* method : {"PUT", "POST"}) {
    const TestAnswer answer =
        server_.ask(method, "/web/b", R"({"address": "127.0.0.1:10", "weight": 3})");
    expect_text(answer, 200);
    EXPECT_EQ(answer.body, get("/_config").body);
  }
  ASSERT_EQ(config_of("web").backends.size(), 2U);
  EXPECT_EQ(config_of("web").backends[1].weight, 3);
}

TEST_F(ServiceApiTest, LetsABackendsDocumentNameAnother) {
  put_web();
  expect_text(put("/web/b", R"({"name": "c", "address": "127.0.0.1:10"})"), 200);
  EXPECT_EQ(get("/web/b").status, 404);
  EXPECT_EQ(get("/web/c").status, 200);
}

TEST_F(ServiceApiTest, RefusesABackendThatCannotBe) {
  put_web();
  for (const char* body : {"", "{", "[]", "{\"weight\": \"x\"}"})
    expect_error(put("/web/b", body), 500);
  expect_error(put("/none/b", R"({"address": "127.0.0.1:10"})"), 400, "service does not exist");
  expect_error(put("/web/b", R"({"address": "127.0.0.1:10", "weight": 1000})"), 400);
}

TEST_F(ServiceApiTest, RemovesABackend) {
  put_web();
  const TestAnswer answer = server_.ask("DELETE", "/web/a");
  expect_text(answer, 200);
  EXPECT_EQ(answer.body, get("/_config").body);
  expect_error(server_.ask("DELETE", "/web/a"), 400, "backend does not exist");
  expect_error(server_.ask("DELETE", "/none/a"), 400, "service does not exist");
}

TEST_F(ServiceApiTest, NamesTheMethodsThatThereAre) {
  put_web();
  const struct {
    const char* path;
    const char* allow;
  } cases[] = {
      {"/", "GET, PUT, POST"},
      {"/_config", "GET, PUT, POST"},
      {"/_stats", "GET"},
      {"/web", "GET, PUT, POST, DELETE"},
      {"/web/_stats", "GET"},
      {"/web/_config", "GET"},
      {"/web/a", "GET, PUT, POST, DELETE"},
  };
  for (const auto& c : cases) {
    for (const char* method : {"HEAD", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get"}) {
      if (has_method(c.allow, method)) continue;
      const TestAnswer answer = server_.ask(method, c.path);
      EXPECT_EQ(answer.status, 405) << method << " " << c.path;
      EXPECT_EQ(answer.field("Allow"), c.allow) << method << " " << c.path;
    }
  }
  EXPECT_EQ(put("/_stats", "{}").status, 405);
  EXPECT_EQ(put("/web/_stats", "{}").status, 405);
  EXPECT_EQ(config_of("web").backends.size(), 1U);
}

TEST_F(ServiceApiTest, KnowsNoOtherPaths) {
  put_web();
  for (const char* path : {"/web/", "/web/a/", "/web/a/b", "/web/a/_state/x", "//", "//web"})
    expect_error(get(path), 404, "404 page not found");
  expect_error(get("/%zz"), 400, "the path cannot be decoded");
  expect_error(get("/_nothing"), 404, "service does not exist");
}

TEST_F(ServiceApiTest, DecodesNamesInPaths) {
  ASSERT_EQ(put("/a%20%C3%A4", R"({"address": "127.0.0.1:8001"})").status, 200);
  EXPECT_NE(registry_.find("a \xc3\xa4"), nullptr);
  EXPECT_EQ(get("/a%20%c3%a4/_config").status, 200);
}

TEST_F(ServiceApiTest, RefusesABodyThatIsTooLong) {
  net::TestPeer& client = server_.connect();
  client.send("PUT /_config HTTP/1.1\r\nHost: h\r\nContent-Length: 67108865\r\n\r\n");
  EXPECT_EQ(server_.read(client).status, 413);
}

}  // namespace
}  // namespace httpteleport::admin
