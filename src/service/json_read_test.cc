#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/json.h"
#include "service/merge.h"

namespace httpteleport::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(ReadService, RemembersWhichFieldsWereNamed) {
  const auto read = read_service(
      R"({"address": "127.0.0.1:80", "fall": 3, "https-redirect": false, "virtual_hosts": [],
          "backends": [{"name": "b", "weight": 0}]})");
  ASSERT_TRUE(read.ok()) << read.error;
  EXPECT_EQ(read.value.address, "127.0.0.1:80");
  EXPECT_EQ(read.value.fall, 3);
  EXPECT_EQ(read.value.https_redirect, false);
  EXPECT_TRUE(read.value.virtual_hosts && read.value.virtual_hosts->empty());
  ASSERT_TRUE(read.value.backends);
  EXPECT_EQ(read.value.backends->at(0).weight, 0);
  EXPECT_FALSE(read.value.backends->at(0).address);
  EXPECT_FALSE(read.value.rise);
  EXPECT_FALSE(read.value.maintenance_mode);
  EXPECT_FALSE(read.value.name);
  EXPECT_THAT(read.warnings, ElementsAre());
}

TEST(ReadService, ReadsAllThatIsWritten) {
  ServiceConfig service;
  service.name = "all";
  service.address = "0.0.0.0:1";
  service.network = "udp4";
  service.balance = "hash:Cookie";
  service.check_interval = 11;
  service.fall = 12;
  service.rise = 13;
  service.client_timeout = 14;
  service.server_timeout = 15;
  service.connect_timeout = 16;
  service.https_redirect = true;
  service.virtual_hosts = {"a", "*.b"};
  service.error_pages = {{"text:<&>", {500}}, {"file:/x", {}}};
  service.maintenance_mode = true;
  service.listeners = {{"[::1]:1", "https"}};
  service.check = {"exchange", "/p", "h", {200, 204}, "PING", "PONG", 17};
  service.limits = {1, 2, 3, 4};
  service.client_limits = {5, 6, 7, 8};
  service.slow_start = 18;
  service.idle_timeout = 19;
  service.sessions_max = 20;
  service.proxy_protocol = "v1";
  service.accept_proxy_protocol = "any";
  service.proxy_protocol_from = {"::1"};
  service.backend_header = true;
  service.link_protocol = "v0";
  service.link_traffic = "tcp";
  service.compression = "snappy";
  service.link_plain_bodies = true;
  service.tls_ca_file = "/ca";
  service.tls_server_name = "n";
  service.tls_skip_verify = true;
  service.backends = {{"b1", "x:1", "udp4", "x:2", 5, "maint", {9, 10, 11, 12}},
                      {"b2", "/s", "unix", "", 0, "", {}}};
  const auto read = read_service(json_document(service));
  ASSERT_TRUE(read.ok()) << read.error;
  EXPECT_THAT(read.warnings, ElementsAre());
  EXPECT_EQ(merge(ServiceConfig(), read.value, UnnamedBackends::kKeep), service);
}

TEST(ReadConfig, ReadsAllThatIsWritten) {
  Config config;
  config.globals = {"LC", 1, 2, 3, 4, 5, 6, true};
  const auto read = read_config(json_document(config));
  ASSERT_TRUE(read.ok()) << read.error;
  EXPECT_EQ(merge(Globals(), read.value.globals), config.globals);
  EXPECT_FALSE(read.value.services);
}

TEST(ReadConfig, ReadsTheVersionOfAStateFile) {
  EXPECT_EQ(read_config(R"({"_version": 77, "services": null})").value.version, 77);
}

TEST(ReadService, ComparesKeysWithoutCase) {
  const auto read =
      read_service(R"({"Address": "a:1", "CHECK_INTERVAL": 7, "Https-Redirect": true})");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value.address, "a:1");
  EXPECT_EQ(read.value.check_interval, 7);
  EXPECT_EQ(read.value.https_redirect, true);
  EXPECT_THAT(read.warnings, ElementsAre());
}

TEST(ReadService, TakesTheLastOfMembersWithOneName) {
  const auto read = read_service(
      R"({"fall": 1, "fall": 2, "FALL": 3, "virtual_hosts": ["a"], "virtual_hosts": ["b"]})");
  EXPECT_EQ(read.value.fall, 3);
  EXPECT_THAT(*read.value.virtual_hosts, ElementsAre("b"));
}

