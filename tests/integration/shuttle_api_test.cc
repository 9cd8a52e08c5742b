// The admin API of the older program, route by route, asked of the running one.
#include <regex>
#include <string>

#include "running_shuttle.h"

namespace httpteleport::test {
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

constexpr std::string_view kWebConfig = R"({
  "name": "web",
  "address": "",
  "network": "tcp",
  "balance": "RR",
  "check_interval": 5000,
  "fall": 2,
  "rise": 2,
  "client_timeout": 0,
  "server_timeout": 0,
  "connect_timeout": 0,
  "https-redirect": false,
  "virtual_hosts": [
    "web.test"
  ],
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

constexpr std::string_view kBackendStats = R"({
  "name": "a",
  "address": "127.0.0.1:9",
  "check_address": "",
  "up": true,
  "weight": 1,
  "sent": 0,
  "received": 0,
  "errors": 0,
  "connections": 0,
  "active": 0,
  "http_active": 0,
  "check_success": 0,
  "check_fail": 0
}
)";

constexpr std::string_view kWebStats = R"({
  "name": "web",
  "address": "",
  "virtual_hosts": [
    "web.test"
  ],
  "backends": [
    {
      "name": "a",
      "address": "127.0.0.1:9",
      "check_address": "",
      "up": true,
      "weight": 1,
      "sent": 0,
      "received": 0,
      "errors": 0,
      "connections": 0,
      "active": 0,
      "http_active": 0,
      "check_success": 0,
      "check_fail": 0
    }
  ],
  "balance": "RR",
  "check_interval": 5000,
  "fall": 2,
  "rise": 2,
  "client_timeout": 0,
  "server_timeout": 0,
  "connect_timeout": 0,
  "sent": 0,
  "received": 0,
  "errors": 0,
  "connections": 0,
  "active": 0,
  "http_active": 0,
  "http_connections": 0,
  "http_errors": 0
}
)";

constexpr const char* kWeb =
    R"({"virtual_hosts": ["web.test"], "backends": [{"name": "a", "address": "127.0.0.1:9"}]})";

// `document` as an element of what it is part of.
std::string indented(std::string_view document, const std::string& by) {
  std::string text = by;
  for (const char c : document.substr(0, document.size() - 1)) {
    text += c;
    if (c == '\n') text += by;
  }
  return text;
}

// The document of globals at their defaults with these services.
std::string config_of(const std::vector<std::string>& services) {
  std::string list = "[";
  for (const std::string& service : services)
    list += (list.size() == 1 ? "\n" : ",\n") + indented(service, "    ");
  std::string text(kEmptyConfig);
  return text.replace(text.find("null"), 4, list + "\n  ]");
}

void expect_text(const Message& answer, int status) {
  EXPECT_EQ(answer.outcome, Outcome::kComplete) << answer.error;
  EXPECT_EQ(answer.head.status, status) << answer.body;
  EXPECT_EQ(answer.head.find("Content-Type"), "text/plain; charset=utf-8");
}
// One line, which begins so.
void expect_error(const Message& answer, int status, const std::string& line = {}) {
  expect_text(answer, status);
  EXPECT_GT(answer.body.size(), 1U);
  EXPECT_EQ(answer.body.find('\n'), answer.body.size() - 1) << answer.body;
  if (!line.empty()) {
    EXPECT_EQ(answer.body, line + "\n");
  }
}
// Without what stands behind the older program's fields: what the status is, and since when.
std::string without_new_fields(const std::string& stats) {
  static const std::regex kNewFields(
      ",\\s*\"status\": \"up\",\\s*\"up_since\": \\d{10}(?=\\s*\\})");
  return std::regex_replace(stats, kNewFields, "");
}
void expect_stats(const Message& answer, std::string_view document) {
  expect_text(answer, 200);
  EXPECT_EQ(without_new_fields(answer.body), document);
}
void expect_document(const Message& answer, std::string_view document, int status = 200) {
  expect_text(answer, status);
  EXPECT_EQ(answer.body, document);
}

class ShuttleApi : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(shuttle_.started()); }
  void put_web() const { shuttle_.change("/web", kWeb); }
  std::string config() const { return shuttle_.get("/_config").body; }

  RunningShuttle shuttle_;
};

// ---- What is read.

