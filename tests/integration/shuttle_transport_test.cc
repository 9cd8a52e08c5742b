// What the older program did wrong between its sockets: UDP, half-closed TCP, ports, checks,
// signals. Each test says what is right.
#include <csignal>
#include <map>
#include <thread>

#include "running_shuttle.h"
#include "support/content.h"
#include "support/datagram.h"
#include "support/tls_client.h"

namespace httpteleport::test {
namespace {

std::string udp_json(const std::string& backends, const std::string& more = {}) {
  return R"({"address": "127.0.0.1:0", "network": "udp", "backends": [)" + backends + "]" + more +
         "}";
}
std::string udp_backend(const std::string& name, const Address& address,
                        const std::string& more = {}) {
  return backend_json(name, address, R"(, "network": "udp")" + more);
}
std::string tcp_json(const std::string& backends, const std::string& more = {}) {
  return R"({"address": "127.0.0.1:0", "backends": [)" + backends + "]" + more + "}";
}

// ---- UDP.

TEST(ShuttleUdp, RepliesReachTheClientAndAreNeverBalanced) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const DatagramEcho a("a");
  const DatagramEcho b("b");
  const Address service = shuttle.listen(
      "/dns", udp_json(udp_backend("a", a.address()) + "," + udp_backend("b", b.address())), "udp");
  constexpr int kDatagrams = 20;
  std::map<std::string, int> answered;  // by the name of the backend
  for (int client = 0; client < 4; ++client) {
    DatagramSocket socket;
    std::string first;
    for (int i = 0; i < kDatagrams; ++i) {
      socket.send(service.port, "question " + std::to_string(i));
      const auto reply = socket.receive();
      ASSERT_TRUE(reply) << "client " << client << ", datagram " << i;
      EXPECT_EQ(reply->from, service.port);
      EXPECT_EQ(reply->bytes.substr(1), ":question " + std::to_string(i));
      if (first.empty()) first = reply->bytes.substr(0, 1);
      EXPECT_EQ(reply->bytes.substr(0, 1), first) << "a client has one backend";
    }
    ++answered[first];
  }
  EXPECT_EQ(answered["a"], 2);
  EXPECT_EQ(answered["b"], 2);
  EXPECT_EQ(a.received() + b.received(), 4 * kDatagrams);
  EXPECT_EQ(shuttle.number("/dns/a", "errors"), 0);
  EXPECT_EQ(shuttle.number("/dns/a", "connections"), 2);
}

TEST(ShuttleUdp, ABackendThatIsDownGetsNothing) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const DatagramEcho down("down");
  const DatagramEcho up("up");
  const Address service = shuttle.listen(
      "/dns",
      udp_json(udp_backend("down", down.address(),
                           R"(, "check_address": ")" + dead_address().text() + "\"") +
                   "," + udp_backend("up", up.address()),
               R"(, "check_interval": 50, "fall": 1)"),
      "udp");
  ASSERT_TRUE(shuttle.wait_up("dns/down", false));
  for (int i = 0; i < 6; ++i) {
    DatagramSocket client;
    client.send(service.port, "x");
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->bytes, "up:x");
  }
  EXPECT_EQ(down.received(), 0);
}

TEST(ShuttleUdp, StoppingAServiceIsNoError) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const DatagramEcho echo("a");
  const Address service = shuttle.listen("/dns", udp_json(udp_backend("a", echo.address())), "udp");
  DatagramSocket client;
  client.send(service.port, "x");
  ASSERT_TRUE(client.receive());
  shuttle.change("/dns", "", "DELETE");
  EXPECT_TRUE(wait_until(
      [&] { return !listening_ports(shuttle.process().pid(), "udp").contains(service.port); }));
  EXPECT_EQ(shuttle.process().output().find("error"), std::string::npos)
      << shuttle.process().output();
}

TEST(ShuttleUdp, ABackendsNetworkSurvivesARestartFromTheState) {
  const TemporaryFolder folder;
  const std::string state = "-state=" + folder.file("state.json");
  const DatagramEcho echo("a");
  std::string before;
  {
    RunningShuttle shuttle({state});
    ASSERT_TRUE(shuttle.started());
    shuttle.change("/dns", udp_json(udp_backend("a", echo.address()) + "," +
                                    backend_json("b", dead_address(), R"(, "network": "udp4")")));
    shuttle.change("/dns/b/_state", "down");
    before = shuttle.get("/dns/_config").body;
    EXPECT_NE(before.find("\"network\": \"udp4\""), std::string::npos) << before;
  }
  RunningShuttle shuttle({state});
  ASSERT_TRUE(shuttle.started());
  EXPECT_EQ(shuttle.get("/dns/_config").body, before);
  const auto ports = listening_ports(shuttle.process().pid(), "udp");
  ASSERT_EQ(ports.size(), 1U);
  DatagramSocket client;
  client.send(*ports.begin(), "x");
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->bytes, "a:x");
}

