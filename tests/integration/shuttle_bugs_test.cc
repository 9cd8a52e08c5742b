// What the older program did wrong with HTTP, its configuration and its client. Each test says what
// is right.
#include <algorithm>
#include <array>
#include <atomic>

#include "running_shuttle.h"
#include "support/content.h"
#include "support/scripted_peer.h"
#include "support/tls_client.h"

namespace httpteleport::test {
namespace {

// A shuttle in front of an origin, "web" at web.test.
class ShuttleBugs : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(shuttle_.started()); }
  void put_web(const std::string& more = {}) const {
    shuttle_.change("/web", host_json("web.test", backend_json("a", origin_.address()), more));
  }
  Message fetch(const std::string& target, const std::string& fields = {}) const {
    return shuttle_.fetch("web.test", target, fields);
  }
  // Which backends answer that many requests, in that order.
  std::string answering(int requests) const {
    std::string names;
    for (int i = 0; i < requests; ++i) {
      const Message answer = fetch("/bytes/1");
      EXPECT_EQ(answer.head.status, 200);
      names += answer.head.find("X-Backend").value_or("?");
    }
    return names;
  }

  Origin origin_;
  RunningShuttle shuttle_;
};

// ---- The way to https.

TEST_F(ShuttleBugs, ARedirectLeadsToHttpsOnceAndWithoutThePort) {
  put_web(R"(, "https-redirect": true)");
  const Message answer = shuttle_.fetch("web.test:8080", "/a/b?c=d");
  EXPECT_EQ(answer.head.status, 301);
  EXPECT_EQ(answer.head.find("Location"), "https://web.test/a/b?c=d");
  HttpConnection client(shuttle_.http());
  client.send("POST /a HTTP/1.1\r\nHost: web.test\r\nContent-Length: 1\r\n\r\nx");
  const Message post = client.read_final_response();
  EXPECT_EQ(post.head.status, 308);
  EXPECT_EQ(post.head.find("Location"), "https://web.test/a");
  EXPECT_EQ(fetch("/bytes/10", "X-Forwarded-Proto: https\r\n").head.status, 200);
  EXPECT_EQ(fetch("/bytes/10", "X-Forwarded-Proto: http\r\n").head.status, 301);
}

TEST(ShuttleRedirect, DoesNotTouchWhatComesOverTls) {
  const TestCa ca("root");
  const Pem pem = ca.issue({.names = {"web.test"}});
  const TemporaryFolder folder;
  folder.write("web.pem", pem.certificate);
  folder.write("web.key", pem.key);
  RunningShuttle shuttle({"-https=127.0.0.1:0", "-certs=" + folder.path(), "-https-redirect"});
  ASSERT_TRUE(shuttle.started());
  const Origin origin;
  shuttle.change("/web", host_json("web.test", backend_json("a", origin.address())));
  EXPECT_EQ(shuttle.fetch("web.test", "/bytes/10").head.status, 301);
  auto client =
      TlsClient::connect(shuttle.https(), {.server_name = "web.test", .trusted_pem = ca.pem()});
  ASSERT_TRUE(client && client->is_complete());
  client->send_all("GET /bytes/10 HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n");
  const Received answer = client->recv_to_end();
  EXPECT_TRUE(answer.bytes.starts_with("HTTP/1.1 200 ")) << answer.bytes;
}

TEST_F(ShuttleBugs, TheGlobalRedirectIsThatOfAllServices) {
  put_web();
  EXPECT_EQ(fetch("/bytes/10").head.status, 200);
  shuttle_.change("/_config", R"({"https-redirect": true})");
  EXPECT_EQ(fetch("/bytes/10").head.status, 301);
  shuttle_.change("/_config", R"({"fall": 3})");
  EXPECT_EQ(fetch("/bytes/10").head.status, 301);
  shuttle_.change("/_config", R"({"https-redirect": false})");
  EXPECT_EQ(fetch("/bytes/10").head.status, 200);
}

TEST_F(ShuttleBugs, APartialUpdateKeepsRedirectAndMaintenance) {
  put_web(R"(, "https-redirect": true, "maintenance_mode": true)");
  shuttle_.change("/web", R"({"fall": 3})");
  shuttle_.change("/_config", R"({"services": [{"name": "web", "rise": 3}]})");
  shuttle_.change("/web/a", R"({"weight": 2})");
  const std::string config = shuttle_.get("/web/_config").body;
  EXPECT_NE(config.find("\"https-redirect\": true"), std::string::npos) << config;
  EXPECT_NE(config.find("\"maintenance_mode\": true"), std::string::npos) << config;
  EXPECT_EQ(fetch("/bytes/10").head.status, 301);
  EXPECT_EQ(fetch("/bytes/10", "X-Forwarded-Proto: https\r\n").head.status, 503);
}

// ---- State and configuration.

