// The routes that begin with a `_`, and what changes may ask for.
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "admin/service_api.h"
#include "admin/test_service_api.h"
#include "support/temporary_folder.h"

namespace httpteleport::admin {
namespace {

using Json = nlohmann::json;

Json parsed(const TestAnswer& answer) {
  EXPECT_EQ(answer.field("Content-Type"), "application/json") << answer.body;
  return Json::parse(answer.body, nullptr, false);
}

TEST_F(ServiceApiTest, TellsHealth) {
  EXPECT_EQ(get("/_health").body, "alive\n");
  EXPECT_EQ(server_.ask("HEAD", "/_health").status, 200);
}

TEST_F(ServiceApiTest, IsReadyWhenABackendIsUp) {
  EXPECT_EQ(get("/_ready").status, 503);
  put_web();
  EXPECT_EQ(get("/_ready").status, 200);
  runtime_.backend_figures.up = false;
  EXPECT_EQ(get("/_ready").body, "no service has a backend that is up\n");
  runtime_.backend_figures.up = true;
  draining_ = true;
  const TestAnswer answer = get("/_ready");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "draining\n");
  EXPECT_EQ(get("/_health").status, 200);
}

TEST_F(ServiceApiTest, TellsWhatProgramItIs) {
  EXPECT_EQ(parsed(get("/_version")), (Json{{"name", "shuttle"}, {"version", "1.2.3"}}));
}

TEST_F(ServiceApiTest, GivesMetrics) {
  put_web();
  ASSERT_EQ(put("/web/b", R"({"address": "127.0.0.1:10"})").status, 200);
  runtime_.backend_figures.sent = 5;
  const TestAnswer answer = get("/_metrics");
  EXPECT_EQ(answer.field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line : {
           "# TYPE shuttle_backend_up gauge\nshuttle_backend_up{service=\"web\",backend=\"a\"} 1\n"
           "shuttle_backend_up{service=\"web\",backend=\"b\"} 1\n",
           "\nshuttle_build_info{version=\"1.2.3\"} 1\n",
           "\nshuttle_services 1\n",
           "\nshuttle_config_version 3\n",
           "\nshuttle_config_last_reload_success 1\n",
           "\nshuttle_config_state_written 1\n",
           "\nshuttle_backend_bytes_total{service=\"web\",backend=\"a\",direction=\"sent\"} 5\n",
           "\nshuttle_backend_connections_total{service=\"web\",backend=\"a\"} 0\n",
           "\nshuttle_backend_connections_active{service=\"web\",backend=\"a\"} 0\n",
           "\nshuttle_backend_errors_total{service=\"web\",backend=\"a\"} 0\n",
           "\nshuttle_backend_requests_total{service=\"web\",backend=\"a\"} 0\n",
           "\nshuttle_service_limited_total{service=\"web\"} 0\n",
           "\nshuttle_service_datagrams_dropped_total{service=\"web\"} 0\n",
           "\nmore 1\n",
       })
    EXPECT_NE(("\n" + answer.body).find(line), std::string::npos) << line << answer.body;
  api_.note_reload(false);
  EXPECT_NE(get("/_metrics").body.find("shuttle_config_last_reload_success 0\n"),
            std::string::npos);
}

TEST_F(ServiceApiTest, GivesEachFamilyOfMetricsOnce) {
  put_web();
  const std::string text = get("/_metrics").body;
  std::set<std::string> families;
  for (size_t at = text.find("# TYPE "); at != std::string::npos;
       at = text.find("# TYPE ", at + 1)) {
    const std::string name = text.substr(at + 7, text.find(' ', at + 7) - at - 7);
    EXPECT_TRUE(families.insert(name).second) << name;
  }
  EXPECT_GT(families.size(), 15U);
}

TEST_F(ServiceApiTest, TellsChangesAsEvents) {
  net::TestPeer& client = server_.connect();
  client.send("GET /_events HTTP/1.1\r\nHost: " + server_.authority() + "\r\n\r\n");
  ASSERT_TRUE(server_.net.run_until([&] { return events_.streams_open() == 1; }));
  put_web();
  EXPECT_TRUE(server_.net.run_until(
      [&] { return client.received.find("event: config_changed\n") != std::string::npos; }));
}

TEST_F(ServiceApiTest, ServesNewRoutesToHeadToo) {
  for (const char* path :
       {"/_health", "/_metrics", "/_version", "/_config/history", "/_openapi.json"})
    EXPECT_EQ(server_.ask("HEAD", path).status, 200) << path;
}

// ---- Versions.

// Makes one more change before the answer to another is made.
class Meddler final : public service::ConfigListener {
 public:
  explicit Meddler(service::Registry& registry) : registry_(registry) {
    registry.add_listener(*this);
  }
  ~Meddler() { registry_.remove_listener(*this); }