// ---- TCP.

// A backend that reads to the end of what a client has to say, and only then answers.
class LateServer {
 public:
  explicit LateServer(Content answer) : thread_([this, answer] { serve(answer); }) {}
  ~LateServer() {
    listener_.shut_down();
    thread_.join();
  }
  Address address() const { return listener_.address(); }
  // After the client has got everything.
  const Received& received() const { return received_; }

 private:
  void serve(const Content& answer) {
    auto socket = listener_.accept(after(6 * kPatience));
    if (!socket) return;
    received_ = socket->recv_to_end(after(3 * kPatience));
    socket->send_all(answer.to_string(), after(3 * kPatience));
    socket->shutdown_write();
  }

  Listener listener_;
  Received received_;
  std::thread thread_;
};

TEST(ShuttleTcp, HalfClosedConnectionsCarryEveryByteBothWays) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Content question = Content::bytes(3'000'000, 1);
  const Content answer = Content::bytes(3'000'000, 2);
  for (int round = 0; round < 5; ++round) {
    const std::string name = "/s" + std::to_string(round);
    LateServer server(answer);
    const Address service = shuttle.listen(name, tcp_json(backend_json("a", server.address())));
    auto client = Socket::connect(service);
    ASSERT_TRUE(client);
    EXPECT_EQ(client->send_all(question.to_string(), after(3 * kPatience)), IoStatus::kOk);
    client->shutdown_write();
    const Received got = client->recv_to_end(after(3 * kPatience));
    EXPECT_EQ(got.status, IoStatus::kClosed);
    EXPECT_EQ(got.bytes.size(), answer.size());
    EXPECT_TRUE(answer.matches(0, got.bytes));
    EXPECT_EQ(server.received().status, IoStatus::kClosed);
    EXPECT_EQ(server.received().bytes.size(), question.size());
    EXPECT_TRUE(question.matches(0, server.received().bytes));
  }
}

TEST(ShuttleTcp, TwoBackendsOfOneAddressHaveCountersOfTheirOwn) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Origin origin;
  const Address service =
      shuttle.listen("/tcp", tcp_json(backend_json("a", origin.address()) + "," +
                                      backend_json("b", origin.address(), R"(, "weight": 2)")));
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(get(service, "/bytes/10").head.status, 200);
  EXPECT_EQ(shuttle.number("/tcp/a", "connections"), 2);
  EXPECT_EQ(shuttle.number("/tcp/b", "connections"), 4);
  EXPECT_EQ(shuttle.number("/tcp/b", "sent"), 2 * shuttle.number("/tcp/a", "sent"));
}

TEST(ShuttleTcp, AClientWithoutABackendIsAnErrorOfTheService) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Address service = shuttle.listen("/tcp", tcp_json(""));
  HttpConnection client(service);
  EXPECT_TRUE(client.wait_closed());
  EXPECT_TRUE(wait_until([&] { return shuttle.number("/tcp", "errors") == 1; }));
}

// ---- Ports.

TEST(ShuttlePorts, AServiceOfVirtualHostsOpensNone) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const auto tcp = listening_ports(shuttle.process().pid());
  EXPECT_EQ(tcp, (std::set<uint16_t>{shuttle.admin().port, shuttle.http().port}));
  const Origin origin;
  shuttle.change("/web", host_json("web.test", backend_json("a", origin.address())));
  EXPECT_EQ(shuttle.fetch("web.test", "/bytes/10").head.status, 200);
  EXPECT_EQ(listening_ports(shuttle.process().pid()), tcp);
  EXPECT_TRUE(listening_ports(shuttle.process().pid(), "udp").empty());
}

TEST(ShuttlePorts, AnAddressThatIsTakenIsRefusedAndNothingIsChanged) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Origin origin;
  const std::string backends = "[" + backend_json("a", origin.address()) + "]";
  const Address free = shuttle.listen("/tcp", tcp_json(backend_json("a", origin.address())));
  shuttle.change("/fixed", tcp_json(backend_json("a", origin.address())));
  const std::string port = std::to_string(free.port);
  const std::string before = shuttle.get("/_config").body;
  const auto ports = listening_ports(shuttle.process().pid());
  for (const std::string& taken :
       {shuttle.admin().text(), ":" + std::to_string(shuttle.admin().port), shuttle.http().text(),
        "0.0.0.0:" + std::to_string(shuttle.http().port), "127.0.0.1:" + port, ":" + port}) {
    for (const char* service : {"/new", "/fixed"}) {
      const Message answer = shuttle.put(
          service, R"({"address": ")" + taken + R"(", "fall": 9, "backends": )" + backends + "}");
      EXPECT_EQ(answer.head.status, 400) << service << " " << taken;
      EXPECT_NE(answer.body.find(taken), std::string::npos) << answer.body;
    }
  }
  EXPECT_EQ(shuttle.get("/_config").body, before);
  EXPECT_EQ(listening_ports(shuttle.process().pid()), ports);
  EXPECT_EQ(get(free, "/bytes/10").head.status, 200);
}

