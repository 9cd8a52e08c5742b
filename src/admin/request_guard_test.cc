#include "admin/request_guard.h"

#include <gtest/gtest.h>

#include <string>

#include "admin/test_local_server.h"
#include "support/temporary_folder.h"

namespace httpteleport::admin {
namespace {

constexpr std::string_view kToken = "a-good-token-1";

// Says where it was asked.
class TestPages final : public PageSource {
 public:
  Page page_for(const Request& request) override {
    return {.body = request.method_text + " " + std::string(request.path())};
  }
};

// 0: let in.
int refusal(const RequestGuard& guard, const Request& request) {
  const auto page = guard.refuse(request);
  return page ? page->status : 0;
}

Request request_for(std::string_view host, std::string_view method = "GET") {
  Request request;
  request.method = http::method_of(method);
  request.method_text = method;
  request.target = "/_config";
  request.authority = host;
  request.local = net::loopback(9090);
  return request;
}

TEST(RequestGuardTest, KnowsTheLoopbackByAllItsNames) {
  const RequestGuard guard({});
  for (const char* host :
       {"127.0.0.1", "127.0.0.1:9090", "127.8.8.8", "localhost", "LOCALHOST:1", "localhost.",
        "a.localhost:9090", "[::1]:9090", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"})
    EXPECT_EQ(refusal(guard, request_for(host)), 0) << host;
}

TEST(RequestGuardTest, RefusesHostsThatMayBeAnybodys) {
  const RequestGuard guard({});
  for (const char* host :
       {"evil.example", "evil.example:9090", "127.0.0.1.evil.example", "localhost.evil.example",
        "xlocalhost", "10.0.0.1", "[2001:db8::1]:9090", "127.1", "0x7f000001", ":9090", "."})
    EXPECT_EQ(refusal(guard, request_for(host)), 403) << host;
}

TEST(RequestGuardTest, KnowsTheAddressThatTheClientHasConnectedTo) {
  const RequestGuard guard({});
  Request request = request_for("192.0.2.1:9090");
  EXPECT_EQ(refusal(guard, request), 403);
  request.local = net::resolve_connect({"192.0.2.1", 9090})->front();
  EXPECT_EQ(refusal(guard, request), 0);
  request.authority = "192.0.2.2:9090";
  EXPECT_EQ(refusal(guard, request), 403);
}

TEST(RequestGuardTest, KnowsHostsThatItWasTold) {
  const RequestGuard guard({.hosts = {"admin.example", "Other.Example:80", "2001:db8::1"}});
  for (const char* host :
       {"admin.example", "ADMIN.example:9090", "other.example", "[2001:DB8:0::1]:1"})
    EXPECT_EQ(refusal(guard, request_for(host)), 0) << host;
  EXPECT_EQ(refusal(guard, request_for("sub.admin.example")), 403);
  EXPECT_EQ(refusal(RequestGuard({.hosts = {"*"}}), request_for("any.example")), 0);
}

TEST(RequestGuardTest, AsksNoHostOfClientsThatAreNoBrowsers) {
  const RequestGuard guard({});
  EXPECT_EQ(refusal(guard, request_for("")), 0);
  Request request = request_for("any.example");
  request.local = *net::Address::unix_path("/run/shuttle.sock");
  EXPECT_EQ(refusal(guard, request), 0);
}

TEST(RequestGuardTest, LetsPagesOfOtherOriginsChangeNothing) {
  const RequestGuard guard({.hosts = {"a.example"}});
  const struct {
    const char* host;
    const char* origin;
    int status;
  } cases[] = {
      {"127.0.0.1:9090", "http://127.0.0.1:9090", 0},
      {"a.example", "http://a.example", 0},
      {"a.example:80", "http://A.example", 0},
      {"a.example", "https://a.example:443", 0},
      {"127.0.0.1:9090", "http://127.0.0.1:3000", 403},
      {"127.0.0.1:9090", "http://evil.example", 403},
      {"127.0.0.1:9090", "null", 403},
      {"127.0.0.1:9090", "", 403},
      {"a.example", "https://a.example:80", 403},
  };
  for (const auto& c : cases) {
    for (const char* method : {"PUT", "POST", "DELETE", "PATCH"}) {
      Request request = request_for(c.host, method);
      request.fields.emplace_back("origin", c.origin);
      EXPECT_EQ(refusal(guard, request), c.status) << method << " " << c.host << " " << c.origin;
    }
    Request request = request_for(c.host);
    request.fields.emplace_back("Origin", c.origin);
    EXPECT_EQ(refusal(guard, request), 0) << c.origin;
  }
}

TEST(RequestGuardTest, LooksAtEveryOriginThatIsNamed) {
  const RequestGuard guard({});
  for (const bool own_first : {true, false}) {
    Request request = request_for("127.0.0.1:9090", "PUT");
    request.fields.emplace_back("Origin", own_first ? "http://127.0.0.1:9090" : "http://evil");
    request.fields.emplace_back("Origin", own_first ? "http://evil" : "http://127.0.0.1:9090");
    EXPECT_EQ(refusal(guard, request), 403);
  }
}

class AdminTokenTest : public testing::Test {
 protected:
  std::string load(std::string_view text) { return token_.load(folder_.write("token", text)); }

  test::TemporaryFolder folder_;
  AdminToken token_;
};

TEST_F(AdminTokenTest, IsTheFirstLineOfItsFile) {
  EXPECT_EQ(load(" " + std::string(kToken) + "\r\nsecond line\n"), "");
  EXPECT_TRUE(token_.is_borne_by("Bearer " + std::string(kToken)));
  EXPECT_TRUE(token_.is_borne_by("bearer  " + std::string(kToken) + " "));
}

TEST_F(AdminTokenTest, IsComparedToTheLastCharacter) {
  EXPECT_EQ(load(kToken), "");
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "Bearer a-good-token-", "Bearer a-good-token-12",
        "Bearer a-good-token-2", "Bearer A-good-token-1", "Basic a-good-token-1", "a-good-token-1"})
    EXPECT_FALSE(token_.is_borne_by(wrong)) << wrong;
}

TEST_F(AdminTokenTest, IsNotReadFromALongFile) {
  const std::string token = std::string(kToken) + "\n";
  EXPECT_EQ(load(token + std::string(AdminToken::kFileBytesMax - token.size(), 'x')), "");
  EXPECT_EQ(load(token + std::string(AdminToken::kFileBytesMax, 'x')),
            "-admin-token=\"" + folder_.file("token") + "\" is longer than 65536 bytes");
}

TEST_F(AdminTokenTest, LetsNobodyInBeforeItIsRead) {
  EXPECT_FALSE(token_.is_borne_by("Bearer "));
  EXPECT_EQ(token_.load(folder_.file("none")), "-admin-token=\"" + folder_.file("none") +
                                                   "\": cannot open: No such file or directory");
  EXPECT_NE(load("\n\n"), "");
  EXPECT_NE(load("short"), "");
  EXPECT_NE(load("white space"), "");
  EXPECT_FALSE(token_.is_borne_by("Bearer short"));
}

TEST_F(AdminTokenTest, StaysWhenItsFileTurnsBad) {
  EXPECT_EQ(load(kToken), "");
  EXPECT_NE(load("short"), "");
  EXPECT_TRUE(token_.is_borne_by("Bearer " + std::string(kToken)));
  EXPECT_EQ(load("another-token"), "");
  EXPECT_FALSE(token_.is_borne_by("Bearer " + std::string(kToken)));
}

TEST_F(AdminTokenTest, IsAskedForButToTellHealth) {
  ASSERT_EQ(load(kToken), "");
  TestPages pages;
  const RequestGuard guard({.token = &token_});
  GuardedSite site(pages, guard);
  TestLocalServer server(site);
  const TestAnswer answer = server.get("/_config");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.field("WWW-Authenticate"), "Bearer realm=\"shuttle\"");
  EXPECT_TRUE(answer.body.ends_with("\n"));
  EXPECT_EQ(server.get("/_health").status, 200);
  EXPECT_EQ(server.get("/_ready").status, 200);
  EXPECT_EQ(server.get("/_metrics").status, 401);
  EXPECT_EQ(server.get("/_health/x").status, 401);
  EXPECT_EQ(server.get("/_config", "Authorization: Bearer a-good-token-1\r\n").body,
            "GET /_config");
}

TEST(GuardedSiteTest, RefusesOverARealConnection) {
  TestPages pages;
  const RequestGuard guard({});
  GuardedSite site(pages, guard);
  TestLocalServer server(site);
  EXPECT_EQ(server.get("/a").status, 200);
  const TestAnswer rebound = server.get("/a", "Host: evil.example\r\n");
  EXPECT_EQ(rebound.status, 403);
  EXPECT_EQ(rebound.body,
            "requests for Host \"evil.example\" are not served; name it in -admin-hosts if they "
            "should be\n");
  EXPECT_EQ(server.get("/a", "Host:\r\n").status, 403);
  net::TestPeer& old = server.connect();
  old.send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_EQ(server.read(old).status, 200);
  EXPECT_EQ(server.ask("POST", "/a", "x", "Origin: http://evil.example\r\n").status, 403);
  EXPECT_EQ(server.ask("POST", "/a", "x", "Origin: http://" + server.authority() + "\r\n").status,
            200);
}

TEST(ReadOnlySiteTest, ServesNothingButWhatScrapersRead) {
  TestPages pages;
  ReadOnlySite site(pages);
  TestLocalServer server(site);
  for (const char* path : {"/_metrics", "/_health", "/_ready", "/_stats"}) {
    EXPECT_EQ(server.get(path, "Host: shuttle.example\r\n").body, "GET " + std::string(path));
    EXPECT_EQ(server.ask("HEAD", path).status, 200);
    for (const char* method : {"PUT", "POST", "DELETE", "BREW"}) {
      const TestAnswer answer = server.ask(method, path);
      EXPECT_EQ(answer.status, 405) << method;
      EXPECT_EQ(answer.field("Allow"), "GET, HEAD");
    }
  }
  for (const char* path : {"/", "/_config", "/web", "/web/_stats", "/_metrics/", "/_events"})
    EXPECT_EQ(server.get(path).status, 404) << path;
  EXPECT_EQ(server.ask("PUT", "/_config", "{}").status, 404);
}

}  // namespace
}  // namespace httpteleport::admin
