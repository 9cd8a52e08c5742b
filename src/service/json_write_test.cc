#include <gtest/gtest.h>

#include "service/config_text.h"
#include "service/json.h"

namespace httpteleport::service {
namespace {

ServiceConfig web() {
  ServiceConfig service;
  service.name = "web";
  service.address = "127.0.0.1:8080";
  service.virtual_hosts = {"www.example.com"};
  service.error_pages = {{"http://127.0.0.1/e?a=1&b=<2>", {500, 503}}, {"file:/a", {}}};
  service.backends.resize(2);
  service.backends[0].name = "b2";
  service.backends[0].address = "127.0.0.1:2";
  service.backends[1].name = "b1";
  service.backends[1].address = "127.0.0.1:1";
  service.backends[1].check_address = "127.0.0.1:11";
  return service;
}

Config config_of(std::vector<ServiceConfig> services) {
  Config config;
  for (ServiceConfig& service : services) {
    const std::string name = service.name;
    config.services.emplace(name, std::make_shared<const ServiceConfig>(std::move(service)));
  }
  return config;
}

TEST(ServiceJson, IsLaidOutAsTheOlderProgramsConfiguration) {
  EXPECT_EQ(json_document(config_of({web()})), R"({
  "check_interval": 0,
  "fall": 0,
  "rise": 0,
  "client_timeout": 0,
  "server_timeout": 0,
  "connect_timeout": 0,
  "https-redirect": false,
  "services": [
    {
      "name": "web",
      "address": "127.0.0.1:8080",
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
        "www.example.com"
      ],
      "error_pages": {
        "file:/a": null,
        "http://127.0.0.1/e?a=1\u0026b=\u003c2\u003e": [
          500,
          503
        ]
      },
      "maintenance_mode": false,
      "backends": [
        {
          "name": "b1",
          "address": "127.0.0.1:1",
          "check_address": "127.0.0.1:11",
          "weight": 1
        },
        {
          "name": "b2",
          "address": "127.0.0.1:2",
          "check_address": "",
          "weight": 1
        }
      ]
    }
  ]
}
)");
}

TEST(ServiceJson, HasNullForNoServicesAndLeavesOutEmptyListsOfAService) {
  Config config;
  config.globals.balance = "LC";
  EXPECT_EQ(json_document(config), R"({
  "balance": "LC",
  "check_interval": 0,
  "fall": 0,
  "rise": 0,
  "client_timeout": 0,
  "server_timeout": 0,
  "connect_timeout": 0,
  "https-redirect": false,
  "services": null
}
)");
  ServiceConfig bare;
  bare.name = "bare";
  std::string text;
  append_json(text, bare, kCompact);
  EXPECT_EQ(text,
            R"({"name":"bare","address":"","network":"tcp","balance":"RR","check_interval":5000,)"
            R"("fall":2,"rise":2,"client_timeout":0,"server_timeout":0,"connect_timeout":0,)"
            R"("https-redirect":false,"maintenance_mode":false})");
}

TEST(ServiceJson, WritesMembersOfItsOwnOnlyWhereTheyDiffer) {
  ServiceConfig service;
  service.name = "s";
  service.network = "udp";
  service.listeners = {{"127.0.0.1:1", "tcp"}, {"/run/s", "unix"}};
  service.check.type = "http";
  service.check.status = {200};
  service.limits.connections = 5;
  service.client_limits.requests_per_second = 7;
  service.slow_start = 1000;
  service.proxy_protocol_from = {"10.0.0.0/8"};
  service.tls_skip_verify = true;
  service.backends.resize(2);
  service.backends[0].name = "framed";
  service.backends[0].state = "drain";
  service.backends[1].name = "plain";
  service.backends[1].network = "udp";
  service.backends[1].limits.burst = 3;
  std::string text;
  append_json(text, service, kCompact);
  const size_t start = text.find("\"backends\"");
  ASSERT_NE(start, std::string::npos);
  EXPECT_EQ(text.substr(start),
            R"("backends":[{"name":"framed","address":"","network":"tcp","check_address":"",)"
            R"("weight":1,"state":"drain"},{"name":"plain","address":"","check_address":"",)"
            R"("weight":1,"limits":{"burst":3}}],)"
            R"("listeners":[{"address":"127.0.0.1:1"},{"address":"/run/s","network":"unix"}],)"
            R"("check":{"type":"http","status":[200]},"limits":{"connections":5},)"
            R"("client_limits":{"requests_per_second":7},"slow_start":1000,)"
            R"("proxy_protocol_from":["10.0.0.0/8"],"tls_skip_verify":true})");
}

