// HTTP through a running shuttle: which service a request goes to, what is added to it, what it is
// refused for, and how it reaches backends that are not plain HTTP.
#include <string>

#include "running_shuttle.h"
#include "support/content.h"
#include "support/tls_client.h"
#include "support/websocket.h"

namespace httpteleport::test {
namespace {

class ShuttleHttp : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(shuttle_.started()); }
  // A service with one backend of its own name, which answers tell.
  void put(const std::string& name, const std::string& hosts, const std::string& more = {}) const {
    shuttle_.change("/" + name, R"({"virtual_hosts": )" + hosts +
                                    R"(, "backend_header": true, "backends": [)" +
                                    backend_json(name, origin_.address()) + "]" + more + "}");
  }
  // The service that answers, or a status.
  std::string service_of(const std::string& host, const std::string& target = "/") const {
    const Message answer = shuttle_.fetch(host, target);
    return answer.head.find("X-Backend").value_or(std::to_string(answer.head.status));
  }
  // What the backend is asked, as text.
  std::string seen(const std::string& fields = {}) const {
    return shuttle_.fetch("web.test", "/headers", fields).body;
  }

  Origin origin_;
  RunningShuttle shuttle_;
};

// The value of a field in the text of a head; "?" if it is not there once.
std::string field_of(const std::string& head, const std::string& name) {
  const std::string start = "\n" + name + ": ";
  const size_t at = head.find(start);
  if (at == std::string::npos || head.find(start, at + 1) != std::string::npos) return "?";
  return head.substr(at + start.size(), head.find('\r', at) - at - start.size());
}

// ---- Which service.