TEST(ReadService, LeavesWhatIsNullUnnamed) {
  const auto read = read_service(
      R"({"name": null, "fall": null, "virtual_hosts": null, "backends": null, "check": null,
          "limits": {"burst": null}, "maintenance_mode": null, "error_pages": null})");
  ASSERT_TRUE(read.ok()) << read.error;
  EXPECT_FALSE(read.value.name || read.value.fall || read.value.virtual_hosts ||
               read.value.backends || read.value.limits.burst || read.value.maintenance_mode ||
               read.value.error_pages);
  EXPECT_TRUE(read_service("null").ok());
}

TEST(ReadService, KeepsAMemberThatIsNullLater) {
  EXPECT_EQ(read_service(R"({"fall": 4, "fall": null})").value.fall, 4);
}

TEST(ReadService, AcceptsDurationsInWords) {
  const auto read = read_service(
      R"({"check_interval": "10s", "client_timeout": "1m30s", "server_timeout": 250,
          "connect_timeout": "1.5s", "slow_start": "2h", "check": {"timeout": "500ms"}})");
  ASSERT_TRUE(read.ok()) << read.error;
  EXPECT_EQ(read.value.check_interval, 10'000);
  EXPECT_EQ(read.value.client_timeout, 90'000);
  EXPECT_EQ(read.value.server_timeout, 250);
  EXPECT_EQ(read.value.connect_timeout, 1500);
  EXPECT_EQ(read.value.slow_start, 7'200'000);
  EXPECT_EQ(read.value.check.timeout, 500);
}

TEST(ReadService, SaysWhichFieldHasAWrongType) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"fall": 1.0})", "json: cannot unmarshal number 1.0 into field fall of type int"},
      {R"({"fall": 1e3})", "json: cannot unmarshal number 1e3 into field fall of type int"},
      {R"({"fall": 9223372036854775808})",
       "json: cannot unmarshal number 9223372036854775808 into field fall of type int"},
      {R"({"fall": "2"})", "json: cannot unmarshal string into field fall of type int"},
      {R"({"name": 5})", "json: cannot unmarshal number into field name of type string"},
      {R"({"https-redirect": 1})",
       "json: cannot unmarshal number into field https-redirect of type bool"},
      {R"({"backends": {}})", "json: cannot unmarshal object into field backends of type list"},
      {R"({"backends": [{}, {"weight": "1"}]})",
       "json: cannot unmarshal string into field backends[1].weight of type int"},
      {R"({"error_pages": {"file:/x": [500, "x"]}})",
       "json: cannot unmarshal string into field error_pages.file:/x[1] of type int"},
      {R"({"client_timeout": "soon"})",
       "json: cannot unmarshal string \"soon\" into field client_timeout of type int of "
       "milliseconds or text such as \"10s\""},
      {R"({"limits": 5})", "json: cannot unmarshal number into field limits of type object"},
      {"[]", "json: cannot unmarshal array into a value of type object"},
      {"5", "json: cannot unmarshal number into a value of type object"},
  };
  for (const auto& [text, expected] : cases) {
    const auto read = read_service(text);
    EXPECT_THAT(read.error, StartsWith(std::string(expected) + " (line 1 column")) << text;
    EXPECT_FALSE(read.value.fall) << text;
  }
}

TEST(ReadService, TellsASyntaxErrorBeforeAWrongType) {
  EXPECT_THAT(read_service(R"({"fall": "x", "rise" 2})").error,
              StartsWith("line 1 column 22: syntax error while parsing object separator"));
}

TEST(ReadService, RefusesWhatStandsBehindTheValue) {
  EXPECT_THAT(read_service("{} x").error, StartsWith("line 1 column 4: syntax error"));
  EXPECT_TRUE(read_service(" {} \r\n\t ").ok());
}

TEST(ReadService, WarnsOfUnknownFieldsWithTheNearestName) {
  const auto read = read_service(R"({"adress": "a:1", "backends": [{"wieght": {"x": [1]}}],
                                     "zzzzzzzz": 1})");
  ASSERT_TRUE(read.ok()) << read.error;
  EXPECT_THAT(
      read.warnings,
      ElementsAre(
          "unknown field \"adress\" is ignored; did you mean address? (line 1 column 2)",
          HasSubstr("backends[0]: unknown field \"wieght\" is ignored; did you mean weight?"),
          StartsWith("unknown field \"zzzzzzzz\" is ignored (line 2")));
}