TEST(ShuttleState, WinsOverTheConfiguration) {
  const TemporaryFolder folder;
  const std::string initial =
      R"({"services": [{"name": "web", "virtual_hosts": ["web.test"], "fall": 3}]})";
  const std::string config = folder.write("config.json", initial);
  const Flags flags = {"-config=" + config, "-state=" + folder.file("state.json")};
  {
    RunningShuttle shuttle(flags);
    ASSERT_TRUE(shuttle.started());
    EXPECT_EQ(shuttle.number("/web/_config", "fall"), 3);
    shuttle.change("/web", R"({"fall": 9})");
    shuttle.kill();  // what was acknowledged is in the file
  }
  RunningShuttle shuttle(flags);
  ASSERT_TRUE(shuttle.started());
  EXPECT_EQ(shuttle.number("/web/_config", "fall"), 9);
  EXPECT_EQ(read_file(config), initial);
}

TEST(ShuttleState, ThatIsBrokenIsReportedAndKept) {
  const TemporaryFolder folder;
  const std::string broken = R"({"services": [{"name": "we)";
  const std::string state = folder.write("state.json", broken);
  const std::string config = folder.write(
      "config.json", R"({"services": [{"name": "web", "virtual_hosts": ["h"], "fall": 3}]})");
  RunningShuttle shuttle({"-config=" + config, "-state=" + state});
  ASSERT_TRUE(shuttle.started());
  EXPECT_NE(shuttle.process().output().find(state), std::string::npos)
      << shuttle.process().output();
  EXPECT_EQ(shuttle.number("/web/_config", "fall"), 3);
  EXPECT_EQ(read_file(state), broken);
  shuttle.change("/web", R"({"fall": 9})");
  EXPECT_NE(read_file(state), broken);
  EXPECT_EQ(read_file(state + ".broken"), broken);
}

// ---- Balancing.

TEST_F(ShuttleBugs, LeastConnectionsCountsRequestsAndWeights) {
  Origin other;
  for (const auto& [weight, first, second] : {std::array{1, 4, 4}, std::array{3, 6, 2}}) {
    shuttle_.change("/web", host_json("web.test",
                                      backend_json("a", origin_.address(),
                                                   ", \"weight\": " + std::to_string(weight)) +
                                          "," + backend_json("b", other.address()),
                                      R"(, "balance": "LC")"));
    origin_.close_gate();
    other.close_gate();
    std::vector<std::unique_ptr<HttpConnection>> clients;
    for (uint64_t i = 1; i <= 8; ++i) {
      clients.push_back(std::make_unique<HttpConnection>(shuttle_.http()));
      clients.back()->send("GET /bytes/1?hold=1 HTTP/1.1\r\nHost: web.test\r\n\r\n");
      ASSERT_TRUE(wait_until([&] { return origin_.counters().held + other.counters().held == i; }));
    }
    EXPECT_EQ(origin_.counters().held, static_cast<uint64_t>(first));
    EXPECT_EQ(other.counters().held, static_cast<uint64_t>(second));
    origin_.open_gate();
    other.open_gate();
    for (const auto& client : clients)
      EXPECT_EQ(client->read_final_response().head.status, 200);
  }
}

TEST_F(ShuttleBugs, RoundRobinIsSmoothByWeight) {
  const Origin other;
  const auto weights = [&](int weight) {
    const std::string more = ", \"weight\": " + std::to_string(weight);
    shuttle_.change("/web", host_json("web.test",
                                      backend_json("a", origin_.address(), more) + "," +
                                          backend_json("b", other.address(), R"(, "weight": 3)"),
                                      R"(, "backend_header": true)"));
  };
  weights(3);
  std::string names = answering(12);
  EXPECT_TRUE(names == "abababababab" || names == "babababababa") << names;
  weights(9);
  names = answering(24);
  EXPECT_EQ(std::count(names.begin(), names.end(), 'b'), 6) << names;
  EXPECT_EQ(names.find("bb"), std::string::npos) << names;
  EXPECT_EQ(names.find("aaaaa"), std::string::npos) << names;
}

TEST_F(ShuttleBugs, TheOnlyBackendGetsNothingWhileItIsDown) {
  const std::string check = R"(, "check_address": ")" + dead_address().text() + "\"";
  shuttle_.change("/web", host_json("web.test", backend_json("a", origin_.address(), check),
                                    R"(, "check_interval": 50, "fall": 1)"));
  ASSERT_TRUE(shuttle_.wait_up("web/a", false));
  EXPECT_EQ(fetch("/bytes/10").head.status, 502);
  EXPECT_EQ(origin_.counters().requests, 0U);
}

// ---- Error pages.

TEST_F(ShuttleBugs, AnErrorPageHasItsOwnLength) {
  Origin pages;
  const std::string url = "http://" + pages.address().text() + "/bytes/5000?seed=7";
  put_web(R"(, "error_pages": {")" + url + R"(": [500, 503]})");
  const Content page = Content::bytes(5000, 7);
  ASSERT_TRUE(wait_until([&] { return fetch("/status/500").body.size() == page.size(); }));
  HttpConnection client(shuttle_.http());
  for (const char* status : {"500", "503", "500"}) {
    client.send("GET /status/" + std::string(status) + " HTTP/1.1\r\nHost: web.test\r\n\r\n");
    const Message answer = client.read_final_response();
    EXPECT_EQ(answer.outcome, Outcome::kComplete);
    EXPECT_EQ(std::to_string(answer.head.status), status);
    EXPECT_EQ(answer.head.find("Content-Length"), "5000");
    EXPECT_TRUE(page.matches(0, answer.body));
  }
  EXPECT_EQ(fetch("/bytes/10").body.size(), 10U);
  EXPECT_EQ(pages.counters().requests, 1U);
}