TEST_F(ShuttleApi, AnswersGetOfAllStatisticsWith503AndAnEmptyArrayWithoutServices) {
  for (const char* path : {"/", "/_stats"})
    expect_document(shuttle_.get(path), "[]\n", 503);
}

TEST_F(ShuttleApi, GivesStatisticsOfAllServicesAsAnArray) {
  put_web();
  const std::string all = "[\n" + indented(kWebStats, "  ") + "\n]\n";
  for (const char* path : {"/", "/_stats"})
    expect_stats(shuttle_.get(path), all);
}

TEST_F(ShuttleApi, GivesTheWholeConfiguration) {
  expect_document(shuttle_.get("/_config"), kEmptyConfig);
  put_web();
  expect_document(shuttle_.get("/_config"), config_of({std::string(kWebConfig)}));
}

TEST_F(ShuttleApi, GivesServicesInOneOrder) {
  for (const char* name : {"m", "c", "z", "a"})
    shuttle_.change(std::string("/") + name, R"({"virtual_hosts": ["h"]})");
  const std::string text = config();
  size_t before = 0;
  for (const char* name : {"a", "c", "m", "z"}) {
    const size_t at = text.find("\"name\": \"" + std::string(name) + "\"");
    EXPECT_GT(at, before) << name;
    before = at;
  }
  EXPECT_EQ(config(), text);
}

TEST_F(ShuttleApi, GivesStatisticsOfAService) {
  put_web();
  for (const char* path : {"/web", "/web/_stats"})
    expect_stats(shuttle_.get(path), kWebStats);
  for (const char* path : {"/none", "/none/_stats"})
    expect_error(shuttle_.get(path), 404, "service does not exist");
}

TEST_F(ShuttleApi, GivesTheConfigurationOfAService) {
  put_web();
  expect_document(shuttle_.get("/web/_config"), kWebConfig);
  expect_error(shuttle_.get("/none/_config"), 404, "service does not exist");
}

TEST_F(ShuttleApi, GivesStatisticsOfABackend) {
  put_web();
  expect_stats(shuttle_.get("/web/a"), kBackendStats);
  expect_error(shuttle_.get("/web/none"), 404);
  expect_error(shuttle_.get("/none/a"), 404);
}

// ---- What is changed.

TEST_F(ShuttleApi, MergesAConfigurationAndAnswersWithoutABody) {
  put_web();
  int number = 0;
  for (const char* path : {"/", "/_config"}) {
    for (const char* method : {"PUT", "POST"}) {
      const std::string name = "s" + std::to_string(++number);
      const Message answer = shuttle_.ask(
          method, path, R"({"services": [{"name": ")" + name + R"(", "virtual_hosts": ["h"]}]})");
      EXPECT_EQ(answer.head.status, 200) << answer.body;
      EXPECT_EQ(answer.body, "");
      EXPECT_EQ(answer.head.find("Content-Length"), "0");
    }
  }
  for (const char* service : {"/web", "/s1", "/s2", "/s3", "/s4"})
    EXPECT_EQ(shuttle_.get(service).head.status, 200) << service;
}

TEST_F(ShuttleApi, Answers500ToAConfigurationThatIsNoJson) {
  put_web();
  const std::string before = config();
  for (const char* path : {"/", "/_config"}) {
    for (const char* method : {"PUT", "POST"}) {
      for (const char* body : {"", "{", "[]", "\"x\"", R"({"services": {}})", R"({"fall": "x"})"})
        expect_error(shuttle_.ask(method, path, body), 500);
    }
  }
  EXPECT_EQ(config(), before);
}

TEST_F(ShuttleApi, Answers500ToAConfigurationWithAServiceThatCannotBeAndAppliesNothing) {
  const Listener taken;
  const std::string good = R"({"name": "good", "virtual_hosts": ["h"]})";
  for (const std::string& bad :
       {std::string(R"({"name": "bad", "network": "ipx", "address": "127.0.0.1:1"})"),
        R"({"name": "bad", "address": ")" + taken.address().text() + "\"}"}) {
    const Message answer = shuttle_.put("/", R"({"services": [)" + good + "," + bad + "]}");
    expect_error(answer, 500);
    EXPECT_NE(answer.body.find("bad"), std::string::npos) << answer.body;
    EXPECT_EQ(config(), kEmptyConfig);
    EXPECT_EQ(shuttle_.fetch("h", "/").head.status, 404);
  }
}