TEST(ReadConfig, BoundsServicesAndBackends) {
  JsonReadLimits limits;
  limits.services_max = 2;
  EXPECT_TRUE(read_config(R"({"services": [{}, {}]})", limits).ok());
  EXPECT_EQ(read_config(R"({"services": [{}, {}, {}, {}]})", limits).error,
            "the document has more than 2 services (line 1 column 23)");
  limits = {};
  limits.backends_max = 2;
  EXPECT_TRUE(read_config(R"({"services": [{"backends": [{}, {}]}]})", limits).ok());
  EXPECT_THAT(
      read_config(R"({"services": [{"backends": [{}, {}]}, {"backends": [{}]}]})", limits).error,
      StartsWith("the document has more than 2 backends (line 1 column 5"));
  EXPECT_THAT(read_service(R"({"backends": [{}, {}, {}]})", limits).error,
              StartsWith("the document has more than 2 backends"));
  limits = {};
  limits.tokens_max = 3;
  EXPECT_THAT(read_config(R"({"fall": 1})", limits).error,
              HasSubstr("the document has more than 3 values, names and brackets"));
}

TEST(ReadConfig, BoundsTheDocument) {
  JsonReadLimits limits;
  limits.bytes_max = 10;
  EXPECT_EQ(read_config(R"({"fall": 11})", limits).error,
            "the document has 12 bytes; at most 10 are accepted");
  limits = {};
  limits.elements_max = 5;
  EXPECT_TRUE(
      read_config(R"({"services": [{"virtual_hosts": ["a", "b", "c", "d"]}]})", limits).ok());
  EXPECT_THAT(
      read_config(R"({"services": [{"virtual_hosts": ["a", "b", "c", "d", "e"]}]})", limits).error,
      "line 1 column 54: the document has more than 5 list elements");
  limits.elements_max = 2;
  EXPECT_TRUE(read_service(R"({"error_pages": {"a": [500], "b": [502]}})", limits).ok());
  EXPECT_THAT(read_service(R"({"error_pages": {"a": [], "b": [], "c": []}})", limits).error,
              StartsWith("the document has more than 2 members in error_pages (line 1 column 36"));
  limits = {};
  limits.warnings_max = 2;
  EXPECT_EQ(read_config(R"({"q": 1, "w": 2, "e": 3})", limits).warnings.size(), 2);
}

TEST(ReadConfig, ReadsADocumentOfTheOlderProgram) {
  const auto read = read_config(R"({
  "check_interval": 0,
  "fall": 0,
  "rise": 0,
  "client_timeout": 0,
  "server_timeout": 0,
  "connect_timeout": 0,
  "https-redirect": false,
  "services": [
    {
      "name": "svc",
      "address": "127.0.0.1:9000",
      "network": "tcp",
      "balance": "RR",
      "check_interval": 5000,
      "fall": 2,
      "rise": 2,
      "client_timeout": 0,
      "server_timeout": 0,
      "connect_timeout": 0,
      "https-redirect": false,
      "error_pages": {"http://127.0.0.1/e": [500]},
      "backends": [
        {"name": "b", "address": "127.0.0.1:9001", "check_address": "", "weight": 1}
      ],
      "maintenance_mode": false
    }
  ]
})");
  ASSERT_TRUE(read.ok()) << read.error;
  EXPECT_THAT(read.warnings, ElementsAre());
  ASSERT_TRUE(read.value.services);
  EXPECT_EQ(read.value.services->at(0).backends->at(0).address, "127.0.0.1:9001");
}

TEST(ReadBackend, ReadsItsMembers) {
  const auto read =
      read_backend(R"({"address": "h:1", "state": "drain", "limits": {"connections": 2}})");
  ASSERT_TRUE(read.ok()) << read.error;
  EXPECT_EQ(read.value.address, "h:1");
  EXPECT_EQ(read.value.state, "drain");
  EXPECT_EQ(read.value.limits.connections, 2);
}

}  // namespace
}  // namespace httpteleport::service