TEST(ServiceJson, EscapesAsTheOlderProgram) {
  std::string text;
  append_json_string(text, std::string_view("q\" b\\ <>& \n\r\t \b\f\x7f\0.", 19));
  EXPECT_EQ(text, "\"q\\\" b\\\\ \\u003c\\u003e\\u0026 \\n\\r\\t \\u0008\\u000c\x7f\\u0000.\"");
  text.clear();
  append_json_string(text, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 \xe2\x80\xa8\xe2\x80\xa9");
  EXPECT_EQ(text, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 \\u2028\\u2029\"");
}

TEST(ServiceJson, ReplacesBytesThatAreNotUtf8) {
  const std::pair<std::string, std::string> cases[] = {
      {"\xff", R"("\ufffd")"},
      {"a\xc3", R"("a\ufffd")"},
      {"\xc0\xaf", R"("\ufffd\ufffd")"},            // longer than it must be
      {"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")"},  // a surrogate
      {"\xf4\x90\x80\x80.", R"("\ufffd\ufffd\ufffd\ufffd.")"},
      {"\xe2\x82", R"("\ufffd\ufffd")"},
  };
  for (const auto& [bytes, expected] : cases) {
    std::string text;
    append_json_string(text, bytes);
    EXPECT_EQ(text, expected);
  }
}

TEST(StatsJson, HasTheMembersOfTheOlderProgramInItsOrder) {
  ServiceConfig config;
  config.name = "s";
  config.address = "127.0.0.1:1";
  ServiceStats stats;
  stats.sent = 3;
  stats.http_connections = 4;
  std::string text;
  append_json(text, ServiceWithStats{&config, &stats}, kCompact);
  EXPECT_EQ(text, R"({"name":"s","address":"127.0.0.1:1","virtual_hosts":null,"backends":null,)"
                  R"("balance":"RR","check_interval":5000,"fall":2,"rise":2,"client_timeout":0,)"
                  R"("server_timeout":0,"connect_timeout":0,"sent":3,"received":0,"errors":0,)"
                  R"("connections":0,"active":0,"http_active":0,"http_connections":4,)"
                  R"("http_errors":0})");
}

TEST(StatsJson, TellsOfBackendsWhatIsKnown) {
  BackendStats stats;
  stats.name = "b";
  stats.address = "127.0.0.1:1";
  stats.check_fail = 2;
  std::string text;
  append_json(text, stats, kCompact);
  const std::string older =
      R"({"name":"b","address":"127.0.0.1:1","check_address":"","up":true,"weight":1,"sent":0,)"
      R"("received":0,"errors":0,"connections":0,"active":0,"http_active":0,"check_success":0,)"
      R"("check_fail":2)";
  EXPECT_EQ(text, older + "}");
  stats.status = "slow_start";
  stats.up_since = 9;
  stats.last_error = "refused";
  stats.http_requests = 1;
  text.clear();
  append_json(text, stats, kCompact);
  EXPECT_EQ(text, older + R"(,"status":"slow_start","up_since":9,"last_error":"refused",)"
                          R"("http_requests":1})");
}

TEST(StatsJson, OfNoServicesIsAnEmptyList) {
  EXPECT_EQ(json_document(std::vector<ServiceWithStats>()), "[]\n");
}

TEST(ConfigText, IsThatOfTheWholeConfigurationAfterEachChange) {
  ConfigText texts;
  Config config;
  EXPECT_EQ(texts.document(config.globals).text(), json_document(config));
  for (const char* name : {"b", "a", "c"}) {
    ServiceConfig service = web();
    service.name = name;
    config.services.emplace(name, std::make_shared<const ServiceConfig>(service));
    texts.put(service);
    EXPECT_EQ(texts.document(config.globals).text(), json_document(config));
  }
  config.globals.fall = 3;
  config.services.erase("a");
  texts.remove("a");
  const ConfigDocument document = texts.document(config.globals);
  EXPECT_EQ(document.text(), json_document(config));
  EXPECT_EQ(document.size(), document.text().size());
}

TEST(ConfigText, OfAStateHasTheVersionInFront) {
  const ConfigText texts;
  const std::string text = texts.state_document(Globals(), 12).text();
  EXPECT_TRUE(text.starts_with("{\n  \"_version\": 12,\n  \"check_interval\": 0,")) << text;
}

}  // namespace
}  // namespace httpteleport::service