TEST(ShuttlePorts, ServicesOfAnyPortHaveEachTheirOwn) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const auto put = [&](const std::string& fall) {
    std::string services;
    for (const char* name : {"a", "b"}) {
      services += (services.empty() ? R"({"name": ")" : R"(, {"name": ")") + std::string(name) +
                  R"(", "fall": )" + fall + R"(, "address": "127.0.0.1:0",
                  "listeners": [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0"}]})";
    }
    shuttle.change("/_config", R"({"services": [)" + services + "]}");
    return listening_ports(shuttle.process().pid());
  };
  const std::set<uint16_t> ports = put("2");
  EXPECT_EQ(ports.size(), 2U + 6U);
  EXPECT_EQ(put("3"), ports);
}

TEST(ShuttlePorts, AnotherHostsPortIsNotTaken) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  shuttle.change("/new",
                 R"({"address": "127.0.0.2:)" + std::to_string(shuttle.admin().port) + "\"}");
}

TEST(ShuttlePorts, AServiceThatCannotStartLeavesNoChecksBehind) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Origin leaked;
  Origin checked;
  const auto backend = [](const Origin& origin) {
    return backend_json("a", origin.address(),
                        R"(, "check_address": ")" + origin.address().text() + "\"");
  };
  const std::string service = R"(", "check_interval": 20, "backends": [)";
  const Message answer = shuttle.put(
      "/bad", R"({"address": ")" + shuttle.admin().text() + service + backend(leaked) + "]}");
  EXPECT_EQ(answer.head.status, 400);
  const Listener other;  // which only the kernel knows to be taken
  const Message late = shuttle.put(
      "/bad", R"({"address": ")" + other.address().text() + service + backend(leaked) + "]}");
  EXPECT_EQ(late.head.status, 400);
  shuttle.change("/good", R"({"address": "127.0.0.1:0)" + service + backend(checked) + "]}");
  EXPECT_TRUE(
      checked.wait_for([](const OriginCounters& c) { return c.connections_accepted >= 10; }));
  EXPECT_EQ(leaked.counters().connections_accepted, 0U);
}

// ---- Checks.

// A service whose backend is checked by HTTP at an origin, so that the test decides how it is.
std::string checked_json(const Origin& origin, const std::string& values) {
  return host_json("web.test",
                   backend_json("a", origin.address(),
                                R"(, "check_address": ")" + origin.address().text() + "\""),
                   R"(, "check": {"type": "http", "path": "/bytes/1"}, )" + values);
}

TEST(ShuttleChecks, RiseAndFallAreCounted) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  Origin origin;
  shuttle.change("/web", checked_json(origin, R"("check_interval": 50, "fall": 4, "rise": 3)"));
  // One look tells both: whether it is up, and how many checks have said otherwise.
  const auto watch = [&](const char* counter, bool goal, int64_t wanted) {
    const int64_t before = shuttle.number("/web/a", counter);
    origin.set_mood(goal ? Origin::Mood::kWell : Origin::Mood::kFails);
    return wait_until([&] {
      const std::string stats = shuttle.get("/web/a").body;
      const bool up = stats.find("\"up\": true") != std::string::npos;
      const int64_t count = json_number(stats, counter).value_or(-1) - before;
      EXPECT_TRUE(up != goal || count >= wanted) << stats;
      return up == goal;
    });
  };
  ASSERT_TRUE(wait_until([&] { return shuttle.number("/web/a", "check_success") >= 1; }));
  EXPECT_TRUE(watch("check_fail", false, 4));
  EXPECT_TRUE(watch("check_success", true, 3));
}

TEST(ShuttleChecks, TheFirstComesAtOnce) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Origin origin;
  shuttle.change("/web", checked_json(origin, R"("check_interval": "1h")"));
  EXPECT_TRUE(wait_until([&] { return shuttle.number("/web/a", "check_success") == 1; }));
  shuttle.change("/dead",
                 host_json("dead.test",
                           backend_json("a", origin.address(),
                                        R"(, "check_address": ")" + dead_address().text() + "\""),
                           R"(, "check_interval": "1h", "fall": 1)"));
  EXPECT_TRUE(shuttle.wait_up("dead/a", false));
}

