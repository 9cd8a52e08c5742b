#include "service/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace httpteleport::service {
namespace {

using testing::ElementsAre;

std::vector<std::string> described(const ServiceConfig* before, const ServiceConfig* after) {
  std::vector<std::string> lines;
  describe(before, after, lines);
  return lines;
}

ServiceConfig web() {
  ServiceConfig service;
  service.name = "web";
  service.address = ":80";
  service.virtual_hosts = {"a"};
  service.backends = {{"b1", "h:1", "tcp", "", 1, "", {}}, {"b2", "h:2", "tcp", "", 1, "", {}}};
  return service;
}

TEST(Describe, TellsServicesThatComeAndGo) {
  const ServiceConfig service = web();
  EXPECT_THAT(described(nullptr, &service), ElementsAre("service web added (:80, a, 2 backends)"));
  EXPECT_THAT(described(&service, nullptr), ElementsAre("service web removed"));
  EXPECT_THAT(described(&service, &service), ElementsAre());
}

TEST(Describe, TellsEachFieldThatIsOther) {
  const ServiceConfig before = web();
  ServiceConfig after = before;
  after.fall = 3;
  after.https_redirect = true;
  after.virtual_hosts = {"a", "b"};
  after.error_pages = {{"text:x", {500}}};
  after.check.type = "http";
  after.limits.connections = 5;
  after.listeners = {{"h:1", "udp"}};
  after.backends[0].state = "drain";
  after.backends[1].name = "b3";
  EXPECT_THAT(described(&before, &after),
              ElementsAre("service web: fall 2 -> 3", "service web: https-redirect false -> true",
                          "service web: virtual_hosts [\"a\"] -> [\"a\",\"b\"]",
                          "service web: error_pages {} -> {\"text:x\":[500]}",
                          "service web: backend b1: state \"\" -> \"drain\"",
                          "service web: backend b3 added (h:2)", "service web: backend b2 removed",
                          "service web: listeners [] -> [\"udp h:1\"]",
                          "service web: check.type \"\" -> \"http\"",
                          "service web: limits.connections 0 -> 5"));
}

TEST(Describe, TellsAnotherOrderOfBackends) {
  const ServiceConfig before = web();
  ServiceConfig after = before;
  std::swap(after.backends[0], after.backends[1]);
  EXPECT_THAT(described(&before, &after), ElementsAre("service web: backends in another order"));
}

TEST(Describe, BreaksNoLineAtAnyName) {
  ServiceConfig before = web();
  before.name = "a\nb";
  ServiceConfig after = before;
  after.backends[0].name = "c\nd";
  EXPECT_THAT(described(&before, &after),
              ElementsAre(R"(service "a\nb": backend "c\nd" added (h:1))",
                          R"(service "a\nb": backend b1 removed)"));
}

TEST(Describe, CutsNoCharacter) {
  const ServiceConfig before = web();
  ServiceConfig after = before;
  after.check.expect = std::string(198, 'x') + "\xc3\xa4 and more";
  EXPECT_THAT(described(&before, &after),
              ElementsAre("service web: check.expect \"\" -> \"" + std::string(198, 'x') + "..."));
}

TEST(Describe, TellsGlobalValues) {
  Globals after;
  after.balance = "LC";
  std::vector<std::string> lines;
  describe(Globals(), after, lines);
  EXPECT_THAT(lines, ElementsAre("balance \"\" -> \"LC\""));
}

TEST(Describe, SumsUpInOneLine) {
  EXPECT_EQ(summary({}), "nothing");
  EXPECT_EQ(summary({"a"}), "a");
  EXPECT_EQ(summary({"a", "b", "c"}), "a, and 2 more");
  EXPECT_EQ(joined({"a", "b"}), "a; b");
  EXPECT_EQ(joined(std::vector<std::string>(7, "x")), "x; x; x; x; x; and 2 more");
}

}  // namespace
}  // namespace httpteleport::service