TEST_F(ShuttleHttp, HostsAreCompared) {
  put("web", R"(["Web.Test"])");
  put("wild", R"(["*.wild.test"])");
  put("deep", R"(["*.deep.wild.test"])");
  const struct {
    const char* host;
    const char* service;
  } cases[] = {
      {"web.test", "web"},          {"WEB.tEST", "web"},        {"web.test:8080", "web"},
      {"web.test.", "web"},         {"other.test", "404"},      {"a.web.test", "404"},
      {"a.wild.test", "wild"},      {"A.B.Wild.test", "wild"},  {"wild.test", "404"},
      {"a.deep.wild.test", "deep"}, {"deep.wild.test", "wild"}, {"xweb.test", "404"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(service_of(c.host), c.service) << c.host;
  const Message none = shuttle_.fetch("other.test", "/");
  EXPECT_EQ(none.body, "Not found\n");
  put("rest", R"(["*"])");
  EXPECT_EQ(service_of("other.test"), "rest");
  EXPECT_EQ(service_of("[::1]:80"), "rest");
  EXPECT_EQ(service_of("a.wild.test"), "wild");
}

TEST_F(ShuttleHttp, TheLongestPathThatFitsWins) {
  put("all", R"(["web.test"])");
  put("shop", R"(["web.test/shop"])");
  put("cart", R"(["web.test/shop/cart/"])");
  const struct {
    const char* target;
    const char* service;
  } cases[] = {
      {"/", "all"},
      {"/shop", "shop"},
      {"/shop/", "shop"},
      {"/shop?x=/y", "shop"},
      {"/shopping", "all"},
      {"/Shop", "all"},
      {"/shop/x", "shop"},
      {"/shop/cart", "cart"},
      {"/shop/cart/1", "cart"},
      {"/shop/carts", "shop"},
      {"/x/shop", "all"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(service_of("web.test", c.target), c.service) << c.target;
}

TEST_F(ShuttleHttp, ServicesOfOneHostHaveTheirTurns) {
  put("one", R"(["web.test"])");
  put("two", R"(["web.test"])");
  int one = 0;
  for (int i = 0; i < 10; ++i)
    one += service_of("web.test") == "one" ? 1 : 0;
  EXPECT_EQ(one, 5);
  shuttle_.change("/one/one/_state", "drain");
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(service_of("web.test"), "two");
}

// ---- What is added.

TEST_F(ShuttleHttp, RequestsGetAnIdAndTellWhereTheyAreFrom) {
  put("web", R"(["web.test"])");
  const std::string head = seen();
  EXPECT_GE(field_of(head, "X-Request-Id").size(), 16U) << head;
  EXPECT_NE(field_of(head, "X-Request-Id"), field_of(seen(), "X-Request-Id"));
  EXPECT_EQ(field_of(head, "X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(field_of(head, "X-Forwarded-Proto"), "http");
  EXPECT_EQ(field_of(head, "X-Forwarded-Host"), "web.test");
  EXPECT_EQ(field_of(head, "Host"), "web.test");
  const std::string known = seen("X-Request-Id: mine\r\nX-Forwarded-For: 192.0.2.1\r\n");
  EXPECT_NE(field_of(known, "X-Request-Id").find("mine"), std::string::npos) << known;
  EXPECT_EQ(field_of(known, "X-Forwarded-For"), "192.0.2.1, 127.0.0.1");
}

TEST_F(ShuttleHttp, BackendsAreNotToldUnlessThatIsWanted) {
  shuttle_.change("/web", host_json("web.test", backend_json("a", origin_.address())));
  EXPECT_FALSE(shuttle_.fetch("web.test", "/bytes/1").head.find("X-Backend"));
  shuttle_.change("/web", R"({"backend_header": true})");
  EXPECT_EQ(shuttle_.fetch("web.test", "/bytes/1").head.find("X-Backend"), "a");
}

// ---- Streams.

TEST_F(ShuttleHttp, WebSocketsGoThroughAVirtualHost) {
  const WebSocketEcho echo;
  shuttle_.change("/chat", host_json("*", backend_json("a", echo.address())));
  std::string error;
  auto client = WebSocket::open(shuttle_.http(), error);
  ASSERT_TRUE(client) << error;
  for (const char* text : {"one", "two"}) {
    ASSERT_EQ(client->send_frame(text), IoStatus::kOk);
    EXPECT_EQ(client->read_frame().bytes, text);
  }
  EXPECT_EQ(echo.opened(), 1);
}

TEST_F(ShuttleHttp, EventsComeAsTheyHappen) {
  put("web", R"(["web.test"])");
  HttpConnection client(shuttle_.http());
  client.send("GET /sse HTTP/1.1\r\nHost: web.test\r\n\r\n");
  const Received head = client.socket().recv_until("\r\n\r\n");
  ASSERT_EQ(head.status, IoStatus::kOk);
  EXPECT_TRUE(head.bytes.starts_with("HTTP/1.1 200 ")) << head.bytes;
  // The next one is sent only when the one before is here: what is held back would never come.
  for (const char* text : {"first", "second", "third"}) {
    origin_.send_event(text);
    EXPECT_EQ(client.socket().recv_until(text).status, IoStatus::kOk) << text;
  }
}

TEST_F(ShuttleHttp, BodiesGoBothWaysUnchanged) {
  put("web", R"(["web.test"])");
  const Content content = Content::bytes(2'000'000, 5);
  HttpConnection client(shuttle_.http());
  client.send("POST /hash HTTP/1.1\r\nHost: web.test\r\nContent-Length: 2000000\r\n\r\n" +
              content.to_string());
  Hash64 hash;
  hash.update(content.to_string());
  EXPECT_EQ(client.read_final_response().body, hash.line());
  client.send("GET /bytes/2000000?seed=5 HTTP/1.1\r\nHost: web.test\r\n\r\n");
  EXPECT_TRUE(body_is(client.read_final_response(), content));
}

// ---- What is refused.

TEST_F(ShuttleHttp, MaintenanceRefusesAllRequestsUntilItIsOver) {
  put("web", R"(["web.test"])", R"(, "error_pages": {"text:<h1>Back soon</h1>": [503]})");
  shuttle_.change("/web/_maintenance", "on");
  const Message answer = shuttle_.fetch("web.test", "/bytes/10");
  EXPECT_EQ(answer.head.status, 503);
  EXPECT_EQ(answer.body, "<h1>Back soon</h1>");
  EXPECT_EQ(origin_.counters().requests, 0U);
  shuttle_.change("/web", R"({"maintenance_mode": false})");
  EXPECT_EQ(shuttle_.fetch("web.test", "/bytes/10").head.status, 200);
}

TEST_F(ShuttleHttp, RequestsOverALimitAreToldWhenToComeBack) {
  put("web", R"(["web.test"])", R"(, "limits": {"connections": 1})");
  HttpConnection first(shuttle_.http());
  first.send("GET /bytes/10?hold=1 HTTP/1.1\r\nHost: web.test\r\n\r\n");
  ASSERT_TRUE(origin_.wait_for([](const OriginCounters& c) { return c.held == 1; }));
  const Message over = shuttle_.fetch("web.test", "/bytes/10");
  EXPECT_EQ(over.head.status, 503);
  EXPECT_TRUE(over.head.find("Retry-After"));
  origin_.open_gate();
  EXPECT_EQ(first.read_final_response().head.status, 200);
  EXPECT_TRUE(
      wait_until([&] { return shuttle_.fetch("web.test", "/bytes/10").head.status == 200; }));
}

TEST_F(ShuttleHttp, AClientOverItsRateIsToldWhenToComeBack) {
  put("web", R"(["web.test"])", R"(, "client_limits": {"requests_per_second": 1, "burst": 3})");
  int good = 0;
  Message over;
  for (int i = 0; i < 200 && over.head.status != 429; ++i) {
    over = shuttle_.fetch("web.test", "/bytes/10");
    good += over.head.status == 200 ? 1 : 0;
  }
  EXPECT_EQ(over.head.status, 429);
  EXPECT_GE(good, 3);
  EXPECT_TRUE(over.head.find("Retry-After"));
}

TEST_F(ShuttleHttp, ConnectionsOverALimitAreClosed) {
  const Address service = shuttle_.listen(
      "/tcp", R"({"address": "127.0.0.1:0", "limits": {"connections": 1}, "backends": [)" +
                  backend_json("a", origin_.address()) + "]}");
  HttpConnection first(service);
  first.send("GET /bytes/10 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(first.read_final_response().head.status, 200);
  HttpConnection second(service);
  EXPECT_TRUE(second.wait_closed());
  first.socket().close();
  EXPECT_TRUE(wait_until([&] { return get(service, "/bytes/10").head.status == 200; }));
}

// ---- TLS.

TEST(ShuttleHttps, ShowsEachHostItsCertificateOfTheFolder) {
  const TestCa ca("root");
  const TemporaryFolder folder;
  for (const std::string name : {"a.test", "*.b.test"}) {
    const Pem pem = ca.issue({.names = {name}});
    const std::string file = name.substr(name.find_first_not_of("*."));
    folder.write(file + ".pem", pem.certificate);
    folder.write(file + ".key", pem.key);
  }
  RunningShuttle shuttle({"-https=127.0.0.1:0", "-certs=" + folder.path()});
  ASSERT_TRUE(shuttle.started());
  const Origin origin;
  shuttle.change("/all", host_json("*", backend_json("a", origin.address())));
  for (const std::string host : {"a.test", "x.b.test"}) {
    auto client =
        TlsClient::connect(shuttle.https(), {.server_name = host, .trusted_pem = ca.pem()});
    ASSERT_TRUE(client && client->is_complete()) << host;
    client->send_all("GET /headers HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    const std::string answer = client->recv_to_end().bytes;
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_EQ(field_of(answer, "X-Forwarded-Proto"), "https") << answer;
  }
}

// ---- Other backends.

TEST_F(ShuttleHttp, BackendsMayBeUnixSockets) {
  const TemporaryFolder folder;
  Origin::Options options;
  options.unix_path = folder.file("origin.sock");
  const Origin origin(options);
  shuttle_.change("/web", R"({"virtual_hosts": ["web.test"], "backends": [{"name": "a",
      "network": "unix", "address": ")" +
                              options.unix_path + R"("}]})");
  EXPECT_TRUE(body_is(shuttle_.fetch("web.test", "/bytes/3000?seed=1"), Content::bytes(3000, 1)));
}

TEST_F(ShuttleHttp, BackendsMaySpeakTls) {
  const TestCa ca("root");
  const TemporaryFolder folder;
  const Pem pem = ca.issue({.names = {"far.test"}});
  folder.write("far.pem", pem.certificate);
  folder.write("far.key", pem.key);
  const std::string ca_file = folder.write("ca.crt", ca.pem());
  RunningShuttle far({"-https=127.0.0.1:0", "-certs=" + folder.path()});
  ASSERT_TRUE(far.started());
  far.change("/all", host_json("*", backend_json("a", origin_.address())));
  const std::string tls = R"(, "tls_ca_file": ")" + ca_file + R"(", "tls_server_name": ")";
  const std::string backend = backend_json("a", far.https(), R"(, "network": "https")");
  shuttle_.change("/web", host_json("web.test", backend, tls + "far.test\""));
  EXPECT_TRUE(body_is(shuttle_.fetch("web.test", "/bytes/3000?seed=1"), Content::bytes(3000, 1)));
  shuttle_.change("/web", host_json("web.test", backend, tls + "other.test\""));
  EXPECT_EQ(shuttle_.fetch("web.test", "/bytes/10").head.status, 502);
}

TEST_F(ShuttleHttp, BackendsMayBeTheFarEndsOfLinks) {
  const RunningHttptp far(far_flags(origin_.address().text()));
  ASSERT_TRUE(far.started());
  shuttle_.change("/web", host_json("web.test", backend_json("a", far.address(),
                                                             R"(, "network": "teleport")")));
  EXPECT_TRUE(body_is(shuttle_.fetch("web.test", "/bytes/3000?seed=1"), Content::bytes(3000, 1)));
  EXPECT_EQ(field_of(seen(), "Host"), "web.test");
}

TEST_F(ShuttleHttp, AServiceMayBeTheFarEndOfALink) {
  const Address link =
      shuttle_.listen("/far", R"({"address": "127.0.0.1:0", "network": "teleport", "backends": [)" +
                                  backend_json("a", origin_.address()) + "]}");
  const RunningHttptp near(near_flags(link.text()));
  ASSERT_TRUE(near.started());
  EXPECT_TRUE(body_is(get(near.address(), "/bytes/3000?seed=1"), Content::bytes(3000, 1)));
  RunningShuttle other;
  ASSERT_TRUE(other.started());
  other.change("/near", host_json("*", backend_json("a", link, R"(, "network": "teleport")")));
  EXPECT_TRUE(body_is(other.fetch("any", "/bytes/3000?seed=1"), Content::bytes(3000, 1)));
}

TEST_F(ShuttleHttp, AServiceMayHaveListenersOfItsOwn) {
  const std::string own = R"({"address": "127.0.0.1:0", "network": "http"})";
  const Address listener =
      shuttle_.listen("/web", host_json("web.test", backend_json("a", origin_.address()),
                                        R"(, "listeners": [)" + own + "]"));
  EXPECT_EQ(RunningShuttle::fetch_from(listener, "whatever", "/bytes/10").head.status, 200);
  EXPECT_EQ(shuttle_.fetch("web.test", "/bytes/10").head.status, 200);
  EXPECT_EQ(shuttle_.fetch("whatever", "/bytes/10").head.status, 404);
  shuttle_.change("/web", R"({"listeners": [)" + own + R"(, {"network": "teleport", "address":
      "localhost:0"}]})");
  EXPECT_EQ(RunningShuttle::fetch_from(listener, "whatever", "/bytes/10").head.status, 200);
  shuttle_.change("/web", R"({"listeners": []})");
  EXPECT_TRUE(wait_until([&] { return !Socket::connect(listener).has_value(); }));
}

}  // namespace
}  // namespace httpteleport::test