TEST_F(ShuttleApi, MakesAServiceAndAnswersWithTheWholeConfiguration) {
  for (const char* method : {"PUT", "POST"}) {
    const Message answer = shuttle_.ask(method, "/web", kWeb);
    expect_document(answer, config_of({std::string(kWebConfig)}));
    EXPECT_EQ(shuttle_.ask("DELETE", "/web").head.status, 200);
  }
}

TEST_F(ShuttleApi, MergesIntoAService) {
  put_web();
  expect_text(shuttle_.put("/web", R"({"name": "web", "fall": 7})"), 200);
  std::string wanted(kWebConfig);
  wanted.replace(wanted.find("\"fall\": 2"), 9, "\"fall\": 7");
  expect_document(shuttle_.get("/web/_config"), wanted);
}

TEST_F(ShuttleApi, Answers500ToAServiceThatIsNoJson) {
  for (const char* method : {"PUT", "POST"}) {
    for (const char* body : {"", "{", "[]", R"({"fall": "x"})"})
      expect_error(shuttle_.ask(method, "/web", body), 500);
  }
  EXPECT_EQ(config(), kEmptyConfig);
}

TEST_F(ShuttleApi, Answers400ToAServiceOfAnotherName) {
  expect_error(shuttle_.put("/web", R"({"name": "other"})"), 400,
               "Mismatched service name in API call");
  EXPECT_EQ(config(), kEmptyConfig);
}

TEST_F(ShuttleApi, Answers400ToAnAddressThatIsTakenAndToAnUnknownNetwork) {
  const Listener taken;
  const std::string address = taken.address().text();
  const Message answer = shuttle_.put("/web", R"({"address": ")" + address + "\"}");
  expect_error(answer, 400);
  EXPECT_NE(answer.body.find(address), std::string::npos) << answer.body;
  expect_error(shuttle_.put("/web", R"({"address": "127.0.0.1:0", "network": "ipx"})"), 400);
  EXPECT_EQ(config(), kEmptyConfig);
}

TEST_F(ShuttleApi, TakesAServiceToAnotherAddress) {
  const Origin origin;
  const std::string backends = R"(, "backends": [)" + backend_json("a", origin.address()) + "]";
  const Address first = shuttle_.listen("/web", R"({"address": "127.0.0.1:0")" + backends + "}");
  const Address second = shuttle_.listen("/web", R"({"address": "localhost:0"})");
  EXPECT_EQ(test::get(second, "/bytes/10").head.status, 200);
  EXPECT_TRUE(wait_until([&] { return !Socket::connect(first).has_value(); }));
  shuttle_.change("/web", R"({"client_timeout": 5000})");
  EXPECT_EQ(shuttle_.number("/web/_config", "client_timeout"), 5000);
}

TEST_F(ShuttleApi, RemovesAServiceAndAnswersWithTheWholeConfiguration) {
  put_web();
  shuttle_.change("/b", R"({"virtual_hosts": ["b.test"]})");
  const Message answer = shuttle_.ask("DELETE", "/b");
  expect_document(answer, config_of({std::string(kWebConfig)}));
  expect_document(shuttle_.ask("DELETE", "/web"), kEmptyConfig);
  expect_error(shuttle_.ask("DELETE", "/web"), 404, "service does not exist");
}

TEST_F(ShuttleApi, AddsAndChangesABackend) {
  put_web();
  for (const char* method : {"PUT", "POST"}) {
    for (const char* weight : {"3", "5"}) {
      const Message answer =
          shuttle_.ask(method, "/web/b",
                       R"({"address": "127.0.0.1:10", "weight": )" + std::string(weight) + "}");
      expect_document(answer, config());
      EXPECT_EQ(shuttle_.number("/web/b", "weight"), weight[0] - '0');
    }
  }
  expect_stats(shuttle_.get("/web/a"), kBackendStats);
}

TEST_F(ShuttleApi, LetsTheNameInABackendsDocumentWin) {
  put_web();
  shuttle_.change("/web/b", R"({"name": "c", "address": "127.0.0.1:10"})");
  EXPECT_EQ(shuttle_.get("/web/b").head.status, 404);
  EXPECT_EQ(shuttle_.get("/web/c").head.status, 200);
}

