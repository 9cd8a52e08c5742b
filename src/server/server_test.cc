#include "server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/log.h"
#include "server/test_server.h"
#include "support/content.h"
#include "support/process.h"
#include "support/temporary_folder.h"
#include "support/tls_endpoint.h"

namespace httpteleport::server {
namespace {

using test::Origin;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kGet = "GET /bytes/9000?seed=7 HTTP/1.1\r\nHost: a\r\n\r\n";

class ServerTest : public testing::Test {
 protected:
  config::Snapshot snapshot() { return snapshot_to(origin_.address()); }
  config::Snapshot unix_snapshot(const std::string& path) {
    config::Snapshot snapshot = this->snapshot();
    snapshot.listener.address = *net::Address::unix_path(path);
    return snapshot;
  }

  TestFolder folder_;
  BlockedSignals blocked_;  // before the origin's thread starts
  Origin origin_;
};

TEST_F(ServerTest, TakesRequestsOverAUnixSocketAndRemovesItsFileAtTheEnd) {
  const std::string path = folder_.file("s");
  config::Snapshot snapshot = unix_snapshot(path);
  snapshot.listener.unix_mode = 0660;
  TestServer server(snapshot);
  ASSERT_EQ(server.problem(), "");
  EXPECT_EQ(server.address().text(), "unix:" + path);
  struct stat found {};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777u, 0660u);
  test::HttpConnection client(server.address());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(kGet));
    const test::Message answer = client.read_response();
    EXPECT_EQ(answer.head.status, 200);
    EXPECT_EQ(answer.body.size(), 9000u);
  }
  EXPECT_EQ(server.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerTest, SpreadsTheConnectionsOfAUnixSocketOverTheWorkers) {
  config::Snapshot snapshot = unix_snapshot("@" + folder_.file("s"));
  snapshot.workers = 3;
  TestServer server(snapshot);
  ASSERT_EQ(server.problem(), "");
  std::vector<test::HttpConnection> clients;
  for (int i = 0; i < 9; ++i) {
    clients.emplace_back(server.address());
    ASSERT_TRUE(clients.back().send(kGet));
    EXPECT_EQ(clients.back().read_response().head.status, 200);
  }
  int workers_with_three = 0;
  server.sum([&](const metrics::WorkerMetrics& metrics) {
    workers_with_three += metrics.downstream_sockets.open.value() == 3;
    return 0;
  });
  EXPECT_EQ(workers_with_three, 3);
}

TEST_F(ServerTest, ServesCurlOverAUnixSocket) {
  const std::string path = folder_.file("s");
  TestServer server(unix_snapshot(path));
  ASSERT_EQ(server.problem(), "");
  test::Process curl({"/usr/bin/curl", "-sS", "--fail", "--max-time", "10", "--unix-socket", path,
                      "http://name/status/200", "http://name/headers", "-d", "x=1"});
  const auto status = curl.wait_exit();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 0) << curl.output();
  ASSERT_TRUE(curl.wait_line("POST /headers"));
  EXPECT_THAT(curl.output(), HasSubstr("Host: name"));
}

TEST_F(ServerTest, AddsNoAddressOfAUnixClient) {
  config::Snapshot snapshot = unix_snapshot(folder_.file("s"));
  snapshot.exchanges.forwarding.client_ip_field = "X-Client";
  snapshot.exchanges.forwarding.x_forwarded = true;
  TestServer server(snapshot);
  const test::Message answer =
      test::exchange(server.address(),
                     "GET /headers HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nX-Client: "
                     "192.0.2.1\r\n\r\n");
  EXPECT_THAT(answer.body, HasSubstr("X-Forwarded-For: 192.0.2.1\r\n"));
  EXPECT_THAT(answer.body, HasSubstr("X-Client: 192.0.2.1\r\n"));
}

TEST_F(ServerTest, PassesRequestsOnToAUnixSocket) {
  TestServer far(unix_snapshot(folder_.file("far")));
  ASSERT_EQ(far.problem(), "");
  TestServer near(snapshot_to(far.address()));
  ASSERT_EQ(near.problem(), "");
  test::HttpConnection client(near.address());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(kGet));
    EXPECT_EQ(client.read_response().body.size(), 9000u);
  }
}

