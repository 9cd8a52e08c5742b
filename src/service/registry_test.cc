#include "service/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/json.h"
#include "service/test_registry.h"

namespace httpteleport::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = Outcome::Kind;

// A registry that writes nothing: all changes are answered at once.
class RegistryTest : public testing::Test {
 protected:
  RegistryTest() : registry(runtime, nullptr, options()) {
    registry.add_listener(listener);
    StartConfig start;
    EXPECT_TRUE(registry.start(start).ok());
  }

  Registry::Options options() {
    Registry::Options made;
    made.reserved = {ReservedAddress{.flag = "-admin", .address = "127.0.0.1:9090"}};
    made.unix_time = [this] { return ++time; };
    made.history_max = 4;
    return made;
  }

  Outcome put_config(std::string_view json, const ChangeOptions& how = {}) {
    Answer answer;
    registry.put_config(json, how, answer.done());
    return answer.outcome.value();
  }
  Outcome put_service(const std::string& name, std::string_view json,
                      const ChangeOptions& how = {}) {
    Answer answer;
    registry.put_service(name, json, how, answer.done());
    return answer.outcome.value();
  }
  Outcome put_backend(const std::string& service, const std::string& name, std::string_view json,
                      const ChangeOptions& how = {}) {
    Answer answer;
    registry.put_backend(service, name, json, how, answer.done());
    return answer.outcome.value();
  }
  Outcome set_state(const std::string& service, const std::string& name, std::string_view state) {
    Answer answer;
    registry.set_backend_state(service, name, state, {}, answer.done());
    return answer.outcome.value();
  }
  Outcome rollback(std::optional<uint64_t> to = {}, const ChangeOptions& how = {}) {
    Answer answer;
    registry.rollback(to, how, answer.done());
    return answer.outcome.value();
  }

  // That all is as it was with `version` in force.
  void expect_untouched(uint64_t version, const std::string& document) {
    EXPECT_EQ(registry.version(), version);
    EXPECT_EQ(registry.document().text(), document);
  }

  int64_t time = 1000;
  FakeRuntime runtime;
  FakeListener listener;
  Registry registry;
};

TEST_F(RegistryTest, CarriesOutAChangeAndTellsIt) {
  const Outcome outcome =
      put_service("web", R"({"address": ":80", "backends": [{"name": "b", "address": "h:1"}]})");
  EXPECT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.version, 2);
  EXPECT_THAT(outcome.changes, ElementsAre("service web added (:80, 1 backend)"));
  EXPECT_EQ(registry.version(), 2);
  ASSERT_THAT(runtime.applied, SizeIs(2));
  ASSERT_THAT(runtime.applied[1].put, SizeIs(1));
  EXPECT_EQ(runtime.applied[1].put[0], registry.find("web"));
  EXPECT_EQ(registry.document().text(), json_document(registry.config()));
  EXPECT_EQ(registry.service_document("web"), json_document(*registry.find("web")));
  ASSERT_THAT(listener.heard, SizeIs(1));
  EXPECT_EQ(listener.heard[0].version, 2);
  EXPECT_EQ(listener.heard[0].summary, "service web added (:80, 1 backend)");
}

TEST_F(RegistryTest, TouchesOnlyWhatChanges) {
  put_config(R"({"services": [{"name": "a", "address": ":1"}, {"name": "b", "address": ":2"}]})");
  const auto a = registry.find("a");
  put_config(R"({"services": [{"name": "a", "address": ":1"}, {"name": "b", "fall": 3}]})");
  EXPECT_EQ(registry.find("a"), a);
  ASSERT_THAT(runtime.applied.back().put, SizeIs(1));
  EXPECT_EQ(runtime.applied.back().put[0]->name, "b");
}

TEST_F(RegistryTest, DoesNothingForAChangeThatChangesNothing) {
  put_service("web", R"({"address": ":80"})");
  const size_t applied = runtime.applied.size();
  const Outcome outcome = put_service("web", R"({"address": ":80"})");
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.version, 2);
  EXPECT_THAT(outcome.changes, IsEmpty());
  EXPECT_EQ(runtime.applied.size(), applied);
  EXPECT_THAT(listener.heard, SizeIs(1));
}