TEST_F(ShuttleApi, TakesTheNameOfAHostAsABackendsAddressUnseen) {
  put_web();
  shuttle_.change("/web/b", R"({"address": "x:1"})");
}

TEST_F(ShuttleApi, TellsThatABackendIsUpOnceItsNameIsFound) {
  const std::string backend = R"({"name": "a", "address": "localhost:9"})";
  shuttle_.change("/web", host_json("web.test", backend));
  EXPECT_TRUE(shuttle_.wait_up("web/a"));
}

TEST_F(ShuttleApi, Answers400ToABackendOfAnUnknownServiceAnd500ToOneThatIsNoJson) {
  put_web();
  expect_error(shuttle_.put("/none/b", R"({"address": "127.0.0.1:10"})"), 400);
  for (const char* body : {"", "{", "[]", R"({"weight": "x"})"})
    expect_error(shuttle_.put("/web/b", body), 500);
}

TEST_F(ShuttleApi, RemovesABackend) {
  put_web();
  for (const char* path : {"/none/a", "/web/none"})
    expect_error(shuttle_.ask("DELETE", path), 400);
  const Message answer = shuttle_.ask("DELETE", "/web/a");
  expect_document(answer, config());
  EXPECT_EQ(shuttle_.get("/web/a").head.status, 404);
}

TEST_F(ShuttleApi, Answers405ToOtherMethods) {
  put_web();
  const std::string before = config();
  for (const char* path :
       {"/", "/_stats", "/_config", "/web", "/web/_stats", "/web/_config", "/web/a"}) {
    for (const char* method : {"HEAD", "PATCH", "OPTIONS", "BREW"})
      EXPECT_EQ(shuttle_.ask(method, path).head.status, 405) << method << " " << path;
  }
  for (const char* path : {"/", "/_stats", "/_config", "/web/_stats", "/web/_config"})
    EXPECT_EQ(shuttle_.ask("DELETE", path).head.status, 405) << path;
  for (const char* path : {"/_stats", "/web/_stats", "/web/_config"})
    EXPECT_EQ(shuttle_.put(path, "{}").head.status, 405) << path;
  EXPECT_EQ(config(), before);
}

// ---- Documents.

TEST_F(ShuttleApi, ChangesOnlyWhatADocumentNames) {
  shuttle_.change("/web", R"({"virtual_hosts": ["a.test", "b.test"], "balance": "LC",
      "check_interval": 700, "fall": 4, "rise": 5, "client_timeout": 1000, "server_timeout": 2000,
      "connect_timeout": 3000, "https-redirect": true, "maintenance_mode": true,
      "error_pages": {"http://127.0.0.1:9/x": [500, 503]},
      "backends": [{"name": "a", "address": "127.0.0.1:9", "weight": 3}]})");
  const std::string before = shuttle_.get("/web/_config").body;
  shuttle_.change("/web", "{}");
  EXPECT_EQ(shuttle_.get("/web/_config").body, before);
  shuttle_.change("/web", R"({"rise": 6})");
  std::string wanted = before;
  wanted.replace(wanted.find("\"rise\": 5"), 9, "\"rise\": 6");
  EXPECT_EQ(shuttle_.get("/web/_config").body, wanted);
  shuttle_.change("/web/a", R"({"check_address": "127.0.0.1:9"})");
  EXPECT_EQ(shuttle_.number("/web/a", "weight"), 3);
}

TEST_F(ShuttleApi, ReadsKeysWithoutCase) {
  shuttle_.change("/web", R"({"Virtual_Hosts": ["web.test"],
                              "BACKENDS": [{"NAME": "a", "Address": "127.0.0.1:9"}]})");
  expect_document(shuttle_.get("/web/_config"), kWebConfig);
}

TEST_F(ShuttleApi, LeavesWhatIsNullAsItIs) {
  put_web();
  shuttle_.change("/web", R"({"name": null, "virtual_hosts": null, "balance": null, "fall": null,
                              "https-redirect": null, "backends": null})");
  expect_document(shuttle_.get("/web/_config"), kWebConfig);
}

TEST_F(ShuttleApi, TakesTheLastOfDuplicateKeys) {
  put_web();
  shuttle_.change("/web", R"({"fall": 3, "FALL": 4, "fall": 5})");
  EXPECT_EQ(shuttle_.number("/web/_config", "fall"), 5);
}