TEST_F(ServerTest, LinksWorkOverUnixSockets) {
  config::Snapshot far_snapshot = unix_snapshot(folder_.file("far"));
  far_snapshot.listener.protocol = config::ListenerProtocol::kTeleport;
  TestServer far(far_snapshot);
  ASSERT_EQ(far.problem(), "");
  config::Snapshot near_snapshot = snapshot_to(far.address());
  near_snapshot.clusters[0].protocol = upstream::Protocol::kTeleport;
  TestServer near(near_snapshot);
  ASSERT_EQ(near.problem(), "");
  EXPECT_EQ(test::exchange(near.address(), kGet).body.size(), 9000u);
}

TEST_F(ServerTest, AnswersWhenNobodyListensOnTheUnixSocketBehindIt) {
  TestServer server(snapshot_to({.unix_path = folder_.file("nobody")}));
  ASSERT_EQ(server.problem(), "");
  EXPECT_EQ(test::exchange(server.address(), kGet).head.status, 502);
}

TEST_F(ServerTest, SaysWhoHasTheAddress) {
  TestServer first(snapshot());
  ASSERT_EQ(first.problem(), "");
  config::Snapshot same = snapshot();
  same.listener.address = address_of(first.address());
  const TestServer second(same);
  EXPECT_THAT(second.problem(), HasSubstr("cannot listen on -in: address already in use by pid " +
                                          std::to_string(getpid()) + " ("));

  TestServer third(unix_snapshot(folder_.file("s")));
  ASSERT_EQ(third.problem(), "");
  const TestServer fourth(unix_snapshot(folder_.file("s")));
  EXPECT_THAT(fourth.problem(), HasSubstr("address already in use by pid "));
  EXPECT_TRUE(std::filesystem::exists(folder_.file("s")));
}

TEST_F(ServerTest, SaysWhatToDoAboutAPathThatCannotBeUsed) {
  std::ofstream(folder_.file("file")) << "precious";
  EXPECT_THAT(TestServer(unix_snapshot(folder_.file("file"))).problem(),
              HasSubstr("is a file that is no socket; remove it"));
  EXPECT_THAT(TestServer(unix_snapshot(folder_.file("none/s"))).problem(),
              HasSubstr("does not exist; create it"));
}

TEST(DescribeListenError, SaysWhatToDo) {
  const auto text = [](const char* ip, uint16_t port, int sys_errno) {
    const auto address = net::resolve_connect({ip, port});
    return describe_listen_error("-in=\":x\"", address->front(),
                                 {Code::kSystem, Source::kInternal, sys_errno, "cannot bind"});
  };
  EXPECT_THAT(text("127.0.0.1", 443, EACCES),
              HasSubstr("cannot listen on -in=\":x\": permission denied. Ports below 1024 need a "
                        "privilege: "));
  EXPECT_THAT(text("127.0.0.1", 8080, EACCES), Not(HasSubstr("1024")));
  EXPECT_THAT(text("192.0.2.1", 80, EADDRNOTAVAIL), HasSubstr("no address 192.0.2.1"));
  EXPECT_THAT(text("127.0.0.1", 1, EADDRINUSE), HasSubstr("in use by another process"));
  EXPECT_THAT(text("127.0.0.1", 80, ENOBUFS), HasSubstr("cannot bind: No buffer space"));
}