TEST_F(RegistryTest, LeavesAllAsItWasWhenAChangeFails) {
  put_config(R"({"services": [{"name": "a", "address": ":1"}, {"name": "b", "address": ":2",
                 "backends": [{"name": "x", "address": "h:1"}]}]})");
  const std::string document = registry.document().text();
  const size_t applied = runtime.applied.size();
  const auto expect = [&](const Outcome& outcome, Kind kind, const std::string& message) {
    EXPECT_EQ(outcome.kind, kind) << outcome.message;
    EXPECT_THAT(outcome.message, HasSubstr(message));
    EXPECT_EQ(outcome.version, 2);
    expect_untouched(2, document);
  };
  expect(put_config("{"), Kind::kBadJson, "unexpected end of input");
  expect(put_service("a", ""), Kind::kBadJson, "unexpected end of input");
  expect(put_service("a", R"({"name": "b"})"), Kind::kMismatchedName,
         "Mismatched service name in API call");
  expect(put_config(R"({"services": [{"name": "a", "fall": 3}, {"name": "b", "fall": -3}]})"),
         Kind::kInvalid, "service b: fall=-3");
  expect(put_config(R"({"fall": -1})"), Kind::kInvalid, "fall=-1");
  expect(put_config(R"({"services": [{"name": ""}]})"), Kind::kInvalid, "name=\"\"");
  expect(put_service("c", R"({"address": "127.0.0.1:2"})"), Kind::kInvalid,
         "service b listens on :2 already");
  expect(put_service("c", R"({"address": "127.0.0.1:9090"})"), Kind::kInvalid,
         "-admin listens on 127.0.0.1:9090 already");
  expect(put_backend("none", "x", "{}"), Kind::kUnknownService, "service does not exist");
  expect(put_backend("b", "x", "["), Kind::kBadJson, "unexpected end");
  expect(put_backend("b", "y", "{}"), Kind::kInvalid, "backend y: address=\"\"");
  expect(set_state("b", "y", "up"), Kind::kUnknownBackend, "backend does not exist");
  expect(set_state("none", "y", "up"), Kind::kUnknownService, "service does not exist");
  expect(set_state("b", "x", "off"), Kind::kInvalid,
         "up, down, drain, maint and auto are accepted");
  expect(rollback(77), Kind::kUnknownVersion, "version 77 is not in the history");
  runtime.refusal = Problem{"a", "address=\":3\": address already in use"};
  expect(put_config(R"({"services": [{"name": "a", "address": ":3"}, {"name": "c"}]})"),
         Kind::kInvalid, "service a: address=\":3\": address already in use");
  runtime.refusal.reset();
  EXPECT_EQ(runtime.applied.size(), applied);
  // The addresses are those of before, too.
  EXPECT_EQ(put_service("c", R"({"address": ":1"})").kind, Kind::kInvalid);
  EXPECT_TRUE(put_service("c", R"({"address": ":3"})").ok());
}

TEST_F(RegistryTest, LetsServicesExchangeAddresses) {
  put_config(R"({"services": [{"name": "a", "address": ":1"}, {"name": "b", "address": ":2"}]})");
  EXPECT_TRUE(put_config(R"({"services": [{"name": "a", "address": ":2"},
                                          {"name": "b", "address": ":1"}]})")
                  .ok());
  EXPECT_TRUE(put_service("a", R"({"address": ":3"})").ok());
  EXPECT_TRUE(put_service("c", R"({"address": ":2"})").ok());
}

TEST_F(RegistryTest, ChangesOnlyWhatAPartialUpdateNames) {
  put_service("web", R"({"address": ":80", "https-redirect": true, "maintenance_mode": true})");
  put_service("web", R"({"fall": 3})");
  EXPECT_TRUE(registry.find("web")->https_redirect);
  EXPECT_TRUE(registry.find("web")->maintenance_mode);
  EXPECT_EQ(registry.find("web")->fall, 3);
}

TEST_F(RegistryTest, GivesNewServicesTheGlobalValues) {
  EXPECT_TRUE(put_config(R"({"fall": 5, "https-redirect": true})").ok());
  ASSERT_TRUE(runtime.applied.back().globals);
  EXPECT_TRUE(runtime.applied.back().globals->https_redirect);
  put_service("web", "{}");
  EXPECT_FALSE(runtime.applied.back().globals);
  EXPECT_EQ(registry.find("web")->fall, 5);
}

