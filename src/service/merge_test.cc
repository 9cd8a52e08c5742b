#include "service/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/json.h"

namespace httpteleport::service {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(const std::vector<BackendConfig>& backends) {
  std::vector<std::string> all;
  for (const BackendConfig& backend : backends)
    all.push_back(backend.name);
  return all;
}

ServicePatch service_patch(std::string_view json) {
  const auto read = read_service(json);
  EXPECT_TRUE(read.ok()) << read.error;
  return read.value;
}

ConfigPatch config_patch(std::string_view json) {
  const auto read = read_config(json);
  EXPECT_TRUE(read.ok()) << read.error;
  return read.value;
}

Config with(std::vector<ServiceConfig> services) {
  Config config;
  for (ServiceConfig& service : services) {
    const std::string name = service.name;
    config.services[name] = std::make_shared<const ServiceConfig>(std::move(service));
  }
  return config;
}

ServiceConfig web() {
  ServiceConfig service;
  service.name = "web";
  service.address = "127.0.0.1:80";
  service.https_redirect = true;
  service.maintenance_mode = true;
  service.client_timeout = 7;
  service.virtual_hosts = {"a"};
  service.limits = {1, 2, 3, 4};
  service.backends = {{"b1", "h:1", "tcp", "h:2", 5, "drain", {}},
                      {"b2", "h:3", "tcp", "", 1, "", {}}};
  return service;
}

TEST(Merge, ChangesOnlyWhatIsNamed) {
  const ServiceConfig base = web();
  EXPECT_EQ(merge(base, service_patch("{}"), UnnamedBackends::kKeep), base);
  ServiceConfig expected = base;
  expected.fall = 9;
  EXPECT_EQ(merge(base, service_patch(R"({"fall": 9})"), UnnamedBackends::kKeep), expected);
}

TEST(Merge, ResetsWhatIsNamedWithItsDefault) {
  const ServiceConfig after =
      merge(web(), service_patch(R"({"https-redirect": false, "maintenance_mode": false,
                               "client_timeout": 0, "virtual_hosts": [], "address": "",
                               "limits": {"burst": 0}})"),
            UnnamedBackends::kKeep);
  EXPECT_FALSE(after.https_redirect);
  EXPECT_FALSE(after.maintenance_mode);
  EXPECT_EQ(after.client_timeout, 0);
  EXPECT_EQ(after.address, "");
  EXPECT_THAT(after.virtual_hosts, ElementsAre());
  EXPECT_EQ(after.limits, (Limits{1, 2, 3, 0}));
}

TEST(Merge, TakesZerosThatMeanNotSetForNotNamed) {
  const ServiceConfig base = web();
  EXPECT_EQ(merge(base, service_patch(R"({"network": "", "balance": "", "check_interval": 0,
                                          "fall": 0, "rise": 0})"),
                  UnnamedBackends::kKeep),
            base);
}

TEST(Merge, PassesOverEmptyVirtualHosts) {
  EXPECT_THAT(
      merge(web(), service_patch(R"({"virtual_hosts": ["", "x", ""]})"), UnnamedBackends::kKeep)
          .virtual_hosts,
      ElementsAre("x"));
}

TEST(Merge, UpdatesBackendsInTheirPlacesAndAddsNewOnesBehind) {
  const ServicePatch patch = service_patch(
      R"({"backends": [{"name": "b0", "address": "h:9"}, {"name": "b1", "weight": 0}]})");
  const ServiceConfig after = merge(web(), patch, UnnamedBackends::kKeep);
  EXPECT_THAT(names(after.backends), ElementsAre("b1", "b2", "b0"));
  EXPECT_EQ(after.backends[0], (BackendConfig{"b1", "h:1", "tcp", "h:2", 0, "drain", {}}));
  EXPECT_EQ(after.backends[2], (BackendConfig{"b0", "h:9", "tcp", "", 1, "", {}}));
}

TEST(Merge, RemovesUnnamedBackendsIfTold) {
  const ServicePatch patch = service_patch(R"({"backends": [{"name": "b2"}, {"name": "b3"}]})");
  const ServiceConfig after = merge(web(), patch, UnnamedBackends::kRemove);
  EXPECT_THAT(names(after.backends), ElementsAre("b2", "b3"));
  EXPECT_EQ(after.backends[0].address, "h:3");
  // A patch that does not speak of backends does not remove any.
  EXPECT_EQ(merge(web(), service_patch("{}"), UnnamedBackends::kRemove).backends.size(), 2);
}

TEST(Merge, GivesBackendsOfUdpServicesItsNetwork) {
  const ServicePatch patch = service_patch(
      R"({"network": "udp4", "backends": [{"name": "x"}, {"name": "y", "network": "tcp"}]})");
  const ServiceConfig after = merge(new_service("s", {}), patch, UnnamedBackends::kKeep);
  EXPECT_EQ(after.backends[0].network, "udp4");
  EXPECT_EQ(after.backends[1].network, "tcp");
}

TEST(Merge, KeepsBackendsThatAreNamedTwiceForValidationToFind) {
  const ServicePatch patch = service_patch(R"({"backends": [{"name": "b1"}, {"name": "b1"}]})");
  EXPECT_THAT(names(merge(web(), patch, UnnamedBackends::kKeep).backends),
              ElementsAre("b1", "b2", "b1"));
}