TEST(ShuttleChecks, AChangedIntervalIsThatOfRunningBackends) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Origin origin;
  shuttle.change("/web", checked_json(origin, R"("check_interval": "1h")"));
  EXPECT_TRUE(wait_until([&] { return shuttle.number("/web/a", "check_success") == 1; }));
  shuttle.change("/web", R"({"check_interval": 20})");
  EXPECT_TRUE(wait_until([&] { return shuttle.number("/web/a", "check_success") >= 10; }));
}

// ---- Signals and beginnings.

TEST(ShuttleSignals, SigtermFinishesWhatRuns) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  Origin origin;
  shuttle.change("/web", host_json("web.test", backend_json("a", origin.address())));
  HttpConnection client(shuttle.http());
  client.send("GET /bytes/1000?seed=3&hold=1 HTTP/1.1\r\nHost: web.test\r\n\r\n");
  ASSERT_TRUE(origin.wait_for([](const OriginCounters& c) { return c.held == 1; }));
  shuttle.process().signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] { return !Socket::connect(shuttle.http()).has_value(); }));
  EXPECT_TRUE(shuttle.process().is_running());
  origin.open_gate();
  EXPECT_TRUE(body_is(client.read_final_response(), Content::bytes(1000, 3)));
  const auto status = shuttle.process().wait_exit();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 0) << status->text();
}

TEST(ShuttleSignals, SighupDoesNotEndIt) {
  RunningShuttle shuttle;
  ASSERT_TRUE(shuttle.started());
  const Origin origin;
  shuttle.change("/web", host_json("web.test", backend_json("a", origin.address())));
  HttpConnection client(shuttle.http());
  for (int i = 0; i < 3; ++i) {
    shuttle.process().signal(SIGHUP);
    client.send("GET /bytes/10 HTTP/1.1\r\nHost: web.test\r\n\r\n");
    EXPECT_EQ(client.read_final_response().head.status, 200);
    EXPECT_EQ(shuttle.get("/_health").head.status, 200);
  }
}

class ShuttleCertificates : public testing::Test {
 protected:
  void write(const std::string& host) const {
    const Pem pem = ca_.issue({.names = {host}});
    folder_.write(host + ".pem", pem.certificate);
    folder_.write(host + ".key", pem.key);
  }
  // Whether that host is shown a certificate for its name.
  bool has_certificate(const Address& address, const std::string& host) const {
    const auto client =
        TlsClient::connect(address, {.server_name = host, .trusted_pem = ca_.pem()});
    return client && client->is_complete();
  }

  const TestCa ca_{"root"};
  const TemporaryFolder folder_;
};

TEST_F(ShuttleCertificates, ArePickedUpWhileItRuns) {
  write("first.test");
  RunningShuttle shuttle({"-https=127.0.0.1:0", "-certs=" + folder_.path()});
  ASSERT_TRUE(shuttle.started());
  EXPECT_TRUE(has_certificate(shuttle.https(), "first.test"));
  EXPECT_FALSE(has_certificate(shuttle.https(), "second.test"));
  write("second.test");
  EXPECT_TRUE(wait_until([&] { return has_certificate(shuttle.https(), "second.test"); }));
  write("third.test");
  shuttle.process().signal(SIGHUP);
  EXPECT_TRUE(wait_until([&] { return has_certificate(shuttle.https(), "third.test"); }));
}

// Runs it to its end; what it has written.
std::string failed_start(const Flags& flags) {
  std::vector<std::string> argv = {bin_dir() + "/shuttle"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  Process process(argv);
  const auto status = process.wait_exit();
  EXPECT_TRUE(status) << "it lives on: " << process.output();
  EXPECT_EQ(status.value_or(ExitStatus{}).code, 1) << process.output();
  return process.output();
}

TEST(ShuttleStart, AnAddressThatCannotBeHadEndsIt) {
  const Listener taken;
  const std::string address = taken.address().text();
  const std::string http = failed_start({"-admin=127.0.0.1:0", "-http=" + address});
  EXPECT_NE(http.find("-http=\"" + address + "\""), std::string::npos) << http;
  const std::string admin = failed_start({"-admin=" + address});
  EXPECT_NE(admin.find("-admin=\"" + address + "\""), std::string::npos) << admin;
}

TEST(ShuttleStart, AMissingFolderOfCertificatesEndsIt) {
  const std::string output =
      failed_start({"-admin=127.0.0.1:0", "-https=127.0.0.1:0", "-certs=/none/of/these"});
  EXPECT_NE(output.find("/none/of/these"), std::string::npos) << output;
}

}  // namespace
}  // namespace httpteleport::test