TEST_F(RegistryTest, RemovesWhatAReplacementDoesNotName) {
  put_config(R"({"services": [{"name": "a", "address": ":1"}, {"name": "b", "address": ":2",
      "backends": [{"name": "x", "address": "h:1"}, {"name": "y", "address": "h:2"}]}]})");
  const Outcome outcome = put_config(R"({"services": [{"name": "b", "address": ":1",
                                   "backends": [{"name": "y", "address": "h:2"}]}]})",
                                     {.replace = true});
  EXPECT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(registry.find("a"), nullptr);
  EXPECT_THAT(registry.find("b")->backends, SizeIs(1));
  EXPECT_THAT(runtime.applied.back().removed, ElementsAre("a"));
  EXPECT_EQ(registry.document().text(), json_document(registry.config()));
}

TEST_F(RegistryTest, TriesOutWithoutDoing) {
  put_service("a", R"({"address": ":1"})");
  const std::string document = registry.document().text();
  const ChangeOptions dry{.dry_run = true};
  const Outcome outcome = put_service("a", R"({"address": ":2", "fal": 1})", dry);
  EXPECT_TRUE(outcome.ok());
  EXPECT_THAT(outcome.changes, ElementsAre("service a: address \":1\" -> \":2\""));
  EXPECT_THAT(outcome.warnings, ElementsAre(HasSubstr("did you mean fall?")));
  EXPECT_THAT(runtime.checked, SizeIs(1));
  expect_untouched(2, document);
  runtime.refusal = Problem{"", "tls_ca_file=\"/x\": there is no such file"};
  EXPECT_EQ(put_service("a", R"({"address": ":2"})", dry).kind, Kind::kInvalid);
  runtime.refusal.reset();
  EXPECT_TRUE(put_service("b", R"({"address": ":2"})").ok());
  EXPECT_FALSE(put_service("c", R"({"address": ":1"})").ok());
}

TEST_F(RegistryTest, ChangesOnlyTheVersionThatIsAskedFor) {
  put_service("a", R"({"address": ":1"})");
  const Outcome refused = put_service("a", R"({"fall": 3})", {.if_match = 1});
  EXPECT_EQ(refused.kind, Kind::kPreconditionFailed);
  EXPECT_EQ(refused.message, "version 2 is in force, not 1");
  EXPECT_TRUE(put_service("a", R"({"fall": 3})", {.if_match = 2}).ok());
}

TEST_F(RegistryTest, AddsUpdatesAndRemovesBackends) {
  put_service("s", R"({"address": ":1"})");
  EXPECT_TRUE(put_backend("s", "b", R"({"address": "h:1", "weight": 3})").ok());
  EXPECT_TRUE(put_backend("s", "b", R"({"check_address": "h:2"})").ok());
  EXPECT_EQ(registry.find("s")->backends[0], (BackendConfig{"b", "h:1", "tcp", "h:2", 3, "", {}}));
  EXPECT_TRUE(put_backend("s", "b", R"({"address": "h:9"})", {.replace = true}).ok());
  EXPECT_EQ(registry.find("s")->backends[0], (BackendConfig{"b", "h:9", "tcp", "", 1, "", {}}));
  EXPECT_TRUE(put_backend("s", "x", R"({"name": "named", "address": "h:1"})").ok());
  EXPECT_EQ(registry.find("s")->backends[1].name, "named");
  Answer answer;
  registry.remove_backend("s", "b", {}, answer.done());
  EXPECT_THAT(answer.outcome->changes, ElementsAre("service s: backend b removed"));
  registry.remove_backend("s", "b", {}, answer.done());
  EXPECT_EQ(answer.outcome->kind, Kind::kUnknownBackend);
}