TEST(NewService, HasTheGlobalValuesThatAreSet) {
  Globals globals;
  globals.balance = "LC";
  globals.fall = 7;
  globals.client_timeout = 8;
  globals.https_redirect = true;
  const ServiceConfig service = new_service("s", globals);
  EXPECT_EQ(service.balance, "LC");
  EXPECT_EQ(service.fall, 7);
  EXPECT_EQ(service.rise, 2);
  EXPECT_EQ(service.client_timeout, 8);
  EXPECT_EQ(service.check_interval, 5000);
  EXPECT_FALSE(service.https_redirect);
}

TEST(MergeConfig, TellsOnlyServicesThatBecomeOthers) {
  ServiceConfig other = web();
  other.name = "other";
  const Config base = with({web(), other});
  const ConfigMerge merged = merge(
      base, config_patch(R"({"fall": 4, "services": [{"name": "web"}, {"name": "other", "rise": 5},
                                                     {"name": "new"}]})"),
      MergeRules{});
  EXPECT_EQ(merged.globals.fall, 4);
  ASSERT_EQ(merged.services.size(), 2);
  EXPECT_EQ(merged.services[0].name(), "new");
  EXPECT_EQ(merged.services[0].before, nullptr);
  EXPECT_EQ(merged.services[0].after->fall, 4);
  EXPECT_EQ(merged.services[1].name(), "other");
  EXPECT_EQ(merged.services[1].after->rise, 5);
  EXPECT_EQ(merged.services[1].after->fall, 2);
}

TEST(MergeConfig, GivesANewServiceTheGlobalTimeoutsForThoseThatAreZero) {
  const char json[] = R"({"client_timeout": 5, "connect_timeout": 6,
      "services": [{"name": "s", "client_timeout": 0, "server_timeout": 0, "connect_timeout": 7}]})";
  const auto merged = [&](const Config& base, bool zero_is_none) {
    MergeRules rules;
    rules.zero_is_none = zero_is_none;
    return *merge(base, config_patch(json), rules).services.at(0).after;
  };
  const ServiceConfig inherited = merged(Config(), false);
  EXPECT_EQ(inherited.client_timeout, 5);
  EXPECT_EQ(inherited.server_timeout, 0);
  EXPECT_EQ(inherited.connect_timeout, 7);
  EXPECT_EQ(merged(Config(), true).client_timeout, 0);
  ServiceConfig known;
  known.name = "s";
  known.client_timeout = 9;
  EXPECT_EQ(merged(with({known}), false).client_timeout, 0);
}

TEST(MergeConfig, BuildsAServiceThatIsNamedTwiceInSteps) {
  const ConfigMerge merged =
      merge(Config(),
            config_patch(R"({"services": [{"name": "s", "fall": 3}, {"name": "s", "rise": 4}]})"),
            MergeRules{.replace = true});
  ASSERT_EQ(merged.services.size(), 1);
  EXPECT_EQ(merged.services[0].after->fall, 3);
  EXPECT_EQ(merged.services[0].after->rise, 4);
}

TEST(MergeConfig, ChangesNothingWhenAllIsReplacedByItself) {
  Config base = with({web()});
  base.globals.client_timeout = 30;
  base.globals.server_timeout = 40;
  base.globals.connect_timeout = 50;
  ServiceConfig odd = web();
  odd.name = "odd";
  odd.client_timeout = 0;
  std::swap(odd.backends[0], odd.backends[1]);
  base.services["odd"] = std::make_shared<const ServiceConfig>(odd);
  const MergeRules rules{.replace = true};
  const ConfigMerge merged = merge(base, config_patch(json_document(base)), rules);
  EXPECT_EQ(merged.globals, base.globals);
  EXPECT_EQ(merged.services.size(), 0);
  EXPECT_EQ(merge(base, "odd", service_patch(json_document(odd)), rules), odd);
}

TEST(MergeConfig, PutsNewBackendsBehindThoseThatAReplacementKeeps) {
  const ServicePatch patch = service_patch(
      R"({"backends": [{"name": "z"}, {"name": "b2"}, {"name": "a"}, {"name": "b1"}]})");
  const ServiceConfig after = merge(with({web()}), "web", patch, MergeRules{.replace = true});
  EXPECT_THAT(names(after.backends), ElementsAre("b1", "b2", "z", "a"));
}

TEST(MergeConfig, ReplacesAllIfTold) {
  ServiceConfig gone = web();
  gone.name = "gone";
  Config base = with({web(), gone});
  base.globals.fall = 6;
  const ConfigMerge merged =
      merge(base, config_patch(R"({"rise": 3, "services": [{"name": "web", "address": "h:1",
                                   "backends": [{"name": "b1", "address": "h:8"}]}]})"),
            MergeRules{.replace = true});
  EXPECT_EQ(merged.globals.fall, 0);
  EXPECT_EQ(merged.globals.rise, 3);
  ASSERT_EQ(merged.services.size(), 2);
  const ServiceConfig& after = *merged.services[0].after;
  EXPECT_FALSE(after.maintenance_mode);
  EXPECT_EQ(after.rise, 3);
  EXPECT_EQ(after.backends, (std::vector<BackendConfig>{{"b1", "h:8", "tcp", "", 1, "", {}}}));
  EXPECT_EQ(merged.services[1].name(), "gone");
  EXPECT_EQ(merged.services[1].after, nullptr);
}

}  // namespace
}  // namespace httpteleport::service