TEST_F(ShuttleApi, IgnoresUnknownKeys) {
  shuttle_.change("/web", std::string(R"({"unknown": [{"x": 1}], )") + (kWeb + 1));
  expect_document(shuttle_.get("/web/_config"), kWebConfig);
}

TEST_F(ShuttleApi, RefusesAFractionWhereAnIntegerBelongs) {
  put_web();
  for (const char* number : {"1.0", "1.5", "1e3", "9223372036854775808", "\"x\"", "true", "[]"}) {
    expect_error(shuttle_.put("/web", R"({"fall": )" + std::string(number) + "}"), 500);
    expect_error(shuttle_.put("/_config", R"({"fall": )" + std::string(number) + "}"), 500);
    expect_error(shuttle_.put("/web/a", R"({"weight": )" + std::string(number) + "}"), 500);
  }
  expect_document(shuttle_.get("/web/_config"), kWebConfig);
}

TEST_F(ShuttleApi, RefusesBytesBehindADocument) {
  put_web();
  for (const char* path : {"/", "/_config", "/web", "/web/a"}) {
    expect_error(shuttle_.put(path, R"({"fall": 9} x)"), 500);
    expect_error(shuttle_.put(path, R"({"fall": 9}{})"), 500);
    EXPECT_EQ(shuttle_.put(path, "{} \n\t").head.status, 200) << path;
  }
  expect_document(shuttle_.get("/web/_config"), kWebConfig);
}

TEST_F(ShuttleApi, WritesTextsAsGoDoes) {
  shuttle_.change("/a<&>b", R"({"virtual_hosts": ["h"]})");
  EXPECT_NE(config().find(R"("name": "a\u003c\u0026\u003eb")"), std::string::npos) << config();
}

// ---- Over a unix socket, and who may ask.

TEST(ShuttleAdminSocket, ServesTheApiWithoutAskingForAHost) {
  const TemporaryFolder folder;
  const std::string path = folder.file("admin.sock");
  {
    const Listener stale({.unix_path = path});
    ASSERT_TRUE(std::filesystem::exists(path));
  }
  RunningShuttle shuttle({"-admin=" + path});
  ASSERT_TRUE(shuttle.started());
  EXPECT_EQ(shuttle.admin().unix_path, path);
  shuttle.change("/web", kWeb);
  expect_document(shuttle.get("/web/_config"), kWebConfig);
  const Message answer =
      exchange({.unix_path = path}, "GET / HTTP/1.1\r\nHost: shuttle\r\nConnection: close\r\n\r\n");
  expect_stats(answer, "[\n" + indented(kWebStats, "  ") + "\n]\n");
  shuttle.stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ShuttleApi, RefusesForeignHostsAndOrigins) {
  const Message foreign = exchange(
      shuttle_.admin(), "GET /_config HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(foreign.head.status, 403);
  const Message page = shuttle_.ask("PUT", "/web", kWeb, "Origin: http://evil.test\r\n");
  EXPECT_EQ(page.head.status, 403);
  EXPECT_EQ(config(), kEmptyConfig);
}

TEST_F(ShuttleApi, ServesTheNewRoutes) {
  EXPECT_EQ(shuttle_.get("/_health").body, "alive\n");
  EXPECT_EQ(shuttle_.get("/_ready").head.status, 503);
  put_web();
  EXPECT_EQ(shuttle_.get("/_ready").body, "ready\n");
  EXPECT_NE(shuttle_.get("/_metrics").body.find("\nshuttle_services 1\n"), std::string::npos);
  for (const char* path : {"/_version", "/_config/history", "/_openapi.json"}) {
    const Message answer = shuttle_.get(path);
    EXPECT_EQ(answer.head.status, 200) << path;
    EXPECT_EQ(answer.head.find("Content-Type"), "application/json") << path;
  }
  const Message found = shuttle_.get("/_config");
  ASSERT_TRUE(found.head.find("ETag"));
  shuttle_.change("/web", R"({"fall": 5})");
  const Message late = shuttle_.ask("PUT", "/web", R"({"fall": 6})",
                                    "If-Match: " + *found.head.find("ETag") + "\r\n");
  EXPECT_EQ(late.head.status, 412);
  shuttle_.change("/_config/rollback", "", "POST");
  expect_document(shuttle_.get("/web/_config"), kWebConfig);
}

}  // namespace
}  // namespace httpteleport::test