TEST_F(RegistryTest, SetsStatesByHand) {
  put_service("s", R"({"backends": [{"name": "b", "address": "h:1"}]})");
  for (const char* state : {"down", "drain", "maint", "up"}) {
    EXPECT_TRUE(set_state("s", "b", state).ok());
    EXPECT_EQ(registry.find("s")->backends[0].state, state);
  }
  EXPECT_TRUE(set_state("s", "b", "auto").ok());
  EXPECT_EQ(registry.find("s")->backends[0].state, "");
  Answer answer;
  registry.set_maintenance("s", true, {}, answer.done());
  EXPECT_TRUE(registry.find("s")->maintenance_mode);
  registry.set_maintenance("none", true, {}, answer.done());
  EXPECT_EQ(answer.outcome->kind, Kind::kUnknownService);
}

TEST_F(RegistryTest, RemovesServices) {
  put_service("s", R"({"address": ":1"})");
  Answer answer;
  registry.remove_service("s", {}, answer.done());
  EXPECT_TRUE(answer.outcome->ok());
  EXPECT_THAT(runtime.applied.back().removed, ElementsAre("s"));
  EXPECT_THAT(registry.document().text(), HasSubstr("\"services\": null"));
  EXPECT_EQ(registry.service_document("s"), std::nullopt);
  registry.remove_service("s", {}, answer.done());
  EXPECT_EQ(answer.outcome->kind, Kind::kUnknownService);
  EXPECT_TRUE(put_service("other", R"({"address": ":1"})").ok());
}

TEST_F(RegistryTest, RollsBackToVersionsOfItsHistory) {
  std::vector<std::string> documents = {registry.document().text()};
  const auto note = [&] { documents.push_back(registry.document().text()); };
  put_service("a", R"({"address": ":1"})");
  note();
  put_config(R"({"fall": 9, "services": [{"name": "a", "address": ":2"}, {"name": "b"}]})");
  note();
  Answer answer;
  registry.remove_service("a", {}, answer.done());
  note();
  for (uint64_t version = 1; version <= 4; ++version)
    EXPECT_EQ(json_document(registry.config_at(version).value()), documents[version - 1]);

  Outcome outcome = rollback();
  EXPECT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.version, 5);
  EXPECT_EQ(registry.document().text(), documents[2]);
  outcome = rollback(2);
  EXPECT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(registry.document().text(), documents[1]);
  EXPECT_FALSE(put_service("c", R"({"address": ":1"})").ok());

  const std::vector<HistoryEntry> history = registry.history();
  ASSERT_THAT(history, SizeIs(4));
  EXPECT_EQ(history[0].version, 6);
  EXPECT_THAT(history[0].summary, HasSubstr("rolled back to version 2: "));
  EXPECT_EQ(history[3].version, 3);
  EXPECT_EQ(history[0].time, history[3].time + 3);
  EXPECT_EQ(json_document(registry.config_at(3).value()), documents[2]);
  EXPECT_EQ(registry.config_at(2), std::nullopt);
  EXPECT_EQ(rollback(2).kind, Kind::kUnknownVersion);
}

TEST_F(RegistryTest, HasNothingToRollBackToAtFirst) {
  EXPECT_EQ(rollback().kind, Kind::kUnknownVersion);
  EXPECT_THAT(registry.history(), SizeIs(1));
}

TEST_F(RegistryTest, StopsTellingAListenerThatIsRemoved) {
  registry.remove_listener(listener);
  put_service("a", R"({"address": ":1"})");
  EXPECT_THAT(listener.heard, IsEmpty());
}

TEST(RegistryStart, CarriesOutWhatItStartsWith) {
  FakeRuntime runtime;
  Registry registry(runtime, nullptr, {});
  StartConfig start = check_config_text(
      R"({"_version": 7, "https-redirect": true, "services": [{"name": "a", "address": ":1"}]})",
      {});
  const Outcome outcome = registry.start(start);
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(registry.version(), 7);
  ASSERT_THAT(runtime.applied, SizeIs(1));
  EXPECT_THAT(runtime.applied[0].put, SizeIs(1));
  EXPECT_TRUE(runtime.applied[0].globals->https_redirect);
  EXPECT_EQ(registry.document().text(), json_document(registry.config()));
  EXPECT_EQ(registry.history().at(0).summary, "started with 1 service");
}