TEST_F(ServerTest, OpensItsLogsAgainOnSighup) {
  config::Snapshot snapshot = this->snapshot();
  snapshot.log.file = folder_.file("log");
  snapshot.access_log.file = folder_.file("access");
  ASSERT_TRUE(program_log().configure(snapshot.log));
  {
    TestServer server(snapshot);
    ASSERT_EQ(server.problem(), "");
    test::get(server.address(), "/bytes/1");
    EXPECT_TRUE(test::wait_until([&] {
      return test::read_file(folder_.file("access")).find("/bytes/1 ") != std::string::npos;
    }));
    for (const char* name : {"log", "access"})
      std::filesystem::rename(folder_.file(name), folder_.file(std::string("old_") + name));
    server.hang_up();
    EXPECT_TRUE(test::wait_until([&] {
      return std::filesystem::exists(folder_.file("access")) &&
             std::filesystem::exists(folder_.file("log"));
    }));
    test::get(server.address(), "/bytes/2");
    EXPECT_EQ(server.stop(), 0);
  }
  EXPECT_TRUE(program_log().configure({}));
  EXPECT_THAT(test::read_file(folder_.file("old_access")), Not(HasSubstr("/bytes/2 ")));
  EXPECT_THAT(test::read_file(folder_.file("access")), HasSubstr("/bytes/2 "));
  EXPECT_THAT(test::read_file(folder_.file("log")), HasSubstr("log files opened again"));
}

// ---- Workers that hang.

// Never comes back to the worker that asks it.
class StuckProvider final : public tls::CertificateProvider {
 public:
  Found find(std::string_view) const override {
    is_asked = true;
    for (;;)
      pause();
  }
  mutable std::atomic<bool> is_asked = false;
};

// SIGTERM, `signals` times, while the only worker hangs. Ends with code 77 when nothing else ends
// the process.
[[noreturn]] void terminate_with_a_stuck_worker(int signals, Duration stuck_timeout) {
  config::Snapshot snapshot = snapshot_to({.port = 1});
  snapshot.workers = 1;
  snapshot.shutdown_timeout = Duration::zero();
  const auto provider = std::make_shared<StuckProvider>();
  snapshot.tls = tls::ServerOptions{
      .certificates = provider,
      .ticket_keys = std::make_shared<tls::TicketKeys>(std::vector<std::string>()),
      .client_cas = nullptr};
  TestServer server(snapshot);
  server.server().set_stuck_timeout_for_test(stuck_timeout);
  test::TlsEndpoint client({.server_name = "a.example"});
  test::HttpConnection connection(server.address());
  connection.send(client.take_output());
  test::wait_until([&] { return provider->is_asked.load(); });
  server.terminate();
  test::wait_until([&] { return !server.server().is_ready(); });
  if (signals > 1) server.terminate();
  test::wait_until([] { return false; });
  _exit(77);
}

TEST(StuckWorker, DoesNotKeepASecondSignalFromEndingTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(terminate_with_a_stuck_worker(2, std::chrono::hours(1)), testing::ExitedWithCode(130),
              "second signal");
}

TEST(StuckWorker, IsLeftBehindWhenTheTimeIsOver) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(terminate_with_a_stuck_worker(1, std::chrono::milliseconds(1)),
              testing::ExitedWithCode(1), "hang");
}

// ---- Names.

// A reload that knew the addresses of the start only would bring those back.
TEST_F(ServerTest, ReloadsWithTheAddressesThatNamesHaveNow) {
  config::Snapshot snapshot = this->snapshot();
  upstream::EndpointOptions& endpoint = snapshot.clusters[0].endpoints[0];
  snapshot.clusters[0].lookup_interval = std::chrono::milliseconds(5);
  endpoint.lookup = net::HostPort{"localhost", origin_.address().port};
  const auto now = *net::resolve_connect(*endpoint.lookup);
  endpoint.addresses = {*net::Address::unix_path(folder_.file("none"))};
  TestServer server(snapshot);
  ASSERT_EQ(server.problem(), "");
  EXPECT_TRUE(test::wait_until([&] {
    server.hang_up();
    const std::vector<net::Address> known = server.addresses_at_hang_up();
    return std::is_permutation(known.begin(), known.end(), now.begin(), now.end());
  }));
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(ServerTest, SaysWhyItHasNoAccessLog) {
  config::Snapshot snapshot = this->snapshot();
  snapshot.access_log.file = folder_.file("none/access");
  const TestServer server(snapshot);
  EXPECT_EQ(server.problem(), "-accessLog: cannot open " + folder_.file("none/access") +
                                  ": No such file or directory");
}

}  // namespace
}  // namespace httpteleport::server