 private:
  void on_config_changed(const service::ConfigChange&) override {
    if (std::exchange(has_meddled_, true)) return;
    registry_.put_config(R"({"fall": 77})", {}, [](const service::Outcome&) {});
  }

  service::Registry& registry_;
  bool has_meddled_ = false;
};

TEST_F(ServiceApiTest, NamesTheVersionOfTheDocumentThatItAnswersWith) {
  const Meddler meddler(registry_);
  const TestAnswer answer = put("/web", "{}");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(Json::parse(answer.body, nullptr, false)["fall"], 77);
  EXPECT_EQ(answer.field("ETag"), etag());
  EXPECT_EQ(answer.field("ETag"), get("/_config").field("ETag"));
}

TEST_F(ServiceApiTest, NamesTheVersionOfTheChangeWhenItAnswersWithNothing) {
  const std::string next = "\"" + std::to_string(registry_.version() + 1) + "\"";
  const Meddler meddler(registry_);
  EXPECT_EQ(put("/web", "{}", "Prefer: return=minimal\r\n").field("ETag"), next);
  EXPECT_NE(etag(), next);
}

TEST_F(ServiceApiTest, NamesTheVersionInForce) {
  const struct {
    const char* method;
    const char* path;
    const char* body;
  } requests[] = {
      {"GET", "/_config", ""},     {"PUT", "/web", "{}"},
      {"GET", "/web/_config", ""}, {"PUT", "/_config", "{\"fall\": 9}"},
      {"PUT", "/web", "{"},        {"PUT", "/web/_maintenance", "on"},
      {"DELETE", "/web", ""},
  };
  for (const auto& r : requests) {
    const TestAnswer answer = server_.ask(r.method, r.path, r.body);
    EXPECT_EQ(answer.field("ETag"), etag()) << r.method << r.path;
  }
  EXPECT_EQ(etag(), "\"5\"");
}

TEST_F(ServiceApiTest, GivesNothingToWhoHasTheVersionInForce) {
  for (const std::string& tag : {etag(), "W/" + etag(), "\"x\", " + etag(), std::string("*")}) {
    const TestAnswer answer = get("/_config", "If-None-Match: " + tag + "\r\n");
    EXPECT_EQ(answer.status, 304) << tag;
    EXPECT_EQ(answer.field("ETag"), etag());
  }
  EXPECT_EQ(get("/_config", "If-None-Match: \"none\"\r\n").status, 200);
}

TEST_F(ServiceApiTest, ChangesOnlyTheVersionThatIsMeant) {
  put_web();
  const int applied = runtime_.applied;
  const struct {
    const char* method;
    const char* path;
    const char* body;
  } changes[] = {
      {"PUT", "/", "{\"fall\": 4}"},
      {"POST", "/_config", "{\"fall\": 5}"},
      {"PUT", "/web", "{\"fall\": 6}"},
      {"PUT", "/web/b", "{\"address\": \"127.0.0.1:10\"}"},
      {"PUT", "/web/a/_state", "drain"},
      {"PUT", "/web/_maintenance", "on"},
      {"POST", "/_config/rollback", ""},
      {"DELETE", "/web/a", ""},
      {"DELETE", "/web", ""},
  };
  for (const auto& c : changes) {
    for (const std::string& stale : {std::string("\"1234\""), "W/" + etag(), std::string("x")}) {
      const TestAnswer answer =
          server_.ask(c.method, c.path, c.body, "If-Match: " + stale + "\r\n");
      EXPECT_EQ(answer.status, 412) << c.path << stale;
      EXPECT_EQ(answer.field("ETag"), etag());
      EXPECT_EQ(answer.body, "version " + etag() + " is in force, not " + stale + "\n");
    }
  }
  EXPECT_EQ(runtime_.applied, applied);
  for (const auto& c : changes) {
    if (std::string_view(c.path) == "/_config/rollback") continue;
    const std::string match = "If-Match: \"1234\", " + etag() + "\r\n";
    EXPECT_EQ(server_.ask(c.method, c.path, c.body, match).status, 200) << c.path;
  }
  EXPECT_EQ(put("/web", "{}", "If-Match: *\r\n").status, 200);
}

TEST_F(ServiceApiTest, ListsVersionsTheNewestFirst) {
  put_web();
  ASSERT_EQ(put("/web", "{\"fall\": 9}").status, 200);
  const Json list = parsed(get("/_config/history"));
  ASSERT_EQ(list.size(), 3U) << list;
  EXPECT_EQ(list[0]["version"], registry_.version());
  EXPECT_EQ(list[0]["time"], 1'700'000'000);
  EXPECT_TRUE(list[0]["summary"].is_string());
  const std::string path = "/_config/history/" + list[1]["version"].dump();
  const Json before = parsed(get(path));
  EXPECT_EQ(before["services"][0]["fall"], 2);
  for (const char* none : {"99", "0", "x", "-1", "1x"})
    EXPECT_EQ(get("/_config/history/" + std::string(none)).status, 404) << none;
}

TEST_F(ServiceApiTest, GoesBack) {
  put_web();
  const uint64_t with_web = registry_.version();
  ASSERT_EQ(server_.ask("DELETE", "/web").status, 200);
  const TestAnswer answer = server_.ask("POST", "/_config/rollback");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body, get("/_config").body);
  EXPECT_NE(registry_.find("web"), nullptr);
  EXPECT_EQ(answer.field("ETag"), etag());
  EXPECT_GT(registry_.version(), with_web + 1);
  ASSERT_EQ(put("/web", "{\"fall\": 9}").status, 200);
  ASSERT_EQ(server_.ask("POST", "/_config/rollback?to=" + std::to_string(with_web)).status, 200);
  EXPECT_EQ(config_of("web").fall, 2);
  EXPECT_EQ(server_.ask("POST", "/_config/rollback?to=99").status, 404);
  EXPECT_EQ(server_.ask("POST", "/_config/rollback?to=").status, 400);
  EXPECT_EQ(server_.ask("POST", "/_config/rollback?to=x").status, 400);
  EXPECT_EQ(server_.ask("PUT", "/_config/rollback").field("Allow"), "POST");
}

// ---- Ways to change.

TEST_F(ServiceApiTest, ChangesNothingHoweverADryRunIsAskedFor) {
  put_web();
  const uint64_t before = registry_.version();
  EXPECT_EQ(server_.ask("DELETE", "/web?dry_run=yes").status, 200);
  EXPECT_EQ(registry_.version(), before);
  EXPECT_EQ(server_.ask("DELETE", "/web?dry_run=0").status, 200);
  EXPECT_GT(registry_.version(), before);
}

TEST_F(ServiceApiTest, TriesEveryChangeWithoutMakingIt) {
  put_web();
  const std::string before = get("/_config").body;
  const std::string version = etag();
  const int applied = runtime_.applied;
  const struct {
    const char* method;
    const char* path;
    const char* body;
  } changes[] = {
      {"PUT", "/", "{\"fall\": 4}"},
      {"PUT", "/_config", "{\"services\": [{\"name\": \"web\", \"fall\": 4}]}"},
      {"PUT", "/web", "{\"fall\": 4}"},
      {"DELETE", "/web", ""},
      {"PUT", "/web/b", "{\"address\": \"127.0.0.1:10\"}"},
      {"DELETE", "/web/a", ""},
      {"PUT", "/web/a/_state", "drain"},
      {"PUT", "/web/_maintenance", "on"},
      {"POST", "/_config/rollback", ""},
  };
  for (const auto& c : changes) {
    const TestAnswer answer = server_.ask(c.method, c.path + std::string("?dry_run=1"), c.body);
    ASSERT_EQ(answer.status, 200) << c.path << answer.body;
    const Json result = parsed(answer);
    EXPECT_FALSE(result["changes"].empty()) << c.path << answer.body;
    EXPECT_TRUE(result["warnings"].is_array());
    EXPECT_EQ(answer.field("ETag"), version);
  }
  EXPECT_EQ(get("/_config").body, before);
  EXPECT_EQ(runtime_.applied, applied);
}

TEST_F(ServiceApiTest, WarnsOfMembersThatNobodyKnows) {
  const Json result = parsed(put("/web?dry_run=1", "{\"adress\": \"127.0.0.1:1\"}"));
  ASSERT_EQ(result["warnings"].size(), 1U) << result;
  EXPECT_NE(result["warnings"][0].get<std::string>().find("address"), std::string::npos);
}

TEST_F(ServiceApiTest, RefusesInATryWhatItWouldRefuse) {
  EXPECT_EQ(put("/web?dry_run=1", "{\"network\": \"ipx\"}").status, 400);
  EXPECT_EQ(put("/_config?dry_run", "{").status, 500);
  runtime_.problem = service::Problem{"web", "no"};
  EXPECT_EQ(put("/web?dry_run=1", "{}").status, 400);
}

TEST_F(ServiceApiTest, ReplacesTheWholeConfiguration) {
  put_web();
  ASSERT_EQ(put("/other", "{}").status, 200);
  ASSERT_EQ(put("/_config?replace=1", "{\"services\": [{\"name\": \"web\"}]}").status, 200);
  EXPECT_EQ(registry_.find("other"), nullptr);
  EXPECT_EQ(config_of("web").address, "");
  EXPECT_TRUE(config_of("web").backends.empty());
}

TEST_F(ServiceApiTest, AnswersWithoutTheConfigurationIfThatIsPreferred) {
  const TestAnswer answer = put("/web", "{}", "Prefer: return=minimal\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.field("ETag"), etag());
}

TEST_F(ServiceApiTest, SetsABackendsState) {
  put_web();
  for (const char* state : {"up", "down", "drain", "maint"}) {
    const TestAnswer answer = put("/web/a/_state", state);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, get("/_config").body);
    EXPECT_EQ(config_of("web").backends[0].state, state);
  }
  EXPECT_EQ(server_.ask("POST", "/web/a/_state", "\"auto\"\n").status, 200);
  EXPECT_EQ(config_of("web").backends[0].state, "");
  EXPECT_EQ(put("/web/a/_state", "broken").status, 400);
  EXPECT_EQ(put("/web/a/_state", "").status, 400);
  EXPECT_EQ(put("/web/none/_state", "up").status, 404);
  EXPECT_EQ(put("/none/a/_state", "up").status, 404);
  EXPECT_EQ(get("/web/a/_state").status, 405);
}

TEST_F(ServiceApiTest, SetsMaintenance) {
  put_web();
  EXPECT_EQ(put("/web/_maintenance", "on").status, 200);
  EXPECT_TRUE(config_of("web").maintenance_mode);
  EXPECT_EQ(put("/web/_maintenance", "off\n").status, 200);
  EXPECT_FALSE(config_of("web").maintenance_mode);
  EXPECT_EQ(put("/web/_maintenance", "x").body, "\"x\": on and off are accepted\n");
  EXPECT_EQ(put("/none/_maintenance", "on").status, 404);
}

// ---- The state file.

TEST(ServiceApiWithAState, AnswersWhenTheChangeIsOnTheDisk) {
  test::TemporaryFolder folder;
  LateSite site;
  TestLocalServer server(site);
  FakeRuntime runtime;
  service::StateFile state(folder.file("state.json"), [&](std::function<void()> call) {
    server.net.loop.post(std::move(call));
  });
  service::Registry registry(runtime, &state, {});
  EventStream events(server.net.loop);
  ServiceApi api(registry, runtime, events, {});
  site.site = &api;
  ASSERT_EQ(server.ask("PUT", "/web", "{\"fall\": 9}").status, 200);
  EXPECT_NE(test::read_file(folder.file("state.json")).find("\"fall\": 9"), std::string::npos);
}

TEST(ServiceApiWithAState, SaysThatTheStateCouldNotBeWritten) {
  test::TemporaryFolder folder;
  LateSite site;
  TestLocalServer server(site);
  FakeRuntime runtime;
  service::StateFile state(folder.file("none/state.json"), [&](std::function<void()> call) {
    server.net.loop.post(std::move(call));
  });
  service::Registry registry(runtime, &state, {});
  EventStream events(server.net.loop);
  ServiceApi api(registry, runtime, events, {});
  site.site = &api;
  const TestAnswer answer = server.ask("PUT", "/web", "{\"fall\": 9}");
  EXPECT_EQ(answer.status, 500);
  EXPECT_NE(registry.find("web"), nullptr);
  EXPECT_NE(server.get("/_metrics").body.find("shuttle_config_state_written 0\n"),
            std::string::npos);
}

}  // namespace
}  // namespace httpteleport::admin
