#include "service/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "service/listening.h"

namespace httpteleport::service {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ServiceConfig good() {
  ServiceConfig service;
  service.name = "web";
  service.address = "127.0.0.1:80";
  service.backends = {{"b", "h:1", "tcp", "", 1, "", {}}};
  return service;
}

TEST(Validate, AcceptsDefaultsAndExtremes) {
  EXPECT_THAT(validate(good()), IsEmpty());
  EXPECT_THAT(validate(Globals()), IsEmpty());
  ServiceConfig service = good();
  service.address = "";
  service.backends.clear();
  EXPECT_THAT(validate(service), IsEmpty());
  service.check_interval = 1;
  service.fall = 1000;
  service.client_timeout = kDurationMaxMs;
  service.error_pages = {{"text:x", {400, 599}}};
  EXPECT_THAT(validate(service), IsEmpty());
}

TEST(Validate, SaysFieldValueAndWhatIsAccepted) {
  struct Case {
    std::function<void(ServiceConfig&)> change;
    const char* line;
  };
  const Case cases[] = {
      {[](auto& s) { s.name = "_x"; },
       R"(service: name="_x": a name that does not begin with _ is accepted)"},
      {[](auto& s) { s.network = "sctp"; },
       R"(service web: network="sctp": tcp, tcp4, tcp6, udp, udp4, udp6, unix, http, https, teleport, teleports are accepted)"},
      {[](auto& s) { s.address = "127.0.0.1"; },
       R"(service web: address="127.0.0.1": no port; host:port, :port or [ipv6]:port is accepted)"},
      {[](auto& s) { s.balance = "XX"; },
       R"(service web: balance="XX": RR, LC, least-loaded, p2c, ewma and hash:HEADER are accepted)"},
      {[](auto& s) { s.check_interval = 0; },
       "service web: check_interval=0: a number from 1 to 2678400000 is accepted"},
      {[](auto& s) { s.fall = 1001; },
       "service web: fall=1001: a number from 1 to 1000 is accepted"},
      {[](auto& s) { s.rise = -1; }, "service web: rise=-1: a number from 1 to 1000 is accepted"},
      {[](auto& s) { s.client_timeout = -1; },
       "service web: client_timeout=-1: a number from 0 to 2678400000 is accepted"},
      {[](auto& s) { s.idle_timeout = kDurationMaxMs + 1; },
       "service web: idle_timeout=2678400001: a number from 0 to 2678400000 is accepted"},
      {[](auto& s) { s.check.send = std::string(65537, 'a'); },
       "service web: check: at most 65536 bytes are accepted for send and for expect"},
      {[](auto& s) { s.virtual_hosts = {"a:80"}; },
       R"(service web: virtual_hosts="a:80": host, host/path, *.host and * are accepted, without a port)"},
      {[](auto& s) {
         s.error_pages = {{"ftp://x", {}}};
       },
       R"(service web: error_pages="ftp://x": http://..., https://..., file:/PATH and text:TEXT are accepted)"},
      {[](auto& s) {
         s.error_pages = {{"file:/x", {200}}};
       },
       "service web: error_pages.file:/x=200: a number from 400 to 599 is accepted"},
      {[](auto& s) {
         s.listeners = {{"h:1", "tcp"}, {"h", "http"}};
       },
       R"(service web: listeners[1].address="h": no port; host:port, :port or [ipv6]:port is accepted)"},
      {[](auto& s) {
         s.listeners = {{"h:1", "ftp"}};
       },
       R"(service web: listeners[0].network="ftp": tcp, tcp4, tcp6, udp, udp4, udp6, unix, http, https, teleport, teleports are accepted)"},
      {[](auto& s) { s.check.type = "ping"; },
       R"(service web: check.type="ping": tcp, http, https, tls, exchange, none are accepted)"},
      {[](auto& s) { s.check.type = "exchange"; },
       "service web: check: a check of type exchange needs send, expect or both"},
      {[](auto& s) { s.check.path = "x"; },
       R"(service web: check.path="x": a path that begins with / is accepted)"},
      {[](auto& s) { s.check.path = "/a\r\nb"; },
       R"(service web: check.path="/a\r\nb": a path that begins with / is accepted)"},
      {[](auto& s) { s.check.host = "a\r\nb"; },
       R"(service web: check.host="a\r\nb": host, host:port and [ipv6]:port are accepted)"},
      {[](auto& s) { s.check.status = {99}; },
       "service web: check.status=99: a number from 100 to 599 is accepted"},
      {[](auto& s) { s.limits.connections = -1; },
       "service web: limits.connections=-1: a number from 0 to 1000000000 is accepted"},
      {[](auto& s) { s.client_limits.burst = -1; },
       "service web: client_limits.burst=-1: a number from 0 to 1000000000 is accepted"},
      {[](auto& s) { s.proxy_protocol = "v3"; },
       R"(service web: proxy_protocol="v3": v1, v2 are accepted)"},
      {[](auto& s) { s.accept_proxy_protocol = "any"; },
       R"(service web: accept_proxy_protocol="any": proxy_protocol_from must say which addresses may send the header; anybody could claim any address otherwise)"},
      {[](auto& s) { s.proxy_protocol_from = {"::1"}; },
       "service web: proxy_protocol_from: accept_proxy_protocol must say v1, v2 or any too"},
      {[](auto& s) { s.compression = "gzip"; },
       R"(service web: compression="gzip": auto, none, zstd, zstd:1 to zstd:19, zstd:auto, flate, flate:1 to flate:9, and snappy are accepted)"},
      {[](auto& s) { s.link_protocol = "v1"; },
       R"(service web: link_protocol="v1": auto, v2 and v0 are accepted)"},
      {[](auto& s) {
         s.link_protocol = "v2";
         s.compression = "flate:3";
       },
       R"(service web: compression="flate:3": with link_protocol="v2" auto, none, zstd, zstd:1 to zstd:19, and zstd:auto are accepted)"},
      {[](auto& s) { s.tls_server_name = "a b"; },
       R"(service web: tls_server_name="a b": the name of a host is accepted)"},
      {[](auto& s) { s.backends[0].name = "a/b"; },
       R"(service web: backend: name="a/b": a name without / is accepted)"},
      {[](auto& s) { s.backends[0].address = "h:0"; },
       R"(service web: backend b: address="h:0": host:port with a port from 1 to 65535 is accepted)"},
      {[](auto& s) { s.backends[0].network = "ftp"; },
       R"(service web: backend b: network="ftp": tcp, tcp4, tcp6, udp, udp4, udp6, unix, http, https, teleport, teleports are accepted)"},
      {[](auto& s) { s.backends[0].check_address = "h"; },
       R"(service web: backend b: check_address="h": no port; host:port, :port or [ipv6]:port is accepted)"},
      {[](auto& s) { s.backends[0].weight = 257; },
       "service web: backend b: weight=257: a number from 0 to 256 is accepted"},
      {[](auto& s) { s.backends[0].state = "off"; },
       R"(service web: backend b: state="off": up, down, drain, maint and an empty one are accepted)"},
      {[](auto& s) { s.backends.push_back(s.backends[0]); },
       R"(service web: backends="b": each name is accepted once)"},
  };
  for (const Case& one : cases) {
    ServiceConfig service = good();
    one.change(service);
    const std::vector<std::string> lines = validate(service);
    ASSERT_THAT(lines, testing::SizeIs(1)) << one.line;
    EXPECT_EQ(lines[0], one.line);
  }
}

TEST(Validate, LetsNothingIntoTheHostOfChecksButAHost) {
  ServiceConfig service = good();
  for (const char* host : {"", "a", "a:80", "a-b.c_d.:8443", "10.0.0.1", "10.0.0.1:80", "::1",
                           "2001:db8::1", "[::1]", "[::1]:443", "fe80::1%eth0"}) {
    service.check.host = host;
    EXPECT_THAT(validate(service), IsEmpty()) << host;
  }
  for (const char* host : {"a:\r\n\r\nDELETE /x HTTP/1.0\r\n\r\n", "a:80\r\n", "a: 80", "a b",
                           "a\tb", "a:", "a:x", "a:80:80", "a:65536", ":80", "a/b", "u@a", "[::1",
                           "[a]:80", "::1%\r\nx", "[::1%\n]:80", "a\x7f"}) {
    service.check.host = host;
    EXPECT_THAT(validate(service), testing::SizeIs(1)) << host;
  }
}

TEST(Validate, LetsNothingIntoThePathOfChecksButAPath) {
  ServiceConfig service = good();
  for (const char* path : {"/", "/a/b?c=d&e", "/%20"}) {
    service.check.path = path;
    EXPECT_THAT(validate(service), IsEmpty()) << path;
  }
  for (const char* path : {"", "a", "*", "http://a/", "/a b", "/a\tb", "/\r\n", "/\x7f", "/a#b"}) {
    service.check.path = path;
    EXPECT_THAT(validate(service), testing::SizeIs(1)) << path;
  }
}

TEST(Validate, TellsAllProblemsAtOnce) {
  ServiceConfig service = good();
  service.fall = 0;
  service.balance = "XX";
  service.backends[0].weight = -1;
  EXPECT_EQ(validate(service).size(), 3);
}

TEST(Validate, NamesInItsLinesEndNoLine) {
  ServiceConfig service = good();
  service.name = "a\nb";
  service.fall = 0;
  for (const std::string& line : validate(service))
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
}

TEST(Validate, KnowsWhichBackendsFitWhatArrives) {
  struct Case {
    const char* network;
    bool tcp, udp, http, nothing;  // of a service with that alone
  };
  const Case cases[] = {
      {"tcp", true, true, true, true},      {"tcp6", true, true, true, true},
      {"unix", true, true, true, true},     {"http", true, true, true, true},
      {"udp", false, true, false, true},    {"https", false, false, true, true},
      {"teleport", true, true, true, true}, {"teleports", true, true, true, true},
  };
  for (const Case& one : cases) {
    ServiceConfig service = good();
    service.backends[0].network = one.network;
    if (std::string_view(one.network) == "unix") service.backends[0].address = "/x";
    EXPECT_EQ(validate(service).empty(), one.tcp) << one.network;
    service.network = "udp";
    EXPECT_EQ(validate(service).empty(), one.udp) << one.network;
    service.network = "https";
    EXPECT_EQ(validate(service).empty(), one.http) << one.network;
    service.network = "tcp";
    service.address = "";
    EXPECT_EQ(validate(service).empty(), one.nothing) << one.network;
    service.virtual_hosts = {"h"};
    EXPECT_EQ(validate(service).empty(), one.http) << one.network;
  }
}

TEST(Validate, KnowsWhatComesOverLinks) {
  ServiceConfig service = good();
  service.network = "teleport";
  EXPECT_EQ(link_traffic(service), LinkTraffic::kHttp);
  EXPECT_THAT(validate(service), IsEmpty());
  service.link_traffic = "tcp";
  EXPECT_TRUE(arrivals(service).streams && !arrivals(service).requests);
  EXPECT_THAT(validate(service), IsEmpty());
  service.backends[0].network = "udp";
  EXPECT_THAT(
      validate(service),
      ElementsAre(
          R"(service web: backend b: network="udp": udp, udp4 and udp6 are accepted in services that take datagrams only (listeners of udp, and of links with link_traffic udp))"));
  service.link_traffic = "";
  EXPECT_EQ(link_traffic(service), LinkTraffic::kUdp);
  EXPECT_THAT(validate(service), IsEmpty());
  service.backends[0].network = "https";
  service.link_traffic = "udp";
  EXPECT_THAT(
      validate(service),
      ElementsAre(
          R"(service web: backend b: network="https": accepted in services that take HTTP requests only (virtual_hosts, listeners of http and https, and of links with link_traffic http))"));
  service.backends[0].network = "tcp";
  service.link_traffic = "sctp";
  EXPECT_THAT(validate(service),
              ElementsAre(R"(service web: link_traffic="sctp": http, tcp, udp are accepted)"));
}

TEST(Validate, TakesNoV0WhereLinksCarryNoHttp) {
  ServiceConfig service = good();
  service.backends[0].network = "teleport";
  service.link_protocol = "v0";
  const char* const line =
      R"(service web: link_protocol="v0": auto and v2 are accepted where links carry TCP or UDP)";
  EXPECT_THAT(validate(service), ElementsAre(line));
  service.network = "udp";
  EXPECT_THAT(validate(service), ElementsAre(line));
  service.network = "http";
  EXPECT_THAT(validate(service), IsEmpty());
  service.backends[0].network = "tcp";
  service.network = "teleport";
  EXPECT_THAT(validate(service), IsEmpty());
  service.link_traffic = "tcp";
  EXPECT_THAT(validate(service), ElementsAre(line));
  service.link_protocol = "";
  service.compression = "flate";
  EXPECT_THAT(
      validate(service),
      ElementsAre(
          R"(service web: compression="flate": with link_protocol="v2" auto, none, zstd, zstd:1 to zstd:19, and zstd:auto are accepted)"));
}

TEST(Validate, WantsNoListOfSendersOnUnixSockets) {
  ServiceConfig service = good();
  service.address = "/run/x";
  service.network = "unix";
  service.accept_proxy_protocol = "any";
  EXPECT_THAT(validate(service), IsEmpty());
}

TEST(Validate, LooksAtGlobalValuesToo) {
  Globals globals;
  globals.balance = "XX";
  globals.fall = -1;
  EXPECT_THAT(
      validate(globals),
      ElementsAre(R"(balance="XX": RR, LC, least-loaded, p2c, ewma and hash:HEADER are accepted)",
                  "fall=-1: a number from 0 to 1000 is accepted"));
}

}  // namespace
}  // namespace httpteleport::service