TEST(RegistryStart, FailsAsAWhole) {
  FakeRuntime runtime;
  runtime.refusal = Problem{"a", "no"};
  Registry registry(runtime, nullptr, {});
  const StartConfig start =
      check_config_text(R"({"services": [{"name": "a", "address": ":1"}]})", {});
  EXPECT_EQ(registry.start(start).message, "service a: no");
  EXPECT_TRUE(registry.config().services.empty());
  runtime.refusal.reset();
  EXPECT_TRUE(registry.start(start).ok());
}

// A registry whose state document may be of that size.
class RegistryLimits : public testing::Test {
 protected:
  Outcome put_twice(const JsonReadLimits& limits, const std::string& first,
                    const std::string& second) {
    Registry::Options options;
    options.document_limits = limits;
    Registry registry(runtime, nullptr, std::move(options));
    registry.start({});
    Answer answer;
    registry.put_service("a", first, {}, answer.done());
    EXPECT_TRUE(answer.outcome->ok()) << answer.outcome->message;
    registry.put_service("b", second, {}, answer.done());
    EXPECT_EQ(registry.find("b") != nullptr, answer.outcome->ok());
    return *answer.outcome;
  }
  FakeRuntime runtime;
};

TEST_F(RegistryLimits, RefuseAChangeThatCouldNotBeReadAgain) {
  const auto expect = [&](const JsonReadLimits& limits, const std::string& json,
                          const std::string& what) {
    const Outcome outcome = put_twice(limits, json, json);
    EXPECT_EQ(outcome.kind, Kind::kInvalid) << what;
    EXPECT_THAT(outcome.message, HasSubstr(what));
  };
  expect({.bytes_max = 800}, "{}", "bytes; at most 800 can be read again");
  expect({.elements_max = 5}, R"({"virtual_hosts": ["x", "y"]})",
         "6 list elements; at most 5 can be read again");
  expect({.elements_max = 3}, R"({"error_pages": {"text:1": [], "text:2": []}})",
         "4 error_pages; at most 3 can be read again");
  expect({.services_max = 1}, "{}", "2 services; at most 1 can be read again");
  expect({.backends_max = 1}, R"({"backends": [{"name": "x", "address": "h:1"}]})",
         "2 backends; at most 1 can be read again");
}

TEST_F(RegistryLimits, AreThoseOfTheReader) {
  JsonReadLimits limits{.elements_max = 16, .services_max = 2, .backends_max = 2};
  const std::string json = R"({"virtual_hosts": ["x", "y"], "error_pages": {"text:1": [404, 500]},
      "check": {"status": [200]}, "backends": [{"name": "x", "address": "h:1"}],
      "proxy_protocol_from": [], "listeners": [{"network": "http", "address": "127.0.0.1:%"}]})";
  const auto at_port = [&](const char* port) {
    return std::string(json).replace(json.find('%'), 1, port);
  };
  EXPECT_TRUE(put_twice(limits, at_port("1"), at_port("2")).ok());
  Config config;
  for (const char* name : {"a", "b"}) {
    ServiceConfig service = merge(Config(), name, read_service(at_port("1")).value, {});
    config.services[name] = std::make_shared<const ServiceConfig>(std::move(service));
  }
  EXPECT_TRUE(read_config(json_document(config), limits).ok());
  --limits.elements_max;
  EXPECT_FALSE(read_config(json_document(config), limits).ok());
  EXPECT_FALSE(put_twice(limits, at_port("1"), at_port("2")).ok());
}

TEST(RegistryOptions, MayRemoveBackendsThatAnUpdateDoesNotName) {
  FakeRuntime runtime;
  Registry::Options options;
  options.unnamed_backends = UnnamedBackends::kRemove;
  Registry registry(runtime, nullptr, std::move(options));
  registry.start({});
  Answer answer;
  registry.put_service(
      "s", R"({"backends": [{"name": "a", "address": "h:1"}, {"name": "b", "address": "h:2"}]})",
      {}, answer.done());
  registry.put_service("s", R"({"backends": [{"name": "b"}]})", {}, answer.done());
  EXPECT_THAT(registry.find("s")->backends, SizeIs(1));
  registry.put_service("s", R"({"fall": 3})", {}, answer.done());
  EXPECT_THAT(registry.find("s")->backends, SizeIs(1));
}

}  // namespace
}  // namespace httpteleport::service