TEST_F(ShuttleBugs, AnErrorPageThatCannotBeHadKeepsTheBackendsOwn) {
  put_web(R"(, "error_pages": {"http://)" + dead_address().text() + R"(/x": [500]})");
  const Message own = get(origin_.address(), "/status/500");
  const Message answer = fetch("/status/500");
  EXPECT_EQ(answer.head.status, 500);
  EXPECT_EQ(answer.body, own.body);
  EXPECT_FALSE(answer.body.empty());
}

TEST_F(ShuttleBugs, AnErrorPageThatDoesNotComeDelaysNobody) {
  ScriptedPeer pages;
  std::atomic<bool> asked = false;
  pages.add_script([&](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    asked = true;
    connection.stall();
  });
  put_web(R"(, "error_pages": {"http://)" + pages.address().text() + R"(/x": [500]})");
  ASSERT_TRUE(wait_until([&] { return asked.load(); }));
  const auto start = Clock::now();
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(fetch("/status/500").head.status, 500);
  // Of the older program each takes up to 5 s.
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(50));
  pages.release();
  pages.join();
}

// ---- Virtual hosts.

TEST_F(ShuttleBugs, ServicesOfAHostCanBeRemovedWhileNoneIsUp) {
  const std::string check = R"(, "check_address": ")" + dead_address().text() + "\"";
  for (const char* name : {"/one", "/two"}) {
    shuttle_.change(name, host_json("web.test", backend_json("a", origin_.address(), check),
                                    R"(, "check_interval": 50, "fall": 1)"));
  }
  ASSERT_TRUE(shuttle_.wait_up("one/a", false));
  ASSERT_TRUE(shuttle_.wait_up("two/a", false));
  for (const char* last : {"/two", "/one"}) {
    EXPECT_EQ(fetch("/bytes/1").head.status, 502);
    EXPECT_EQ(fetch("/bytes/1").head.status, 502);
    shuttle_.change(last, "", "DELETE");
  }
  EXPECT_EQ(fetch("/bytes/1").head.status, 404);
  put_web();
  EXPECT_EQ(fetch("/bytes/1").head.status, 200);
}

// ---- The client.

class ShuttleClient : public ShuttleBugs {
 protected:
  // Runs shuttle-cli against the running shuttle; it must succeed.
  void run(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {bin_dir() + "/shuttle-cli",
                                     "-addr=" + shuttle_.admin().text()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    Process process(argv);
    const auto status = process.wait_exit(after(3 * kPatience));
    EXPECT_EQ(status.value_or(ExitStatus{}).code, 0) << arguments[0] << ": " << process.output();
  }
  bool config_has(const std::string& text) const {
    return shuttle_.get("/_config").body.find(text) != std::string::npos;
  }
};

TEST_F(ShuttleClient, SendsEachErrorPageWithItsStatuses) {
  run({"add", "web", "-vhost=web.test", "-error-page=http://127.0.0.1:9/one|500,503"});
  const std::string text = shuttle_.get("/web/_config").body;
  EXPECT_NE(text.find("\"http://127.0.0.1:9/one\": [\n      500,\n      503\n    ]"),
            std::string::npos)
      << text;
}

TEST_F(ShuttleClient, TakesTimesWithUnitsAndWithout) {
  run({"add", "web", "-vhost=web.test", "-check-interval=10s", "-client-timeout=7000"});
  EXPECT_EQ(shuttle_.number("/web/_config", "check_interval"), 10000);
  EXPECT_EQ(shuttle_.number("/web/_config", "client_timeout"), 7000);
}

TEST_F(ShuttleClient, RemovesABackendAndNotItsService) {
  put_web();
  run({"add", "web/b", "-address=127.0.0.1:9"});
  EXPECT_EQ(shuttle_.get("/web/b").head.status, 200);
  run({"remove", "web/b"});
  EXPECT_EQ(shuttle_.get("/web/b").head.status, 404);
  EXPECT_EQ(shuttle_.get("/web/a").head.status, 200);
  run({"remove", "web"});
  EXPECT_EQ(shuttle_.get("/web").head.status, 404);
}

TEST_F(ShuttleClient, SetsTheGlobalRedirect) {
  put_web();
  run({"config", "-https-redirect"});
  EXPECT_EQ(fetch("/bytes/1").head.status, 301);
}

TEST_F(ShuttleClient, AnUpdateKeepsMaintenance) {
  put_web(R"(, "maintenance_mode": true)");
  run({"update", "web", "-fall=4"});
  EXPECT_EQ(shuttle_.number("/web/_config", "fall"), 4);
  EXPECT_TRUE(config_has("\"maintenance_mode\": true"));
}

}  // namespace
}  // namespace httpteleport::test
